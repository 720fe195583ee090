"""What lets an update through: VMs to power-cycle and when, hosts to switch off as targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from attrs import frozen

from ...features.featureset import Featureset
from ...interface import GuestType
from .cases import Cases, Group, restarted
from .course import Case, Course, Leg, course, passage, refusing
from .levels import Levels
from .pool import PoolUpdate, bits


class When(Enum):
    """How a VM is kept from stopping the update, the easiest first."""

    BEFORE = "restart it before the update"
    AFTER = "restart it when the coordinator is up again"
    MOVE = "shut it down, and start it on a host that is updated"
    OWN = "give it a featureset of its own and restart it before the update"
    OFF = "keep it shut down during that step"


@frozen
class Way:
    """One way for one VM. `step`: after which to do it, 0 for before the update; `until`: the step
    at which it would be stuck: to be done before that, or, with OFF, to end after it.

    `own`: the platform:featureset to give it. `without_own`: its own has to be taken away first.
    """

    when: When
    step: int
    until: int
    own: Featureset | None = None
    without_own: bool = False


def ways(
    pool: PoolUpdate, way: Course, levels: Sequence[Levels], cases: Cases, group: Group
) -> tuple[Way, ...]:
    """All ways for VMs that stop, the easiest first; the last always helps."""
    stops = passage(way, group.case).stops
    first = stops[0].step
    vm = group.vm
    possible: list[Way] = []
    if not vm.bound:
        own = vm.own is not None
        if _safe_restart(pool, way, levels, cases, group, 0):
            possible.append(Way(When.BEFORE, 0, first + 1, without_own=own))
        if first > 0 and _safe_restart(pool, way, levels, cases, group, 1):
            possible.append(Way(When.AFTER, 1, first + 1, without_own=own))
    if first > 0:
        possible.append(Way(When.MOVE, 1, first + 1))
    if not vm.bound and not any(way_.when is When.BEFORE for way_ in possible):
        words = levels[0].get(vm.guest)
        cut = None if words is None else _within(pool, words, vm.guest)
        if cut and _safe(pool, way, cases, group, cut, 0):
            possible.append(Way(When.OWN, 0, first + 1, own=cut))
    possible.append(Way(When.OFF, first, first + 1))
    return tuple(possible)


def switched_off(
    pool: PoolUpdate, order: Sequence[int], groups: Sequence[Group]
) -> Mapping[int, int] | None:
    """By step, the hosts to switch off as targets meanwhile, so that an order that stops does not.

    First just those that refuse, each for just the step at which it does; then one host for all of
    the steps but its own. None where neither helps.
    """
    cases = list(dict.fromkeys(group.case for group in groups))
    stepwise = _stepwise(pool, order, cases)
    if stepwise is not None:
        return stepwise
    for host in range(len(pool.hosts)):
        away = {step: 1 << host for step, place in enumerate(order) if place != host}
        way = course(pool, order, away)
        if all(not passage(way, case).stops for case in cases):
            return away
    return None


def _stepwise(
    pool: PoolUpdate, order: Sequence[int], cases: Sequence[Case]
) -> Mapping[int, int] | None:
    away: dict[int, int] = {}
    places = [case.places for case in cases]
    updated = pool.done
    for step, host in enumerate(order):
        leg = Leg(host, pool.targets(host, updated), updated)
        here = 1 << host
        leaving = [n for n, where in enumerate(places) if where & here]
        against = 0
        for n in leaving:
            if cases[n].bound:
                return None
            against |= refusing(cases[n], leg)
        targets = leg.targets & ~against
        if leaving and not targets:
            return None
        if against:
            away[step] = against
        for n in leaving:
            places[n] = places[n] & ~here | targets
        updated |= here
    return away


def _safe_restart(
    pool: PoolUpdate,
    way: Course,
    levels: Sequence[Levels],
    cases: Cases,
    group: Group,
    step: int,
) -> bool:
    """Whether the VM stops nothing any more once it was restarted, wherever it is, after a step."""
    words = levels[step].get(group.vm.guest)
    return words is not None and _safe(pool, way, cases, group, words, step)


def _safe(
    pool: PoolUpdate, way: Course, cases: Cases, group: Group, words: Featureset, step: int
) -> bool:
    for place in bits(passage(way, group.case).before[step]):
        vm = restarted(group.vm, words, pool.hosts[place].before.vendor)
        if passage(way, cases.case(vm, 1 << place)).stops:
            return False
    return True


def _within(pool: PoolUpdate, words: Featureset, guest: GuestType) -> Featureset:
    """What of a level every host takes in, as it is and as it will be."""
    length = words.length
    for host in pool.hosts:
        for member in (host.before, host.after):
            if guest in member.offers:
                words = words & member.migration(guest)
    return words.cut(length)
