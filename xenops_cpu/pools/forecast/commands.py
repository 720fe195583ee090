"""A forecast's advice as commands of xe, for people to read and paste."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from attrs import evolve

from ..member import Member
from ..vm import Vm
from .evacuation import Evacuation
from .remedies import Way, When
from .result import Cycle, Forecast


def of_forecast(outlook: Forecast) -> Iterator[str]:
    """The whole update in order, with what lets it through; comments say what xe cannot do.

    By another order of the hosts where there is one, else by switching off targets, else by power
    cycles: the first that costs no VM anything.
    """
    if not outlook.vms_looked_at:
        stand_ins = (evolve(c, vms=(evolve(c.vms[0], uuid="UUID"),)) for c in outlook.cycles)
        outlook = evolve(outlook, cycles=tuple(stand_ins), vms_looked_at=1)
        for line in of_forecast(outlook):
            yield f"# each such VM: {line}" if "uuid=UUID" in line else line
        return
    hosts = {host.name: host.before for host in outlook.pool.hosts}
    order = outlook.other_order or outlook.order
    by_order = outlook.other_order is not None
    off = {} if by_order or outlook.switched_off is None else outlook.switched_off
    cycles = () if by_order or outlook.switched_off is not None else outlook.cycles
    for number, name in enumerate(order, 1):
        role = " (coordinator)" if outlook.pool.hosts[outlook.pool.order[0]].name == name else ""
        yield f"# step {number}: {name}{role}"
        for cycle in cycles:
            yield from _before_step(cycle, number, hosts[order[0]])
        away = [hosts[other] for other in off.get(number, ())]
        yield from (_host("disable", other) for other in away)
        yield _host("disable", hosts[name])
        yield _host("evacuate", hosts[name])
        yield from (_host("enable", other) for other in away)
        yield f"#   update {name}, restart it, wait until it is back"
        yield _host("enable", hosts[name])
        for cycle in cycles:
            yield from _after_step(cycle, number, hosts[order[0]])


def of_evacuation(outlook: Evacuation) -> Iterator[str]:
    """What lets the host be evacuated, with the least trouble for VMs."""
    if outlook.switched_off:
        for name in outlook.switched_off:
            yield f"xe host-disable name-label={shlex.quote(name)}"
        yield f"xe host-evacuate name-label={shlex.quote(outlook.host)}"
        for name in outlook.switched_off:
            yield f"xe host-enable name-label={shlex.quote(name)}"
        return
    for cycle in outlook.cycles:
        for vm in cycle.vms:
            if cycle.way.when is When.OFF:
                yield _vm("shutdown", vm)
            else:
                yield from _restart(vm, cycle.way)
    yield f"xe host-evacuate name-label={shlex.quote(outlook.host)}"


def of_cycle(cycle: Cycle, way: Way, coordinator: Member | None = None) -> Iterator[str]:
    """One way for the VMs of a cycle, in the order in which it is done."""
    for vm in cycle.vms:
        match way.when:
            case When.BEFORE | When.AFTER | When.OWN:
                yield from _restart(vm, way)
            case When.MOVE:
                yield _vm("shutdown", vm)
                yield _start(vm, coordinator)
            case When.OFF:
                yield _vm("shutdown", vm)


def _before_step(cycle: Cycle, number: int, coordinator: Member) -> Iterator[str]:
    way = cycle.way
    match way.when:
        case When.BEFORE | When.OWN if number == 1:
            yield from of_cycle(cycle, way)
        case When.AFTER | When.MOVE if number == way.step + 1:
            yield from of_cycle(cycle, way, coordinator)
        case When.OFF if number == way.step + 1:
            yield from of_cycle(cycle, way)


def _after_step(cycle: Cycle, number: int, coordinator: Member) -> Iterator[str]:
    """VMs that were shut down for a step start again where all is done."""
    if cycle.way.when is When.OFF and number == cycle.way.until:
        for vm in cycle.vms:
            yield _start(vm, coordinator)


def _restart(vm: Vm, way: Way) -> Iterator[str]:
    if way.own is not None:
        yield f"xe vm-param-set {_selector(vm)} platform:featureset={way.own}"
    elif way.without_own:
        yield f"xe vm-param-remove {_selector(vm)} param-name=platform param-key=featureset"
    yield _vm("reboot", vm)


def _start(vm: Vm, host: Member | None) -> str:
    on = "" if host is None else f" on={shlex.quote(host.name)}"
    return f"{_vm('start', vm)}{on}"


def _host(command: str, member: Member) -> str:
    selector = f"uuid={member.uuid}" if member.uuid else f"name-label={shlex.quote(member.name)}"
    return f"xe host-{command} {selector}"


def _vm(command: str, vm: Vm) -> str:
    return f"xe vm-{command} {_selector(vm)}"


def _selector(vm: Vm) -> str:
    return f"uuid={vm.uuid}" if vm.uuid else f"name-label={shlex.quote(vm.name)}"
