"""The pool's level as each host starts, and what follows for VMs that start or restart then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import evolve, frozen

from ...features.featureset import Featureset
from ...features.release import Release
from ...interface import GuestType
from ..levelling import level
from ..member import Member, release_of_pool
from ..vm import Vm
from .cases import Cases
from .course import Course, Stop, passage
from .pool import PoolUpdate, bits

Levels = Mapping[GuestType, Featureset]


@frozen
class Trap:
    """A VM of `guest` that is restarted on one of `hosts` between step `after` and the one at which
    it stops: it gets the level of then, with `missing` (by name) that `refusing` do not take in;
    `problems`: what else keeps it out of them.
    """

    guest: GuestType
    after: int
    hosts: tuple[str, ...]
    missing: tuple[str, ...]
    refusing: tuple[str, ...]
    problems: tuple[str, ...] = ()


@frozen
class NoReturn:
    """A VM of `guest` that starts once all is done cannot go to `hosts` as they are now."""

    guest: GuestType
    hosts: tuple[str, ...]
    missing: tuple[str, ...]


def levels_by_step(pool: PoolUpdate, order: Sequence[int]) -> tuple[Levels, ...]:
    """Before the first step, and after each: by the rules of the host that has just started."""
    guests = [guest for guest in pool.guests if _run_by(pool, guest)]
    members = [pool.member(n, pool.done) for n in range(len(pool.hosts))]
    first = {
        guest: pool.levels.get(guest) or _level(members, guest, release_of_pool(members))
        for guest in guests
    }
    every: list[Levels] = [first]
    updated = pool.done
    for place in order:
        updated |= 1 << place
        members = [pool.member(n, updated) for n in range(len(pool.hosts))]
        xen = pool.hosts[place].after.release
        every.append({guest: _level(members, guest, xen) for guest in guests})
    return tuple(every)


def traps(
    pool: PoolUpdate, course: Course, levels: Sequence[Levels], cases: Cases
) -> tuple[Trap, ...]:
    """Where a restart in the middle of the update makes a VM stop a later step.

    Step 0 is a restart before the update begins.
    """
    by_lack: dict[object, Trap] = {}
    for step in range(len(course)):
        updated = course.legs[step].updated
        waiting = [leg.host for leg in course.legs[step:]]
        for guest, words in levels[step].items():
            for place in waiting:
                member = pool.member(place, updated)
                if guest not in member.offers:
                    continue
                vm = Vm("", guest, words, vendor=member.vendor)
                way = passage(course, cases.case(vm, 1 << place))
                stops = [stop for stop in way.stops if stop.refusing]
                if stops:
                    _add(by_lack, _trap(pool, course, stops[0], vm, step, place, cases))
    return tuple(by_lack.values())


def _trap(
    pool: PoolUpdate, course: Course, stop: Stop, vm: Vm, step: int, place: int, cases: Cases
) -> Trap:
    leg = course.legs[stop.step]
    answer = cases.answer(next(bits(stop.refusing)), leg.updated, vm)
    return Trap(
        vm.guest,
        step,
        (pool.hosts[place].name,),
        tuple(lack.name for lack in answer.missing),
        pool.names(stop.refusing),
        answer.problems,
    )


def _add(traps: dict[object, Trap], trap: Trap) -> None:
    """Those that are refused for the same after the same step are one."""
    key = (trap.guest, trap.after, trap.missing, trap.problems)
    known = traps.get(key)
    if known is not None:
        hosts = tuple(dict.fromkeys((*known.hosts, *trap.hosts)))
        refusing = tuple(dict.fromkeys((*known.refusing, *trap.refusing)))
        trap = evolve(trap, hosts=hosts, refusing=refusing)
    traps[key] = trap


def no_return(pool: PoolUpdate, levels: Levels) -> tuple[NoReturn, ...]:
    """What a VM that starts after the update has, and the hosts as they are now do not take in."""
    hosts_by_lack: dict[tuple[GuestType, tuple[str, ...]], list[str]] = {}
    for guest, words in levels.items():
        for host in pool.hosts:
            if guest not in host.before.offers or not host.changes:
                continue
            beyond = words - host.before.migration(guest)
            if beyond:
                names = tuple(pool.xen.names(beyond))
                hosts_by_lack.setdefault((guest, names), []).append(host.name)
    return tuple(
        NoReturn(guest, tuple(hosts), names) for (guest, names), hosts in hosts_by_lack.items()
    )


def _run_by(pool: PoolUpdate, guest: GuestType) -> bool:
    return any(guest in host.before.offers or guest in host.after.offers for host in pool.hosts)


def _level(members: Sequence[Member], guest: GuestType, xen: Release) -> Featureset:
    return level((m.boot(guest) for m in members if guest in m.offers), xen)
