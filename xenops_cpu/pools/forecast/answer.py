"""The forecast, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from ...errors import InputError
from ..vm import Vm
from . import levels as levels_
from . import orders, remedies
from .cases import Cases, Group, kind_of
from .course import Course, Passage, Stop, course, passage
from .levels import Levels
from .pool import PoolUpdate, bits
from .result import Besides, Change, Cycle, Forecast, Outcome, Refusal, Sleeper, Step, Stuck

_NO_TARGET = "there is no host to go to: none other is enabled, and as new"


def forecast(
    pool: PoolUpdate, vms: Iterable[Vm] = (), order: Sequence[str] | None = None
) -> Forecast:
    """What becomes of the update. VMs that are halted stop nothing; of suspended ones it is told
    where they can be resumed. Without VMs that run, ones started at the present level are looked
    at. `order`: of the hosts by name, None for the usual one.

    Raises InputError for an order that is not one of the hosts that change, coordinator first.
    """
    every = list(vms)
    places = pool.order if order is None else _places(pool, order)
    way, levels = course(pool, places), levels_.levels_by_step(pool, places)
    cases = Cases(pool)
    groups = cases.group(every)
    looked_at = sum(len(group.vms) for group in groups)
    groups = groups or cases.group(_stand_ins(pool, levels[0]))
    passages = [passage(way, group.case) for group in groups]
    stopping = [(g, p) for g, p in zip(groups, passages, strict=True) if p.stops]
    certain = [p.stops[-1].step + 1 for _, p in stopping if p.certain]
    searched = orders.search(pool, groups) if stopping else None
    off = remedies.switched_off(pool, places, groups) if stopping else None
    outcome = Outcome.STOPS if certain else Outcome.MAY_STOP if stopping else Outcome.GOES_THROUGH
    free_order = None if searched is None else searched.order
    bound = [vm for group, _ in stopping if group.case.bound for vm in group.vms]
    return Forecast(
        pool=pool,
        outcome=outcome,
        order=tuple(pool.hosts[n].name for n in places),
        steps=tuple(_steps(pool, way, levels, stopping, cases)),
        stops_at=min((p.stops[0].step + 1 for _, p in stopping), default=None),
        certainly_by=min(certain, default=None),
        cycles=tuple(
            Cycle(group.vms, way_of.certain, remedies.ways(pool, way, levels, cases, group))
            for group, way_of in stopping
        ),
        other_order=_names(pool, free_order),
        every_order_tried=searched is None or searched.whole,
        switched_off=_away(pool, off),
        traps=levels_.traps(pool, way, levels, cases),
        no_return=levels_.no_return(pool, levels[-1]),
        sleepers=tuple(_sleepers(pool, every, cases)),
        vms_looked_at=looked_at,
        besides=_besides(pool, places, stopping, groups, bound) if bound else None,
    )


def _besides(
    pool: PoolUpdate,
    places: tuple[int, ...],
    stopping: Sequence[tuple[Group, Passage]],
    groups: Sequence[Group],
    bound: Sequence[Vm],
) -> Besides | None:
    """What helps all but the VMs that are bound to their host."""
    if all(group.case.bound for group, _ in stopping):
        return None
    free = [group for group in groups if not group.case.bound]
    order = orders.search(pool, free).order
    off = remedies.switched_off(pool, places, free)
    if order is None and off is None:
        return None
    return Besides(tuple(bound), _names(pool, order), _away(pool, off))


def _names(pool: PoolUpdate, order: Sequence[int] | None) -> tuple[str, ...] | None:
    return None if order is None else tuple(pool.hosts[n].name for n in order)


def _away(pool: PoolUpdate, off: Mapping[int, int] | None) -> dict[int, tuple[str, ...]] | None:
    return None if off is None else {step + 1: pool.names(hosts) for step, hosts in off.items()}


def _places(pool: PoolUpdate, order: Sequence[str]) -> tuple[int, ...]:
    by_name = {host.name: n for n, host in enumerate(pool.hosts)}
    names = {pool.hosts[n].name for n in pool.order}
    if len(order) != len(names) or set(order) != names:
        raise InputError(
            f"an order names each host that is updated once: {', '.join(sorted(names))}"
        )
    first = pool.hosts[pool.order[0]]
    if first.coordinator and order[0] != first.name:
        raise InputError(
            f"{first.name} is the coordinator and goes first: xapi keeps a member that is newer "
            "than its coordinator out of the pool"
        )
    return tuple(by_name[name] for name in order)


def _stand_ins(pool: PoolUpdate, levels: Levels) -> Iterator[Vm]:
    """VMs that were started at the level as it is, on a host of each vendor that there is."""
    vendors = dict.fromkeys(host.before.vendor for host in pool.hosts if host.before.vendor)
    for guest, words in levels.items():
        for vendor in vendors or [""]:
            name = f"a VM started at the present level ({guest.name})"
            yield Vm(name, guest, words, vendor=vendor)


def _steps(
    pool: PoolUpdate,
    way: Course,
    levels: Sequence[Levels],
    stopping: Sequence[tuple[Group, Passage]],
    cases: Cases,
) -> Iterator[Step]:
    for number, leg in enumerate(way.legs):
        stuck = [
            _stuck(pool, way, group, stop, cases)
            for group, passed in stopping
            for stop in passed.stops
            if stop.step == number
        ]
        xen = pool.hosts[leg.host].after.release
        changes = []
        for guest, words in levels[number + 1].items():
            before = levels[number][guest]
            lost, gained = xen.names(before - words), xen.names(words - before)
            if lost or gained:
                changes.append(Change(guest, words, tuple(lost), tuple(gained)))
        name = pool.hosts[leg.host].name
        yield Step(number + 1, name, pool.names(leg.targets), tuple(stuck), tuple(changes))


def _stuck(pool: PoolUpdate, way: Course, group: Group, stop: Stop, cases: Cases) -> Stuck:
    leg = way.legs[stop.step]
    if group.case.bound:
        problem = f"xapi lets it go nowhere while it runs: {group.vm.immobile}"
        return Stuck(group.vms, stop.certain, (), problem)
    if not leg.targets:
        return Stuck(group.vms, stop.certain, (), _NO_TARGET)
    refusals: dict[object, Refusal] = {}
    for places in cases.alike(stop.refusing, leg.updated):
        answer = cases.answer(places[0], leg.updated, group.vm)
        hosts = tuple(pool.hosts[place].name for place in places)
        key = (tuple(lack.number for lack in answer.missing), answer.problems)
        known = refusals.get(key)
        if known is not None:
            hosts, answer = (*known.hosts, *hosts), known.answer
        refusals[key] = Refusal(hosts, answer)
    return Stuck(group.vms, stop.certain, tuple(refusals.values()))


def _sleepers(pool: PoolUpdate, vms: Iterable[Vm], cases: Cases) -> Iterator[Sleeper]:
    """Suspended VMs that lose a host."""
    groups: dict[object, list[Vm]] = {}
    for vm in vms:
        if vm.suspended and vm.seen is not None:
            groups.setdefault(kind_of(vm), []).append(vm)
    everyone = pool.every_place
    for same in groups.values():
        now, then = cases.refusing(same[0])
        if then & ~now:
            worst = next(bits(then & ~now))
            answer = cases.answer(worst, everyone, same[0])
            yield Sleeper(
                tuple(same), pool.names(everyone & ~now), pool.names(everyone & ~then),
                evolve(answer, remedies=()),
            )  # fmt: skip


__all__ = ["forecast"]
