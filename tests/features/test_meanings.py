"""What features are: a sentence and a group for each, and the copies of leaf 1."""

from __future__ import annotations

import pytest

from xenops_cpu.features import meanings
from xenops_cpu.features.release import COMMON_1D, NEWEST, RELEASES, release


def test_every_feature_has_a_sentence_and_a_group() -> None:
    """Of every release, under the name that it had there; groups are those that have titles."""
    for name in RELEASES:
        for feature in release(name).features.values():
            meaning = meanings.meaning(release(name), feature.number)
            assert meaning.text.endswith("."), feature
            assert meaning.group in meanings.GROUPS
            assert meaning.group not in (meanings.UNNAMED, meanings.COPIES)


def test_sentences_differ() -> None:
    """No two features have the same sentence: each says what is its own."""
    xen = release(NEWEST)
    texts = [meanings.meaning(xen, number.number).text for number in xen.features.values()]
    assert len(texts) == len(set(texts))


def test_a_bit_without_a_name() -> None:
    """Nothing is said of it."""
    assert meanings.meaning(release(NEWEST), 10) == meanings.Meaning(meanings.UNNAMED)


def test_copies_are_those_of_libxc() -> None:
    """AMD's copies are the bits that XenServer's libxc adds, and are told by leaf 1's names."""
    copies = {n for n in range(64, 96) if meanings.copy_of(n) is not None}
    assert sum(1 << (n - 64) for n in copies) == COMMON_1D
    assert meanings.copy_of(64 + 19) is None
    assert meanings.copy_of(0) is None
    text = "SYSCALL (and AMD's copies of leaf 1 in leaf 80000001h: FPU DE)"
    assert meanings.brief(release(NEWEST), [64, 66, 64 + 11]) == text


def test_groups_in_order() -> None:
    """Features by group, groups in the order in which people are told of them."""
    xen = release(NEWEST)
    numbers = [xen.features[name].number for name in ("RTM", "FPU", "HLE")]
    found = meanings.by_group(xen, numbers)
    assert {group: xen.names(members) for group, members in found.items()} == {
        "base": ["FPU"],
        "tsx": ["RTM", "HLE"],
    }
    assert list(found) == ["base", "tsx"]


def test_a_copy_says_what_it_copies() -> None:
    """Unnamed in every release, it is told by the name of the feature of leaf 1."""
    assert meanings.meaning(release("4.17"), 64) == meanings.Meaning(
        meanings.COPIES, "AMD's copy of FPU, which is in leaf 1."
    )
    for name in RELEASES:
        assert not any(
            release(name).feature(number)
            for number in range(64, 96)
            if meanings.copy_of(number) is not None
        )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("HLE", "TSX's older half, off by default"),
        ("RTM", "TSX, hidden at boot because it is off here"),
        ("MD_CLEAR", "tells a guest that VERW scrubs buffers"),
        ("VMX", "nested virtualisation, given only on request"),
        ("AVX", "off at boot unless the guest's configuration asks for it"),
    ],
)
def test_why_a_feature_is_only_taken_in(name: str, words: str) -> None:
    """A sentence of its own, or that of all that are given on request."""
    xen = release("4.17")
    assert meanings.why_only_in_migration(xen, xen.features[name].number).startswith(words)


def test_a_copy_of_leaf_1_is_a_compatibility_bit() -> None:
    """Xen 4.7 showed it, and records of VMs have it since."""
    assert meanings.why_only_in_migration(release("4.17"), 64).startswith("shown twice by Xen 4.7")
    assert meanings.why_only_in_migration(release("4.17"), 10).startswith("off at boot unless")


def test_features_that_share_a_sentence() -> None:
    """Names by sentence, in the order in which sentences come first."""
    xen = release("4.17")
    numbers = [xen.features[name].number for name in ("VMX", "HLE", "SVM", "AVX")]
    found = meanings.grouped(xen, numbers)
    assert list(found.values()) == [["VMX", "SVM"], ["HLE"], ["AVX"]]
    assert list(found) == [
        meanings.why_only_in_migration(xen, n) for n in (*numbers[:2], numbers[3])
    ]
