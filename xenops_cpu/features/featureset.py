"""A featureset: a bitmap of CPU features in 32-bit words.

Feature number = word * 32 + bit (Xen, public/arch-x86/cpufeatureset.h). A featureset is one
integer and a length: the length matters, because records of different Xen releases have different
numbers of words and a missing word reads as zero (xapi extends the shorter one with zero words).

Two text forms name the same value: `1fc9cbf5-f6f83203` as xapi stores it, `1fc9cbf5:f6f83203` as
xen-cpuid prints it. The empty string is the featureset without words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NoReturn

from ..errors import Error

WORD_BITS = 32
# Xen 4.22 has 19 words and XenServer 22. A text with more than this is not a featureset.
MAX_WORDS = 64

# In a repr.
_SHOWN_WORDS = 3

_WORD_MASK = (1 << WORD_BITS) - 1
_WORD = r"[0-9a-fA-F]{1,8}"
_TEXT = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8})*")


_set = object.__setattr__


class FeaturesetError(Error):
    """A text or a list that is not a featureset; the message names the word."""


def is_stored(text: str) -> bool:
    """Whether a text is a featureset as xapi stores it and every program writes it."""
    return _TEXT.fullmatch(text) is not None


class Featureset:
    """`bits`: feature n is bit n. `length`: in words; no bit lies beyond it. It never changes.

    Raises FeaturesetError for a length out of bounds and for bits beyond the length.
    """

    __slots__ = ("bits", "length")

    bits: int
    length: int

    def __init__(self, bits: int = 0, length: int = 0) -> None:
        if not 0 <= length <= MAX_WORDS:
            raise FeaturesetError(f"a featureset of {length} words: 0 to {MAX_WORDS} are possible")
        # A negative number has bits beyond any length.
        if bits >> (length * WORD_BITS):
            raise FeaturesetError(
                f"bits beyond word {length - 1} in a featureset of {length} words"
            )
        _set(self, "bits", bits)
        _set(self, "length", length)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"a featureset does not change: {name} cannot be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a featureset does not change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[type[Featureset], tuple[int, int]]:
        return Featureset, (self.bits, self.length)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Featureset):
            return NotImplemented
        return self.bits == other.bits and self.length == other.length

    def __hash__(self) -> int:
        return hash((self.bits, self.length))

    @classmethod
    def parse(cls, text: str) -> Featureset:
        """Read either text form; upper case, 1 to 8 digits a word and outer blanks are accepted.

        Raises FeaturesetError, which names the word that is none.
        """
        text = text.strip()
        if is_stored(text):  # without a look at each word
            words = text.split("-")
            words.reverse()
            return cls(int("".join(words), 16), len(words))
        if not text:
            return cls()
        separator = ":" if ":" in text else "-"
        parts = text.split(separator)
        if len(parts) > MAX_WORDS:
            raise FeaturesetError(
                f"a featureset of {len(parts)} words: at most {MAX_WORDS} are possible"
            )
        bits = 0
        for index, part in enumerate(parts):
            if not re.fullmatch(_WORD, part):
                shown = part if len(part) <= 40 else part[:40] + "…"
                raise FeaturesetError(
                    f'featureset word {index}: "{shown}" is not 1 to 8 hex digits'
                )
            bits |= int(part, 16) << (index * WORD_BITS)
        return cls(bits, len(parts))

    @classmethod
    def of_words(cls, words: Iterable[int]) -> Featureset:
        """Word 0 first. Raises FeaturesetError for a word outside 32 bits."""
        bits = length = 0
        for word in words:
            if not 0 <= word <= _WORD_MASK:
                raise FeaturesetError(f"featureset word {length}: {word:#x} has more than 32 bits")
            bits |= word << (length * WORD_BITS)
            length += 1
        return cls(bits, length)

    @classmethod
    def of_features(cls, numbers: Iterable[int], length: int) -> Featureset:
        """The featureset of `length` words that has just these features."""
        bits = 0
        for number in numbers:
            bits |= 1 << number
        return cls(bits, length)

    @property
    def words(self) -> tuple[int, ...]:
        """Word 0 first."""
        return tuple(self.bits >> (index * WORD_BITS) & _WORD_MASK for index in range(self.length))

    def text(self, separator: str = "-") -> str:
        """`-` for xapi, `:` for xen-cpuid; eight lower-case digits a word."""
        digits = f"{self.bits:0{self.length * 8}x}" if self.length else ""
        return separator.join(digits[end - 8 : end] for end in range(len(digits), 0, -8))

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        """For people: the first words, and how many there are. Names are a release's to give."""
        if not self.length:
            return "<Featureset without words>"
        words = "-".join(f"{word:08x}" for word in self.words[:_SHOWN_WORDS])
        more = "-…" if self.length > _SHOWN_WORDS else ""
        return f"<Featureset {words}{more}, {self._counts()}>"

    def _repr_html_(self) -> str:
        """For notebooks: each word with its bits."""
        from ..text import notebook

        rows = [
            (
                index,
                f"{word:08x}",
                " ".join(str(bit) for bit in range(WORD_BITS) if word >> bit & 1),
            )
            for index, word in enumerate(self.words)
        ]
        return notebook.table(self._counts(), ("word", "hex", "bits"), rows)

    def _counts(self) -> str:
        words = "1 word" if self.length == 1 else f"{self.length} words"
        return f"{words}, {'1 feature' if len(self) == 1 else f'{len(self)} features'}"

    def extended(self, length: int) -> Featureset:
        """With zero words up to `length`; a longer featureset stays as it is."""
        return self if self.length >= length else Featureset(self.bits, length)

    def cut(self, length: int) -> Featureset:
        """The first `length` words; a caller says so when what is lost is not zero."""
        if self.length <= length:
            return self
        return Featureset(self.bits & ((1 << (length * WORD_BITS)) - 1), length)

    def __and__(self, other: Featureset) -> Featureset:
        return Featureset(self.bits & other.bits, max(self.length, other.length))

    def __or__(self, other: Featureset) -> Featureset:
        return Featureset(self.bits | other.bits, max(self.length, other.length))

    def __xor__(self, other: Featureset) -> Featureset:
        return Featureset(self.bits ^ other.bits, max(self.length, other.length))

    def __sub__(self, other: Featureset) -> Featureset:
        """What this one has and the other has not."""
        return Featureset(self.bits & ~other.bits, max(self.length, other.length))

    def __le__(self, other: Featureset) -> bool:
        """Subset; words that one side lacks count as zero."""
        return not self.bits & ~other.bits

    def __ge__(self, other: Featureset) -> bool:
        return other <= self

    def __contains__(self, number: int) -> bool:
        return bool(self.bits >> number & 1)

    def __iter__(self) -> Iterator[int]:
        """Feature numbers in ascending order."""
        bits = self.bits
        while bits:
            lowest = bits & -bits
            yield lowest.bit_length() - 1
            bits ^= lowest

    def __len__(self) -> int:
        """The number of features, not of words."""
        return self.bits.bit_count()

    def __bool__(self) -> bool:
        return bool(self.bits)
