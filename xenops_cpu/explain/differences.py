"""What differs between two featuresets, hosts or policies, by name and by what it means.

Of two hosts, sets of the same kind are compared with each other: boot with boot, migration with
migration. The two kinds meet in one place only, the Journey: a VM booted on one host (boot set)
that goes to the other (migration set).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..features import meanings
from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.cpu_info import Offer, offers
from ..hosts.host import Host
from ..pools import lack

# The sets of two hosts that are compared, like with like, and what they are.
KINDS = {
    "raw": "raw: what CPUID shows",
    "host": "host: what Xen uses",
    "pv_boot": "PV boot: what a new PV guest gets",
    "pv_migration": "PV migration: the most a PV guest may arrive with",
    "hvm_boot": "HVM boot: what a new HVM or PVH guest gets",
    "hvm_migration": "HVM migration: the most an HVM or PVH guest may arrive with",
}


@frozen
class Group:
    """Features that differ and mean the same: `title` of the group, `risk` for a VM that has seen
    them and goes where they are missing.
    """

    title: str
    risk: str
    numbers: tuple[int, ...]


@frozen
class SetDifference:
    """Two featuresets; `release` names the bits. A missing word reads as zero."""

    a: Featureset
    b: Featureset
    release: Release

    @property
    def only_in_a(self) -> Featureset:
        return self.a - self.b

    @property
    def only_in_b(self) -> Featureset:
        return self.b - self.a

    @property
    def same(self) -> bool:
        """The same features; lengths may differ."""
        return self.a.bits == self.b.bits


@frozen
class Journey:
    """A VM booted on one host that goes to another. `guest`: PV or HVM. `booted`: the first host's
    boot set. `accepted`: the second's migration set.
    """

    guest: str
    origin: str
    target: str
    booted: Featureset
    accepted: Featureset

    @property
    def possible(self) -> bool:
        """Whether both hosts run such guests; if not, the rest says nothing."""
        return bool(self.booted) and bool(self.accepted)

    @property
    def missing(self) -> Featureset:
        return self.booted - self.accepted


@frozen
class HostDifference:
    """Two hosts. `sets`: by the keys of KINDS, those that both tell. `journeys`: A to B, B to A."""

    release: Release
    sets: dict[str, SetDifference]
    journeys: tuple[Journey, ...]

    @property
    def same(self) -> bool:
        return all(difference.same for difference in self.sets.values())


def featuresets(a: Featureset, b: Featureset, xen: Release) -> SetDifference:
    """The difference of two sets, named as `xen` names them."""
    return SetDifference(a, b, xen)


def groups(numbers: Featureset, xen: Release) -> tuple[Group, ...]:
    """Features by their group and by what their loss means, in the order of meanings.GROUPS."""
    found: dict[tuple[str, str], list[int]] = {}
    for group, members in meanings.by_group(xen, numbers).items():
        for number in members:
            found.setdefault((meanings.GROUPS[group], lack.risk(xen, number)), []).append(number)
    return tuple(Group(title, risk, tuple(members)) for (title, risk), members in found.items())


def hosts(a: Host, b: Host, names: tuple[str, str] = ("A", "B")) -> HostDifference:
    """Two hosts, set by set and as journeys; sets that one of them does not tell are left out."""
    xen = newer(a.release, b.release)
    sets = {
        kind: SetDifference(mine, theirs, xen)
        for kind, mine in _sets(a).items()
        for theirs in (_sets(b)[kind],)
        if mine.length and theirs.length
    }
    journeys = (
        *_journeys(a, b, names[0], names[1]),
        *_journeys(b, a, names[1], names[0]),
    )
    return HostDifference(xen, sets, journeys)


def arrival(seen: Featureset, host: Host, origin: str, target: str) -> tuple[Journey, ...]:
    """A VM that has seen these features and goes to a host: once as PV, once as HVM guest."""
    return tuple(
        Journey(offer.kind, origin, target, seen, offer.migration) for offer in offers(host)
    )


def newer(a: Release, b: Release) -> Release:
    """The later of two releases: it names more bits."""
    return max(a, b, key=lambda xen: xen.place)


def _sets(host: Host) -> dict[str, Featureset]:
    pv, hvm = offers(host)
    sets = (
        *(host.featuresets.raw, host.featuresets.host),
        *(pv.boot, pv.migration, hvm.boot, hvm.migration),
    )
    return dict(zip(KINDS, sets, strict=True))


def _journeys(a: Host, b: Host, origin: str, target: str) -> Iterator[Journey]:
    for mine, theirs in zip(offers(a), offers(b), strict=True):
        if _told(mine) and _told(theirs):
            yield Journey(mine.kind, origin, target, mine.boot, theirs.migration)


def _told(offer: Offer) -> bool:
    return bool(offer.boot.length and offer.migration.length)
