"""One word: as a phrase speaks of it, and alone in a featureset."""

from __future__ import annotations

import pytest

from xenops_cpu.features import phrases
from xenops_cpu.features.featureset import Featureset, FeaturesetError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("word 1 of 7ed8320b", phrases.Words(1, 0x7ED8320B)),
        ("word 1: 0x7ED8320B", phrases.Words(1, 0x7ED8320B)),
        ("word 12 7", phrases.Words(12, 7)),
        (
            "cap[ 1] is 7ed8320b (expected f6d8320b)",
            phrases.Words(1, 0x7ED8320B, 0xF6D8320B),
        ),
        ("(XEN) CPU1: cap[10] is 00000000 (expected 00000020)", phrases.Words(10, 0, 0x20)),
        ("7ed8320b", None),
        ("1:2:3", None),
    ],
)
def test_phrases(text: str, expected: phrases.Words | None) -> None:
    """People and logs speak of one word in several ways; a featureset is no phrase."""
    assert phrases.phrase(text) == expected


def test_one_word() -> None:
    """A word at its place, and a featureset with the other words cleared."""
    assert phrases.word(1, 0x80000000) == Featureset.of_words([0, 0x80000000])
    whole = Featureset.of_words([1, 2, 3])
    assert phrases.only(whole, 1) == Featureset.of_words([0, 2, 0])
    with pytest.raises(FeaturesetError, match="no word 64: words are 0 to 63"):
        phrases.word(64, 1)


def test_a_cap_without_what_was_expected() -> None:
    """Some messages give the word alone."""
    assert phrases.phrase("cap[3] = 0x80") == phrases.Words(3, 0x80, None)
    assert phrases.phrase("CAP[3] = 0X80") == phrases.Words(3, 0x80, None)


def test_the_first_word() -> None:
    """Word 0 is a word, and each of its bits is kept."""
    assert phrases.word(0, 3) == Featureset(3, 1)
    assert phrases.only(Featureset.of_words([3, 3]), 0) == Featureset.of_words([3, 0])
    with pytest.raises(FeaturesetError, match="no word -1"):
        phrases.word(-1, 1)
