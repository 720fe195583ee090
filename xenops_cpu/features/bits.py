"""A featureset, or one word of it, bit by bit: names, places, who is offered it, since when."""

from typing import NamedTuple

from . import meanings
from .featureset import WORD_BITS, Featureset
from .release import Release, Word

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
