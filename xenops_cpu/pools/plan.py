"""What comes of a pool when a host joins, leaves or is updated, before it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from ..features.release import Release
from .level import Level, level_of
from .member import GuestType, Member, Vm
from .verdict import Answer, check, grid


@frozen
class Change:
    """One guest type's level before and after. `lost` and `gained` by name, in bit order."""

    guest: GuestType
    before: Level
    after: Level
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@frozen
class Touched:
    """A VM that a change touches: hosts that it could go to before and not after, and the reverse.

    `refusals`: the answers of the hosts that will not take it in. `stranded`: no host takes it in.
    """

    vm: str
    closed: tuple[str, ...]
    opened: tuple[str, ...]
    refusals: tuple[Answer, ...]
    stranded: bool


@frozen
class Plan:
    """What a change of a pool's hosts does: to the levels, and to VMs (those it touches only)."""

    changes: tuple[Change, ...]
    vms: tuple[Touched, ...]

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

    A join has one more, a leave one fewer, an update the same name with other featuresets. A VM is
    touched when a host opens or closes to it, or when a host that is new or changed refuses it.
    """
    changes = []
    for guest in GuestType:
        old, new = level_of(before, guest, xen), level_of(after, guest, xen)
        if old.hosts or new.hosts:
            lost = new.release.names(old.featureset - new.featureset) if new.hosts else []
            gained = new.release.names(new.featureset - old.featureset) if old.hosts else []
            changes.append(Change(guest, old, new, tuple(lost), tuple(gained)))
    return Plan(tuple(changes), tuple(_touched(before, after, vms)))


def _touched(
    before: Sequence[Member], after: Sequence[Member], vms: Sequence[Vm]
) -> Iterator[Touched]:
    were = {member.name: member for member in before}
    # The grid first: words are only made for the hosts that refuse a VM and are new or changed.
    grids = grid(vms, before), grid(vms, after)
    for index, vm in enumerate(vms):
        took, takes = (
            {m.name for column, m in enumerate(hosts) if found.verdict(index, column).allowed}
            for hosts, found in zip((before, after), grids, strict=True)
        )
        closed = [name for name in were if name in took - takes]
        opened = [member.name for member in after if member.name in takes - took]
        refusing = [
            member
            for member in after
            if member.name not in takes and (member.name in took or were.get(member.name) != member)
        ]
        stranded = bool(after) and not takes
        if closed or refusing or stranded or any(name in were for name in opened):
            refusals = tuple(check(vm, member) for member in refusing)
            yield Touched(vm.name, tuple(closed), tuple(opened), refusals, stranded)


def joined(members: Sequence[Member], newcomer: Member) -> list[Member]:
    """The pool with one more; a member of the same name is replaced (that is an update)."""
    rest = [member for member in members if member.name != newcomer.name]
    if len(rest) == len(members):
        return [*rest, newcomer]
    return [newcomer if member.name == newcomer.name else member for member in members]


def left(members: Sequence[Member], name: str) -> list[Member]:
    """The pool without one. Raises KeyError if it has no such member."""
    rest = [member for member in members if member.name != name]
    if len(rest) == len(members):
        raise KeyError(name)
    return rest
