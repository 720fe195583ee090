"""What cpuid= changes that it does not name: every bit of a register that it touches is set anew.

libxc goes through all 32 characters of a register. An `x` gives a bit the value that it has in the
default policy of the guest's type (up to 4.15 in the maximum), not the value that libxc has just
given it: topology, nested virtualisation, ITSC and PAE are lost that way. Features that Xen clears
because another one that they need is gone are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..cpuid.identity import NOTHING, REGISTERS, LeafKey
from ..cpuid.words import word_key
from ..derivation.releases import span
from ..features.featureset import WORD_BITS
from .domain import Domain
from .strings import X_IS_MAX, XendLeaf, where_x


class Reset(NamedTuple):
    """A register whose unnamed bits an `x` changed. `before`, `after`: all of it; `bits`: which
    changed; `features`: those of them that have a name and are features.
    """

    key: LeafKey
    register: str
    before: int
    after: int
    bits: int
    features: tuple[str, ...] = ()


def resets(without: Domain, with_strings: Domain, strings: Sequence[XendLeaf]) -> tuple[Reset, ...]:
    """Each register in which an `x` set bits anew: two domains, without and with the strings."""
    return tuple(_resets(without, with_strings, strings))


def _resets(without: Domain, with_strings: Domain, strings: Sequence[XendLeaf]) -> Iterator[Reset]:
    x_is_max = with_strings.hypervisor.release.name in span(X_IS_MAX)
    x = where_x(with_strings, x_is_max=x_is_max)
    for string in strings:
        standing = x.leaves.get(string.key, NOTHING)
        old, new = without.table.leaf(*string.key), with_strings.table.leaf(*string.key)
        for index, text in enumerate(string.strings):
            if text is None:
                continue
            unnamed = sum(1 << 31 - place for place, letter in enumerate(text) if letter == "x")
            bits = (old[index] ^ new[index]) & (old[index] ^ standing[index]) & unnamed
            if bits:
                yield Reset(
                    string.key, REGISTERS[index], old[index], new[index], bits,
                    _features(with_strings, string.key, REGISTERS[index], bits),
                )  # fmt: skip


def _features(domain: Domain, key: LeafKey, register: str, bits: int) -> tuple[str, ...]:
    xen = domain.hypervisor.release
    for word in xen.words:
        if word.leaf is not None and word_key(word) == key and word.register == register:
            numbers = (word.index * WORD_BITS + bit for bit in range(32) if bits >> bit & 1)
            return tuple(xen.label(number) for number in numbers)
    return ()
