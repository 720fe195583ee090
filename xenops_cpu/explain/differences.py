"""What differs between two featuresets, hosts or policies, by name and by what it means.

Of two hosts, sets of the same kind are compared with each other: boot with boot, migration with
migration. The two kinds meet in one place only: a VM booted on one host (boot set) that goes to the
other (migration set), and whether it may is the verdict's to say (pools.verdict).
"""

from __future__ import annotations

from attrs import frozen

from ..features import meanings, risks
from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.host import TITLES, Host
from ..hosts.offer import offer
from ..interface import GuestType
from ..pools.member import member_of
from ..pools.verdict import Answer, check
from ..pools.vm import started_on
from .reasons import reasons

# The sets of two hosts that are compared, like with like, and what they are.
KINDS = {
    "raw": ": ".join(TITLES["raw"]),
    "host": ": ".join(TITLES["host"]),
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
class HostDifference:
    """Two hosts. `sets`: by the keys of KINDS, those that both tell. `journeys`: may a VM that was
    started on A go to B, and the reverse, once for each guest type that the first runs.
    """

    release: Release
    sets: dict[str, SetDifference]
    journeys: tuple[Answer, ...]

    @property
    def same(self) -> bool:
        """The same features, and every VM may move both ways."""
        alike = all(difference.same for difference in self.sets.values())
        return alike and all(answer.grade.allowed for answer in self.journeys)


def featuresets(a: Featureset, b: Featureset, xen: Release) -> SetDifference:
    """The difference of two sets, named as `xen` names them."""
    return SetDifference(a, b, xen)


def groups(numbers: Featureset, xen: Release) -> tuple[Group, ...]:
    """Features by their group and by what their loss means, in the order of meanings.GROUPS."""
    found: dict[tuple[str, str], list[int]] = {}
    for group, members in meanings.by_group(xen, numbers).items():
        for number in members:
            found.setdefault((meanings.GROUPS[group], risks.risk(xen, number)), []).append(number)
    return tuple(Group(title, risk, tuple(members)) for (title, risk), members in found.items())


def hosts(a: Host, b: Host, names: tuple[str, str] = ("A", "B")) -> HostDifference:
    """Two hosts, set by set and as journeys; sets that one of them does not tell are left out."""
    xen = newer(a.release, b.release)
    theirs = _sets(b)
    sets = {
        kind: SetDifference(mine, theirs[kind], xen)
        for kind, mine in _sets(a).items()
        if mine.length and theirs[kind].length
    }
    members = [
        member_of(host, name, reasons(host)) for host, name in zip((a, b), names, strict=True)
    ]
    journeys = (
        check(started_on(origin, guest, origin.name), target)
        for origin, target in (members, members[::-1])
        for guest in GuestType
        if guest in origin.offers and origin.boot(guest).length
    )
    return HostDifference(xen, sets, tuple(journeys))


def newer(a: Release, b: Release) -> Release:
    """The later of two releases: it names more bits."""
    return max(a, b, key=lambda xen: xen.place)


def _sets(host: Host) -> dict[str, Featureset]:
    pv, hvm = offer(host, GuestType.PV), offer(host, GuestType.HVM)
    sets = (
        *(host.featuresets.raw, host.featuresets.host),
        *(pv.boot, pv.migration, hvm.boot, hvm.migration),
    )
    return dict(zip(KINDS, sets, strict=True))
