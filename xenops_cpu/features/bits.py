"""A featureset, or one word of it, bit by bit: names, places, who is offered it, since when."""

import re
from typing import NamedTuple

from . import meanings
from .featureset import MAX_WORDS, WORD_BITS, Featureset, FeaturesetError
from .release import Release, Word

# "word 1 of 7ed8320b", "word 1: 7ed8320b", "word 1 7ed8320b"; compiled for the first such text.
_PHRASE = (
    r"\s{0,99}word\s{0,99}(\d{1,2})\s{0,99}(?:of|:|=|is)?\s{0,99}(?:0x)?([0-9a-f]{1,8})\s{0,99}"
)
# What Xen and libxc say of a policy that does not fit: "cap[ 1] is 7ed8320b (expected f6d8320b)".
_CAP = (
    r"cap\[\s*(\d{1,2})\]\s*(?:is|=)\s*(?:0x)?([0-9a-f]{1,8})"
    r"(?:\s*\(expected\s*(?:0x)?([0-9a-f]{1,8})\))?"
)

_GUESTS = {
    "A": "PV and HVM guests",
    "S": "HVM guests",
    "H": "HVM guests with hardware-assisted paging",
}


class Bit(NamedTuple):
    """One bit. `word` is where it is; None in a word that the release does not have.

    `annotation` is that of Xen's header, `exposure` the same in words. `since`: the first release
    that names it, None where none does. `group`: a key of meanings.GROUPS. `meaning`: a sentence,
    "" for a bit without a name. `aliases`: by aliases.SPEAKERS.
    """

    number: int
    name: str
    word: Word | None
    annotation: str
    exposure: str
    since: str | None
    group: str
    meaning: str
    aliases: dict[str, tuple[str, ...]]

    @property
    def bit(self) -> int:
        """Within its word."""
        return self.number % WORD_BITS

    @property
    def place(self) -> str:
        """`CPUID 0x00000007:0.ebx bit 4`."""
        return f"{self.word or f'word {self.number // WORD_BITS}'} bit {self.bit}"


class Words(NamedTuple):
    """One word that a phrase speaks of, and the one that was expected, if it says so."""

    index: int  # type: ignore[assignment] # instead of tuple's method
    value: int
    expected: int | None = None


def decode(featureset: Featureset, xen: Release) -> tuple[Bit, ...]:
    """Its bits in ascending order."""
    return tuple(describe(number, xen) for number in featureset)


def describe(number: int, xen: Release) -> Bit:
    """A bit, whether or not the release has a name for it."""
    from . import aliases  # a set's names are told without

    feature = xen.feature(number)
    index = number // WORD_BITS
    meaning = meanings.meaning(xen, number)
    return Bit(
        number=number,
        name=xen.label(number),
        word=xen.words[index] if index < xen.length else None,
        annotation=feature.annotation if feature else "",
        exposure=exposure(feature.annotation) if feature else "not known to this release",
        since=aliases.since(number),
        group=meaning.group,
        meaning=meaning.text,
        aliases=aliases.aliases(number),
    )


def exposure(annotation: str) -> str:
    """An annotation of Xen's header in words: `!a` is special, in max only, PV and HVM guests."""
    letters = "".join(filter(str.isalpha, annotation))
    if not letters:
        sentence = "offered to no guest" + (" but by rules of its own" if "!" in annotation else "")
    else:
        sentence = f"offered to {_GUESTS[letters.upper()]}"
        if letters.islower():
            sentence += ", not by default: only taken in with a VM that has it, or on request"
        if "!" in annotation:
            sentence += ", by rules of its own"
    if "|" in annotation:
        sentence += "; in a pool's level if any host has it"
    return sentence


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
