"""Featuresets as people type them: words of hex joined by what xapi, xen-cpuid or a list uses."""

from __future__ import annotations

import re

from ..features.featureset import is_stored

# Each is compiled when it is first asked for.
# xapi writes `-`, xen-cpuid `:`; C and JSON list words with commas, Xen's log with blanks.
# Possessive: blanks belong to one part only, however many there are.
_BETWEEN = r"(?:\s*+[-:,;]\s*+|\s++)"
_END = r"\s*+[,;]?\s*+"
_WORD = r"(?:0x)?[0-9a-fA-F]{8}"
_WORDS = rf"\s*+{_WORD}(?:{_BETWEEN}{_WORD})+{_END}"
_ONE_WORD = rf"\s*+{_WORD}\s*"
# What may have been meant as one: short words, words with other letters in them.
_SHORT = rf"\s*+(?:0x)?[0-9a-fA-F]{{1,8}}(?:{_BETWEEN}(?:0x)?[0-9a-fA-F]{{1,8}})*{_END}"
_ATTEMPT = rf"\s*+{_WORD}{_BETWEEN}[0-9A-Za-z:,;\s-]*"


def is_featureset(text: str, *, one_word: bool = False) -> bool:
    """Whether a text reads as one: words of eight hex digits, whatever else it may be."""
    if is_stored(text):
        return one_word or "-" in text
    return bool(re.fullmatch(_WORDS, text) or (one_word and re.fullmatch(_ONE_WORD, text)))


def may_be(text: str) -> bool:
    """Whether words of fewer digits may have been meant."""
    return bool(re.fullmatch(_SHORT, text))


def attempted(text: str) -> bool:
    """Whether the first word is one, so that the others matter."""
    return bool(re.fullmatch(_ATTEMPT, text))


def joined(text: str) -> str:
    """The words as xapi joins them, whatever joins them here; without 0x, in lower case."""
    if is_stored(text):
        return text
    words = re.split(_BETWEEN, text.strip().rstrip(",;").strip())
    return "-".join(words).lower().replace("0x", "")
