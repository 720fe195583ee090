"""What differs between two CPU policies beside features in leaves, as statements.

Leaf limits, identity, topology, address sizes, caches, saved state, the fields of MSRs. What has no
name here is told by its register, so that no difference goes unsaid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from attrs import field as member
from attrs import frozen

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import NEWEST, Release, release
from . import fields
from .fields import ARCH_CAPS, CATEGORIES, IDENTITY, MSR_NAMES, MSRS, OTHER
from .identity import REGISTERS, LeafKey
from .policy import NO_SUBLEAF, SUBLEAVES, Policy
from .words import policy_featureset

_WHOLE = (1 << WORD_BITS) - 1


class Place(NamedTuple):
    """Bits of a register of a leaf, or of MSR `msr`; `register` is an index into REGISTERS."""

    mask: int
    key: LeafKey = (0, 0)
    register: int = 0
    msr: int | None = None


@frozen
class Statement:
    """One thing that differs. `a` and `b`: what each policy says, as text. `place`: where it
    stands; None where it is in more than one register.
    """

    category: str
    title: str
    a: str
    b: str
    place: Place | None = member(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return f"{self.title}: {self.a} → {self.b}"

    def words(self) -> dict[str, str]:
        """What it says, without the place."""
        return {"category": self.category, "title": self.title, "a": self.a, "b": self.b}


def statements(a: Policy, b: Policy, xen: Release) -> tuple[Statement, ...]:
    """What differs, by category; `xen` says which bits are features, and so not told here."""
    unordered = (*_identity(a, b), *_leaves(a, b, xen), *_msrs(a, b))
    return tuple(sorted(unordered, key=lambda s: CATEGORIES.index(s.category)))


def in_leaves(policy: Policy, xen: Release) -> Featureset:
    """The features that stand in leaves; the words of MSRs read as zero."""
    words = policy_featureset(policy, xen).words
    return Featureset.of_words(
        word if place.msr is None else 0 for word, place in zip(words, xen.words, strict=True)
    )


_IDENTITY: tuple[tuple[str, frozenset[int], Callable[[Policy], str]], ...] = (
    ("vendor", frozenset({0}), fields.vendor),
    ("brand", frozenset({0x80000002, 0x80000003, 0x80000004}), fields.brand),
    ("family", frozenset({1}), lambda policy: str(fields.signature(policy).family)),
    ("model", frozenset({1}), lambda policy: str(fields.signature(policy).model)),
    ("stepping", frozenset({1}), lambda policy: str(fields.signature(policy).stepping)),
)

_IDENTITY_REGISTERS = {0: REGISTERS[1:], 1: REGISTERS[:1]}


def _identity(a: Policy, b: Policy) -> Iterator[Statement]:
    for title, _, read in _IDENTITY:
        if read(a) != read(b):
            yield Statement(IDENTITY, title, read(a) or "none", read(b) or "none")


def _leaves(a: Policy, b: Policy, xen: Release) -> Iterator[Statement]:
    """Fields by their titles, what is neither field nor feature by register."""
    for leaf, subleaf in sorted(_keys(a) | _keys(b)):
        mine = a.leaf(leaf, subleaf)
        theirs = b.leaf(leaf, subleaf)
        if mine == theirs:
            continue
        covered = _told_elsewhere(a, b, leaf, subleaf, xen)
        for field in fields.fields_of(leaf, subleaf):
            covered[field.register] |= field.mask
            if field.value(mine) != field.value(theirs):
                yield Statement(
                    field.category,
                    field.title.format(subleaf=subleaf),
                    field.show(field.value(mine)),
                    field.show(field.value(theirs)),
                    Place(field.mask, (leaf, subleaf), REGISTERS.index(field.register)),
                )
        for register, old, new in zip(REGISTERS, mine, theirs, strict=True):
            if (old ^ new) & ~covered[register]:
                about = fields.title(leaf)
                where = f"{leaf:x}" if subleaf == NO_SUBLEAF else f"{leaf:x}:{subleaf:x}"
                title = f"CPUID {where} {register}" + (f" ({about})" if about else "")
                place = Place(
                    (old ^ new) & ~covered[register], (leaf, subleaf), REGISTERS.index(register)
                )
                yield Statement(OTHER, title, f"{old:08x}", f"{new:08x}", place)


def _keys(policy: Policy) -> set[tuple[int, int]]:
    """Of the leaves, with subleaf 0 for none where a policy has no other subleaf of a leaf."""
    with_subleaves = {leaf for leaf, subleaf in policy.leaves if subleaf not in (0, NO_SUBLEAF)}
    with_subleaves |= SUBLEAVES | {0x14, 0x1F}
    return {
        (leaf, subleaf if leaf in with_subleaves else NO_SUBLEAF) for leaf, subleaf in policy.leaves
    }


def _told_elsewhere(a: Policy, b: Policy, leaf: int, subleaf: int, xen: Release) -> dict[str, int]:
    """The bits of each register that a statement of the identity or a feature speaks of."""
    covered = dict.fromkeys(REGISTERS, 0)
    for _, leaves, read in _IDENTITY:
        if leaf in leaves and read(a) != read(b):
            covered.update(dict.fromkeys(_IDENTITY_REGISTERS.get(leaf, REGISTERS), _WHOLE))
    if leaf == 0x80000000 and all(_repeats_the_vendor(policy) for policy in (a, b)):
        covered.update(ebx=_WHOLE, ecx=_WHOLE, edx=_WHOLE)
    for word, *values in zip(
        xen.words, policy_featureset(a, xen).words, policy_featureset(b, xen).words, strict=True
    ):
        here = NO_SUBLEAF if word.subleaf is None else word.subleaf
        if word.leaf == leaf and here == subleaf and word.register is not None:
            index = REGISTERS.index(word.register)
            there = [policy.leaf(leaf, subleaf)[index] for policy in (a, b)]
            if values == there:  # not so beyond the limits of a policy
                covered[word.register] = _WHOLE
    return covered


def _repeats_the_vendor(policy: Policy) -> bool:
    repeated = policy.leaf(0x80000000)[1:]
    return repeated == policy.leaf(0)[1:]


def _msrs(a: Policy, b: Policy) -> Iterator[Statement]:
    for index in sorted(a.msrs.keys() | b.msrs.keys()):
        mine, theirs = a.msrs.get(index), b.msrs.get(index)
        if mine == theirs:
            continue
        name = MSR_NAMES.get(index, f"MSR {index:x}")
        if mine is None or theirs is None:
            a_text, b_text = (
                "not in the policy" if value is None else f"{value:016x}"
                for value in (mine, theirs)
            )
            yield Statement(MSRS, name, a_text, b_text)
        old, new = mine or 0, theirs or 0
        for bit in range(64):
            if (old ^ new) >> bit & 1:
                before, after = ("yes" if value >> bit & 1 else "no" for value in (old, new))
                place = Place(1 << bit, msr=index)
                yield Statement(MSRS, f"{name} {_bit(index, bit)}", before, after, place)


def _bit(index: int, bit: int) -> str:
    if index == ARCH_CAPS:
        xen = release(NEWEST)
        for word in xen.words:
            if word.msr == index and (word.half == "hi") == (bit >= WORD_BITS):
                feature = xen.feature(word.index * WORD_BITS + bit % WORD_BITS)
                if feature is not None:
                    return feature.name
    return fields.MSR_FIELDS.get(index, {}).get(bit, f"bit {bit}")
