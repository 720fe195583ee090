"""One host's evacuation as it would go today."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set

from attrs import frozen

from ..member import Member
from ..vm import Vm
from .answer import forecast
from .pool import HostChange, PoolUpdate, mask, rule_of
from .result import Cycle, Stuck


@frozen
class Evacuation:
    """`vms`: those that are on the host, as far as is known; `taken_to_be`: those of them of which
    it is not told where they are. `switched_off`: targets without which all can leave, None where
    that does not help or is not needed.
    """

    host: str
    targets: tuple[str, ...]
    stuck: tuple[Stuck, ...]
    vms: tuple[Vm, ...]
    taken_to_be: tuple[Vm, ...]
    cycles: tuple[Cycle, ...]
    switched_off: tuple[str, ...] | None

    @property
    def allowed(self) -> bool:
        return not self.stuck


def evacuation(members: Sequence[Member], name: str, vms: Iterable[Vm]) -> Evacuation:
    """Whether every VM can leave the host of that name. Raises KeyError for a name that is none."""
    by_name = {member.name: member for member in members}
    host = by_name[name]
    others = {member.uuid for member in members}
    here: list[Vm] = []
    untold: list[Vm] = []
    for vm in vms:
        if vm.halted or vm.suspended or _elsewhere(vm, host, others):
            continue
        here.append(vm)
        if not vm.home or not host.uuid:
            untold.append(vm)
    outlook = forecast(_pool(members, name), here)
    stuck = outlook.steps[0].stuck if here else ()
    off = None if outlook.switched_off is None or not here else outlook.switched_off.get(1)
    return Evacuation(
        host=name,
        targets=outlook.steps[0].targets,
        stuck=stuck,
        vms=tuple(here),
        taken_to_be=tuple(untold),
        cycles=outlook.cycles if here else (),
        switched_off=off,
    )


def _elsewhere(vm: Vm, host: Member, others: Set[str]) -> bool:
    """Whether it is told: by the UUID of another host, or by one that this host has not."""
    return bool(vm.home) and vm.home != host.uuid and (bool(host.uuid) or vm.home in others)


def _pool(members: Sequence[Member], name: str) -> PoolUpdate:
    """The pool, of which one host changes nothing: it is evacuated, that is all."""
    xapi = next((m for m in members if m.membership.coordinator), members[0]).membership
    newest = _newest(members)
    changes = tuple(
        HostChange(
            member,
            member,
            enabled=member.membership.enabled is not False,
            changes=member.name == name,
            done=bool(newest >> number & 1),
        )
        for number, member in enumerate(members)
    )
    here = mask(place for place, member in enumerate(members) if member.name == name)
    return PoolUpdate(changes, rule_of(xapi.version("xapi")), untold=here)


def _newest(members: Sequence[Member]) -> int:
    """The hosts of the highest version, as bits, in a pool that is in the middle of an upgrade."""
    if not any(member.membership.upgrading for member in members):
        return 0
    versions = [
        (m.membership.version("platform_version"), m.membership.version("xapi")) for m in members
    ]
    return mask(n for n, version in enumerate(versions) if version == max(versions))
