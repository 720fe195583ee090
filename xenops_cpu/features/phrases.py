"""One word of a featureset: as a phrase or a log speaks of it, and as a set that has no other."""

import re
from typing import NamedTuple

from .featureset import MAX_WORDS, WORD_BITS, Featureset, FeaturesetError

# "word 1 of 7ed8320b", "word 1: 7ed8320b", "word 1 7ed8320b"; compiled for the first such text.
_PHRASE = (
    r"\s{0,99}word\s{0,99}(\d{1,2})\s{0,99}(?:of|:|=|is)?\s{0,99}(?:0x)?([0-9a-f]{1,8})\s{0,99}"
)
# What Xen and libxc say of a policy that does not fit: "cap[ 1] is 7ed8320b (expected f6d8320b)".
_CAP = (
    r"cap\[\s*(\d{1,2})\]\s*(?:is|=)\s*(?:0x)?([0-9a-f]{1,8})"
    r"(?:\s*\(expected\s*(?:0x)?([0-9a-f]{1,8})\))?"
)


class Words(NamedTuple):
    """One word that a phrase speaks of, and the one that was expected, if it says so."""

    index: int  # type: ignore[assignment] # instead of tuple's method
    value: int
    expected: int | None = None


def phrase(text: str) -> Words | None:
    """The word that a phrase speaks of: `word 1 of 7ed8320b`, `cap[ 1] is … (expected …)`."""
    lower = text.lower()
    match = re.fullmatch(_PHRASE, text, re.I) if "word" in lower else None
    if match is not None:
        return Words(int(match[1]), int(match[2], 16))
    match = re.search(_CAP, text, re.I) if "cap[" in lower else None
    if match is not None:
        expected = int(match[3], 16) if match[3] else None
        return Words(int(match[1]), int(match[2], 16), expected)
    return None


def word(index: int, value: int) -> Featureset:
    """The featureset that has one word. Raises FeaturesetError."""
    if not 0 <= index < MAX_WORDS:
        raise FeaturesetError(f"there is no word {index}: words are 0 to {MAX_WORDS - 1}")
    return Featureset.of_words([*[0] * index, value])


def only(featureset: Featureset, index: int) -> Featureset:
    """The featureset with all words but one cleared."""
    mask = word(index, (1 << WORD_BITS) - 1)
    return Featureset((featureset & mask).bits, featureset.length)
