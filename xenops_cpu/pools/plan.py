"""What comes of a pool when a host joins, leaves or is updated, before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from ..features.release import Release
from ..interface import GuestType
from .grade import GRADES
from .grid import grid
from .level import Level, level_of
from .member import Member
from .verdict import Answer, check
from .vm import Vm


@frozen
class Change:
    """One guest type's level before and after. `lost` and `gained` by name, in bit order; where no
    host runs such guests any more, all is lost, and where none did, all is gained.
    """

    guest: GuestType
    before: Level
    after: Level
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@frozen
class Touched:
    """A VM that a change touches. `closed` and `opened`: hosts of the pool, before and after, that
    it could go to before and not after, and the reverse. `refusals`: the answers of those that
    close, of new ones that will not take it in, and of all where it is `stranded`: no host takes it
    in any more.
    """

    vm: Vm
    closed: tuple[str, ...]
    opened: tuple[str, ...]
    refusals: tuple[Answer, ...]
    stranded: bool


@frozen
class Plan:
    """What a change of a pool's hosts does: to the levels, and to VMs (those it touches only).

    `homeless`: VMs that no host took in before and none takes in after.
    """

    changes: tuple[Change, ...]
    vms: tuple[Touched, ...]
    homeless: tuple[Vm, ...] = ()

    @property
    def harmless(self) -> bool:
        """No level loses a feature and no VM loses a host."""
        return not any(change.lost for change in self.changes) and not any(
            touched.closed or touched.stranded for touched in self.vms
        )


def plan(
    before: Sequence[Member],
    after: Sequence[Member],
    vms: Sequence[Vm] = (),
    xen: Release | None = None,
) -> Plan:
    """What comes of it when the hosts `before` become the hosts `after`.

    A join has one more, a leave one fewer, an update the same name with other featuresets. That no
    VM can go to a host that leaves is what was asked for, and no loss to tell of.
    """
    changes = []
    for guest in GuestType:
        old, new = level_of(before, guest, xen), level_of(after, guest, xen)
        if old.hosts or new.hosts:
            lost = new.release.names(old.featureset - new.featureset)
            gained = new.release.names(new.featureset - old.featureset)
            changes.append(Change(guest, old, new, tuple(lost), tuple(gained)))
    welcome = [_welcome(vms, members) for members in (before, after)]
    touched = _touched(before, after, vms, *welcome)
    homeless = [vm for vm, *takers in zip(vms, *welcome, strict=True) if not any(takers)]
    return Plan(tuple(changes), tuple(touched), tuple(homeless))


def _welcome(vms: Sequence[Vm], members: Sequence[Member]) -> list[set[str]]:
    """For each VM the hosts that it may go to."""
    verdicts = grid(vms, members)
    return [
        {
            member.name
            for column, member in enumerate(members)
            if GRADES[verdicts.verdict(row, column)].allowed
        }
        for row in range(len(vms))
    ]


def _touched(
    before: Sequence[Member],
    after: Sequence[Member],
    vms: Sequence[Vm],
    took: Sequence[set[str]],
    takes: Sequence[set[str]],
) -> Iterator[Touched]:
    were, staying = {m.name for m in before}, {m.name for m in after}
    # The grid first: words are only made for the hosts that refuse a VM and are new or changed.
    for vm, then, now in zip(vms, took, takes, strict=True):
        closed = tuple(m.name for m in before if m.name in staying & (then - now))
        opened = tuple(m.name for m in after if m.name in now - then)
        stranded = bool(then) and not now
        newcomers = [m.name for m in after if m.name not in were | now]
        if not then and not now:
            continue  # homeless
        gained = set(opened) & were or not then
        if not (closed or stranded or newcomers or gained):
            continue
        refusing = staying if stranded else {*closed, *newcomers}
        refusals = tuple(check(vm, member) for member in after if member.name in refusing)
        yield Touched(vm, closed, opened, refusals, stranded)


def started_at_level(
    members: Sequence[Member], guest: GuestType, xen: Release | None = None
) -> Vm | None:
    """A VM that has seen the pool's level, as xapi gives it to those that start in a pool; None
    where no host runs such guests.
    """
    level = level_of(members, guest, xen)
    vendors = {member.vendor for member in members if member.vendor}
    if not level.hosts:
        return None
    vendor = vendors.pop() if len(vendors) == 1 else ""
    return Vm(
        f"a VM started at the present level ({guest.name})", guest, level.featureset, vendor=vendor
    )


def joined(members: Sequence[Member], newcomer: Member) -> list[Member]:
    """The pool with one more; a member of the same name is replaced (that is an update)."""
    others = [member for member in members if member.name != newcomer.name]
    if len(others) == len(members):
        return [*others, newcomer]
    return [newcomer if member.name == newcomer.name else member for member in members]


def left(members: Sequence[Member], name: str) -> list[Member]:
    """The pool without one. Raises KeyError if it has no such member."""
    others = [member for member in members if member.name != name]
    if len(others) == len(members):
        raise KeyError(name)
    return others
