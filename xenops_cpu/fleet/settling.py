"""The last step of a level, for reductions that an engine made: docs/fleet.md has the queries.

    in_all  AND of each word over the hosts that have words (`length` > 0)
    in_any  OR of the same
    length  the greatest number of words
    count   how many these hosts are
    releases, assumed
            which releases the pool's hosts are of, also those without words: named by the hosts
            themselves (`certain`), and taken by their number of words

A reduction that no hosts can have is refused: a level out of it would be wrong without a sign.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache

from attrs import frozen

from ..features.featureset import MAX_WORDS, WORD_BITS, Featureset
from ..features.release import Release, ReleaseError, release
from ..pools.levelling import Reduction
from ..pools.member import newest_release
from .error import FleetError

Words = Sequence[int | None] | None


@frozen
class Settled:
    """A level, and the release whose rules and names it follows: the pool's newest."""

    featureset: Featureset
    release: Release

    @property
    def names(self) -> list[str]:
        return self.release.names(self.featureset)


def settle(
    in_all: Words,
    in_any: Words,
    length: int | None,
    count: int | None,
    releases: Iterable[str] | None,
    assumed: Iterable[str] | None = None,
) -> Settled:
    """The level of a pool for one guest type, as the command `level` has it.

    Parameters as in this module's head; NULL of an engine (None) is nothing. Words from w0 on, as
    many as there are columns. No host with words: the featureset without words. Raises FleetError.
    """
    words, hosts = length or 0, count or 0
    if words < 0 or words > MAX_WORDS or hosts < 0 or bool(words) is not bool(hosts):
        raise FleetError(f"length {words} of {hosts} hosts: neither, or both from 1 on")
    reduction = Reduction()
    if hosts:
        common, any_ = _bits(in_all, "in_all", words), _bits(in_any, "in_any", words)
        if common & ~any_:
            raise FleetError("in_all has bits that in_any has not: not the same hosts")
        if hosts == 1 and common != any_:
            raise FleetError("one host, but in_all and in_any differ: they are of more hosts")
        reduction = Reduction(common, any_, words, hosts)
    named = [(_release(name), True) for name in releases or ()]
    named += [(_release(name), False) for name in assumed or ()]
    if hosts and not named:
        raise FleetError(f"{hosts} hosts, and no release of theirs: whose rules count?")
    xen = newest_release(named)
    return Settled(reduction.settled(xen), xen)


def _bits(words: Words, name: str, length: int) -> int:
    numbers = [word or 0 for word in words or ()]
    if len(numbers) < length:
        raise FleetError(f"{name} has {len(numbers)} words, and the length is {length}")
    try:
        bits = int.from_bytes(struct.pack(f"<{len(numbers)}I", *numbers), "little")
    except struct.error as error:
        index = next(i for i, word in enumerate(numbers) if not 0 <= word < 1 << WORD_BITS)
        raise FleetError(
            f"{name}, word {index}: {numbers[index]} is not 0 to {(1 << WORD_BITS) - 1}"
        ) from error
    if bits >> length * WORD_BITS:
        raise FleetError(f"{name} has bits beyond its {length} words")
    return bits


@lru_cache(maxsize=256)
def _release(name: str) -> Release:
    try:
        return release(name)
    except ReleaseError as error:
        raise FleetError(str(error)) from error
