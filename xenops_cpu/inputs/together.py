"""One pool out of many files: hosts and VMs that are the same, by UUID, told once.

- A host is put together field by field (hosts/merge.py has the rules).
- A VM is as its newest record has it; of records of which it is not known which is newer, as the
  last that was named has it, and where they differ that is said. What only another tells (the type
  it runs as, its CPU policy) is added.
- Of several databases of one pool the newest counts, by its count of changes: what is in an older
  one only has gone from the pool since.
- What has no UUID is never taken for another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from attrs import evolve

from ..hosts.host import Host
from ..hosts.moment import UNKNOWN_MOMENT, Moment
from ..pools.vm import TYPE_NOT_TOLD, Vm
from .value import Input, NamedHost, Stored

T = TypeVar("T", Vm, Stored)


def together(inputs: Sequence[Input], name: str = "") -> Input:
    """All that several inputs have, as one. A single one is left as it is."""
    if len(inputs) == 1:
        return inputs[0]
    from . import xapi_log
    from .records.collected import apart, once

    newest, notes = current(inputs)
    whole = hosts(host for each in newest for host in each.hosts)
    left_out: Counter[str] = Counter()
    for each in inputs:
        left_out |= Counter(each.left_out)
    names: dict[str, str] = {}
    for each in inputs:
        names |= each.names
    return Input(
        name or " and ".join(each.name for each in inputs),
        "host" if whole.hosts else "vm",
        hosts=apart(whole.hosts),
        vms=once(vms([(each.vms, each.moment) for each in newest])),
        stored=stored([(each.stored, each.moment) for each in newest]),
        left_out=left_out,
        notes=tuple(dict.fromkeys((*notes, *(note for each in inputs for note in each.notes)))),
        damage="; ".join(each.damage for each in inputs if each.damage),
        moment=_newest(each.moment for each in inputs),
        names=names,
        events=xapi_log.merged([each.events for each in inputs]),
    )


class Hosts(NamedTuple):
    """`conflicts`: of sources that say something else, which a person should see."""

    hosts: tuple[NamedHost, ...]
    conflicts: tuple[str, ...] = ()


def hosts(every: Iterable[NamedHost]) -> Hosts:
    """Each host once, where it first appeared."""
    groups: dict[object, list[NamedHost]] = {}
    for index, named in enumerate(every):
        groups.setdefault(named.host.uuid or index, []).append(named)
    whole: list[NamedHost] = []
    conflicts: list[str] = []
    for group in groups.values():
        if len(group) == 1:
            whole.append(group[0])
            continue
        host, disagreements = merged([named.host for named in group])
        name = host.name or group[0].name
        whole.append(NamedHost(name, host))
        conflicts += [f"{name}: {text}" for text in disagreements]
    return Hosts(tuple(whole), tuple(conflicts))


def merged(same: Sequence[Host]) -> tuple[Host, tuple[str, ...]]:
    """One host out of what several sources tell of it, and what they do not agree on."""
    from ..hosts import merge, parts

    readings = [merge.Reading(parts.of_host(host), host.origin) for host in same]
    whole = merge.merge(readings)
    return parts.host(whole.parts, whole.origin), whole.conflicts


def vms(lists: Sequence[tuple[Sequence[Vm], Moment]]) -> Iterator[Vm]:
    """Each VM once, where it first appeared."""
    groups: dict[object, list[tuple[Vm, Moment]]] = {}
    for number, (every, moment) in enumerate(lists):
        for index, vm in enumerate(every):
            groups.setdefault(vm.uuid or (number, index), []).append((vm, moment))
    for group in groups.values():
        yield _vm(group) if len(group) > 1 else group[0][0]


def stored(lists: Sequence[tuple[Sequence[Stored], Moment]]) -> tuple[Stored, ...]:
    """Each record once."""
    groups: dict[object, list[tuple[Stored, Moment]]] = {}
    for number, (every, moment) in enumerate(lists):
        for index, record in enumerate(every):
            key = (record.kind, record.uuid) if record.uuid else (number, index)
            groups.setdefault(key, []).append((record, moment))
    return tuple(_newest_of(group)[0] for group in groups.values())


def _vm(versions: Sequence[tuple[Vm, Moment]]) -> Vm:
    best, moment = _newest_of(versions)
    vm = best
    for other, when in versions:
        if other is best:
            continue
        if not vm.typed and other.typed:
            notes = tuple(note for note in vm.notes if note != TYPE_NOT_TOLD)
            vm = evolve(vm, guest=other.guest, typed=True, runs_as=other.runs_as, notes=notes)
        same = vm.features == other.features
        if same and vm.policy is None and other.policy is not None:
            vm = evolve(vm, policy=other.policy, limits=other.limits)
        if moment.newer(when) is None:
            vm = _of_no_order(vm, other, same)
    return vm


def _of_no_order(vm: Vm, other: Vm, same: bool) -> Vm:
    """A record of which it is not known whether it is the newer."""
    running = not vm.halted and not vm.suspended
    if running and not vm.home and same:
        vm = evolve(vm, home=other.home)
    if same and vm.halted == other.halted:
        return vm
    note = (
        "two records of it differ, and which is newer is not known: what counts is "
        f"{vm.source or 'the last'}, not {other.source or 'the other'}"
    )
    return evolve(vm, notes=(*vm.notes, note))


def _newest_of(versions: Sequence[tuple[T, Moment]]) -> tuple[T, Moment]:
    """The newest; where that is not known the last."""
    best = versions[0]
    for other in versions[1:]:
        if other[1].newer(best[1]) is not False:
            best = other
    return best


def _newest(moments: Iterable[Moment]) -> Moment:
    newest = UNKNOWN_MOMENT
    for moment in moments:
        if newest == UNKNOWN_MOMENT or moment.newer(newest):
            newest = moment
    return newest


def _pools(source: Input) -> set[str]:
    of_hosts = {named.host.membership.pool for named in source.hosts}
    of_records = {record.uuid for record in source.stored if record.kind == "pool"}
    return {uuid for uuid in of_hosts | of_records if uuid}


def current(inputs: Sequence[Input]) -> tuple[list[Input], list[str]]:
    """The inputs, in order, without what only an older database of a pool has; notes on that."""
    newest: dict[str, Input] = {}
    for each in inputs:
        for pool in _pools(each):
            if each.moment.generation and (
                pool not in newest or each.moment.newer(newest[pool].moment)
            ):
                newest[pool] = each
    without: list[Input] = []
    notes: list[str] = []
    for each in inputs:
        pools = _pools(each)
        whole = [newest[pool] for pool in pools if pool in newest]
        if not each.moment.generation or len(whole) != 1 or whole[0] is each:
            without.append(each)
            continue
        kept, note = _without_gone(each, whole[0])
        without.append(kept)
        notes += [note] if note else []
    return without, notes


def _without_gone(older: Input, newer: Input) -> tuple[Input, str]:
    if not newer.moment.newer(older.moment):
        return older, ""
    there = {named.host.uuid for named in newer.hosts} | {vm.uuid for vm in newer.vms}
    there |= {record.uuid for record in newer.stored}
    hosts = tuple(n for n in older.hosts if n.host.uuid in there or not n.host.recorded)
    vms = tuple(vm for vm in older.vms if vm.uuid in there)
    lost = [n.name for n in older.hosts if n.host.uuid not in there and n.host.recorded]
    lost += [vm.name for vm in older.vms if vm.uuid not in there]
    kept = older._replace(
        hosts=hosts,
        vms=vms,
        stored=tuple(record for record in older.stored if record.uuid in there),
    )
    if not lost:
        return kept, ""
    names = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
    return kept, f"{older.name} is older than {newer.name}, from which these have gone: {names}"
