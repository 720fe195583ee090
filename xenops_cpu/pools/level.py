"""Pools: the level of hosts, and what each host costs it.

All of it is of one guest type at a time, because PV and HVM guests have sets of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from attrs import field, frozen

from ..features.featureset import Featureset
from ..features.release import Release
from ..features.risks import ORED, RSB
from ..hosts.host import DEFAULT, set_name
from ..interface import GuestType
from ..text import notebook
from .levelling import level
from .member import Member, release_of_pool
from .ored import ored


class Cost(NamedTuple):
    """What one host costs the level. `lacks`: what it has not and another host has.

    `alone`: of that, what all others have, so that only this host keeps it out of the level.
    """

    host: str
    lacks: Featureset
    alone: Featureset


class Loss(NamedTuple):
    """A feature that some host has and the level has not. `hosts`: who lacks it, by name.

    `reason`: in words; where nobody lacks the feature itself, another one that it depends on went.
    """

    number: int
    name: str
    hosts: tuple[str, ...]
    reason: str


class Kind(NamedTuple):
    """Hosts of a level, by name, that give the same to its guest type and so cost it the same."""

    gives: Featureset
    cost: Cost
    hosts: tuple[str, ...]


@frozen
class Level:
    """The level of `hosts`, those that run this guest type, in order. `skipped`: the others.

    `brought`: OR-ed features that a host lacks and the level has, with the hosts that have them.
    `refused`: features of the level that `hosts` of it do not even take in, so that they refuse VMs
    that boot with it: what libxc OR-s, Xen does not always put into max (FS_GS_NS from 4.19 on).
    """

    guest: GuestType
    release: Release = field(repr=False)
    featureset: Featureset
    hosts: tuple[str, ...]
    skipped: tuple[str, ...]
    costs: tuple[Cost, ...]
    losses: tuple[Loss, ...]
    brought: Mapping[int, tuple[str, ...]]
    refused: tuple[Loss, ...] = ()

    @property
    def names(self) -> list[str]:
        return self.release.names(self.featureset)

    def __repr__(self) -> str:
        return (
            f"<Level of {len(self.hosts)} hosts for {self.guest.name} guests, "
            f"{self.release.title}: {len(self.featureset)} features, {len(self.losses)} lost>"
        )

    def _repr_html_(self) -> str:
        """For notebooks: what is lost, and why."""
        title = (
            f"{self.guest.name} guests: {len(self.hosts)} hosts give {len(self.featureset)} "
            f"features ({self.release.title})"
        )
        rows = [(loss.name, loss.reason) for loss in self.losses]
        return notebook.table(title, ("lost", "because"), rows)


def level_of(members: Sequence[Member], guest: GuestType, xen: Release | None = None) -> Level:
    """The level of what the hosts give at boot, and who costs it what.

    `xen` None: release_of_pool. Hosts without such guests do not count, as in xapi.
    """
    xen = xen or release_of_pool(members)
    taking = [member for member in members if guest in member.offers]
    sets = [member.boot(guest) for member in taking]
    common = level(sets, xen)
    some, lacked_once, lacked_twice = 0, 0, 0
    for featureset in sets:
        some |= featureset.bits
    for featureset in sets:
        absent = some & ~featureset.bits
        lacked_twice |= lacked_once & absent
        lacked_once |= absent
    brought_by_any = _mask(ored(xen), xen)
    # No host keeps these out of the level by lacking them.
    free = brought_by_any | _mask((name for name in RSB if name in xen.features), xen)
    costs = tuple(
        Cost(
            host=member.name,
            lacks=Featureset(absent & ~free, common.length),
            alone=Featureset(absent & ~free & ~lacked_twice, common.length),
        )
        for member, featureset in zip(taking, sets, strict=True)
        for absent in (some & ~featureset.bits,)
    )
    lost = Featureset(some & ~common.bits, common.length)
    brought = Featureset(common.bits & lacked_once & brought_by_any, common.length)
    return Level(
        guest=guest,
        release=xen,
        featureset=common,
        hosts=tuple(member.name for member in taking),
        skipped=tuple(member.name for member in members if guest not in member.offers),
        costs=costs,
        losses=tuple(
            _loss(number, _without(number, taking, sets), guest, xen, common) for number in lost
        ),
        brought={
            number: tuple(
                member.name
                for member, featureset in zip(taking, sets, strict=True)
                if number in featureset
            )
            for number in brought
        },
        refused=tuple(_refused(common, taking, guest, xen)),
    )


def kinds(level: Level, members: Iterable[Member]) -> tuple[Kind, ...]:
    """The level's hosts by what they give, in the order of the first of each kind."""
    gives = {member.name: member.boot(level.guest) for member in members}
    costs: dict[Featureset, list[Cost]] = {}
    for cost in level.costs:
        costs.setdefault(gives[cost.host], []).append(cost)
    return tuple(
        Kind(featureset, alike[0], tuple(cost.host for cost in alike))
        for featureset, alike in costs.items()
    )


def _refused(
    featureset: Featureset, members: Sequence[Member], guest: GuestType, xen: Release
) -> Iterator[Loss]:
    beyond = [featureset - member.migration(guest) for member in members]
    for number in Featureset(reduce(or_, (excess.bits for excess in beyond), 0), featureset.length):
        refusing = [m for m, excess in zip(members, beyond, strict=True) if number in excess]
        names = tuple(member.name for member in refusing)
        reason = "in the level because another host has it, and not in what these hosts take in"
        yield Loss(number, xen.label(number), names, reason)


def _mask(names: Iterable[str], xen: Release) -> int:
    return xen.featureset(names).bits


def _without(number: int, members: Sequence[Member], sets: Sequence[Featureset]) -> list[Member]:
    bit = 1 << number
    return [member for member, own in zip(members, sets, strict=True) if not own.bits & bit]


def _loss(
    number: int, lacking: Sequence[Member], guest: GuestType, xen: Release, featureset: Featureset
) -> Loss:
    name = xen.label(number)
    if lacking and name not in ORED and name not in RSB:
        reasons = [_reason(member, guest, number) for member in lacking[:3]]
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        reason = f"not on {', '.join(reasons)}{more}"
    elif name in RSB:
        reason = "the level says it in the other form (RSBA or RRSBA, by EIBRS)"
        if not featureset.bits & _mask(RSB, xen):
            reason = "the level has no ARCH_CAPS, without which it means nothing"
    else:
        bases = [
            xen.label(base)
            for base, dependents in xen.deep_deps.items()
            if number in dependents and base not in featureset
        ]
        reason = f"it depends on {', '.join(bases)}, which the level lacks"
    return Loss(number, name, tuple(member.name for member in lacking), reason)


def _reason(member: Member, guest: GuestType, number: int) -> str:
    why = member.explain(set_name(guest, DEFAULT), number) if member.explain else ""
    if not why:
        return member.name
    return f"{member.name} ({why})"
