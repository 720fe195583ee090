"""What differs between two hosts, by name and by what it means.

Of two hosts, sets of the same kind are compared with each other: boot with boot, migration with
migration. The two kinds meet in one place only: a VM booted on one host (boot set) that goes to the
other (migration set), and whether it may is the verdict's to say (pools.verdict).
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.host import TITLES, Host
from ..hosts.offer import offer
from ..interface import GuestType
from ..pools.member import member_of
from ..pools.verdict import Answer, check
from ..pools.vm import started_on
from ..text import notebook
from .policies import PolicyDifference, policies
from .reasons import reasons
from .sets import SetDifference

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
class HostDifference:
    """Two hosts. `sets`: by the keys of KINDS, those that both tell. `policies`: by the names of
    hosts.SETS, as well. `journeys`: may a VM that was started on A go to B, and the reverse, once
    for each guest type that the first runs.
    """

    release: Release
    sets: Mapping[str, SetDifference]
    policies: Mapping[str, PolicyDifference]
    journeys: tuple[Answer, ...]

    @property
    def same(self) -> bool:
        """The same features and policies, and every VM may move both ways."""
        alike = all(difference.same for difference in self.sets.values())
        alike = alike and all(difference.same for difference in self.policies.values())
        return alike and all(answer.grade.allowed for answer in self.journeys)

    def __repr__(self) -> str:
        places = [kind for kind, each in self.sets.items() if not each.same]
        places += [f"policy {name}" for name, each in self.policies.items() if not each.same]
        places += [f"a VM's way to {a.host.name!r}" for a in self.journeys if not a.grade.allowed]
        return f"<HostDifference in {', '.join(dict.fromkeys(places)) or 'nothing'}>"

    def _repr_html_(self) -> str:
        """For notebooks: each set, with what only one of the two has."""
        rows = [
            (kind, " ".join(d.names(d.only_in_a)), " ".join(d.names(d.only_in_b)))
            for kind, d in self.sets.items()
        ]
        return notebook.table(f"names of {self.release.title}", ("set", "only A", "only B"), rows)


def hosts(
    a: Host, b: Host, names: tuple[str, str] = ("A", "B"), xen: Release | None = None
) -> HostDifference:
    """Two hosts, set by set, policy by policy and as journeys.

    What one of them does not tell is left out. `xen`: whose names; None: those of the newer host.
    """
    xen = xen or newer(a.release, b.release)
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
    changed = {
        name: policies(policy, b.policies[name], xen)
        for name, policy in a.policies.items()
        if name in b.policies
    }
    return HostDifference(xen, sets, changed, tuple(journeys))


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
