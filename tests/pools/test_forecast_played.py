"""The forecast against the transition system played by hand (tests/support/player.py)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations, permutations

import pytest
from attrs import evolve, frozen

from tests.support.player import Guest, Played, Pool, play
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.forecast import (
    Cycle,
    Forecast,
    HostChange,
    Outcome,
    PoolUpdate,
    Rule,
    forecast,
)
from xenops_cpu.pools.forecast.levels import levels_by_step
from xenops_cpu.pools.forecast.remedies import When
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.vm import Vm

XEN = release("4.20")
# NO_LMSL is OR-ed across a pool; AVX2 goes with AVX. The others stand for themselves.
NAMES = ("AVX", "AVX2", "RDSEED", "ADX", "NO_LMSL")
LENGTH = XEN.length


@frozen
class Case:
    """One pool for both: `pool`, `guests` for the player, `update`, `vms` for the program."""

    pool: Pool
    guests: tuple[Guest, ...]
    update: PoolUpdate
    vms: tuple[Vm, ...]
    upgrade: bool

    @property
    def order(self) -> tuple[int, ...]:
        return tuple(range(len(self.pool.takes)))

    def played(self, guests: tuple[Guest, ...] | None = None) -> Played:
        return play(self.pool, self.guests if guests is None else guests, self.order)


def words(bits: int) -> Featureset:
    names = [name for n, name in enumerate(NAMES) if bits >> n & 1]
    return XEN.featureset(names).extended(LENGTH)


def small(featureset: Featureset) -> int:
    return sum(1 << n for n, name in enumerate(NAMES) if XEN.features[name].number in featureset)


def made(dice: random.Random) -> Case:
    """Two to four hosts whose sets are near each other, one to three VMs."""
    count = dice.choice((2, 2, 3, 3, 4))
    full = dice.getrandbits(5)

    def near(bits: int, most: int = 2) -> int:
        for _ in range(dice.randrange(most + 1)):
            bits ^= 1 << dice.randrange(5)
        return bits

    def member(name: str, place: int, takes: int) -> Member:
        boot = takes & (31 if dice.random() < 0.6 else dice.getrandbits(5))
        offer = Offer(GuestType.HVM, words(boot), words(takes), joined=False)
        return Member(name, "", XEN, {GuestType.HVM: offer}, uuid=f"u{place}")

    upgrade = dice.random() < 0.7
    newer_only = upgrade and dice.random() < 0.4
    takes, hosts = [], []
    changing = near(full, 1)
    enabled = [dice.random() < 0.9 for _ in range(count)]
    for place in range(count):
        now = near(full, 1)
        then = now if dice.random() < 0.3 else near(changing, 1)
        takes.append((now, then))
        hosts.append(
            HostChange(
                member(f"h{place}", place, now),
                member(f"h{place}", place, then),
                enabled=enabled[place],
                coordinator=not place,
            )
        )
    rule = Rule.UPDATED if newer_only else Rule.ALL
    guests, vms = [], []
    for number in range(dice.choice((1, 2, 2, 3))):
        seen = near(full & changing, 2)
        home = dice.choice((*range(count), *range(count), None))
        bound = dice.random() < 0.05
        guests.append(Guest(seen, home, bound))
        vms.append(
            Vm(
                f"v{number}",
                GuestType.HVM,
                words(seen),
                home="" if home is None else f"u{home}",
                immobile="nomigrate" if bound else "",
            )
        )
    return Case(
        Pool(tuple(takes), tuple(enabled), newer_only),
        tuple(guests),
        PoolUpdate(tuple(hosts), rule, upgrade),
        tuple(vms),
        upgrade,
    )


def held_to_the_player(case: Case) -> Forecast:
    """Every statement of the forecast that the player can judge."""
    told, played = forecast(case.update, case.vms), case.played()
    steps = {step for step, _ in played.stops}
    expected = Outcome.GOES_THROUGH
    if played.stops:
        expected = Outcome.MAY_STOP if played.ends else Outcome.STOPS
    assert told.outcome is expected
    assert told.stops_at == (min(steps) + 1 if steps else None)
    if told.outcome is Outcome.STOPS:
        assert told.certainly_by is not None
        assert max(steps) < told.certainly_by
    at_once_stuck(case, told, played)
    the_set_is_the_smallest(case, told)
    orders(case, told)
    if told.switched_off is not None:
        away = {n - 1: [int(name[1:]) for name in names] for n, names in told.switched_off.items()}
        assert not play(case.pool, case.guests, case.order, away).stops
    for cycle in told.cycles:
        ways_help(case, cycle)
    every_trap(case, told)
    return told


def at_once_stuck(case: Case, told: Forecast, played: Played) -> None:
    """Who is stuck at the first stop, and whether that is certain."""
    if told.stops_at is None:
        assert not any(step.stuck for step in told.steps)
        return
    at = told.stops_at - 1
    first = {n for step, stuck in played.stops if step == at for n in stuck}
    named = {vm.name: stuck for stuck in told.steps[at].stuck for vm in stuck.vms}
    assert set(named) == {f"v{n}" for n in first}
    for n in first:
        alone = play(case.pool, [case.guests[n]], case.order)
        there = all(state[0] == case.order[at] for state in alone.where[at])
        assert named[f"v{n}"].certain is there


def the_set_is_the_smallest(case: Case, told: Forecast) -> None:
    """No smaller set of VMs lets the rest through, and this one does."""
    names = {vm.name for vm in told.power_cycle}
    numbers = range(len(case.guests))
    smallest = next(
        size
        for size in range(len(case.guests) + 1)
        for gone in combinations(numbers, size)
        if not case.played(tuple(case.guests[n] for n in numbers if n not in gone)).stops
    )
    assert len(names) == smallest
    rest = tuple(guest for n, guest in enumerate(case.guests) if f"v{n}" not in names)
    assert not case.played(rest).stops


def orders(case: Case, told: Forecast) -> None:
    """An order is found where there is one, and it is one."""
    if not told.cycles:
        return
    free = [
        order
        for order in permutations(case.order)
        if not order[0] and not play(case.pool, case.guests, order).stops
    ]
    assert told.every_order_tried
    assert (told.other_order is not None) is bool(free)
    if told.other_order is not None:
        assert tuple(int(name[1:]) for name in told.other_order) in free


def ways_help(case: Case, cycle: Cycle) -> None:
    """Whoever follows a way stops nothing any more."""
    levels = [small(level[GuestType.HVM]) for level in levels_by_step(case.update, case.order)]
    for vm in cycle.vms:
        guest = case.guests[int(vm.name[1:])]
        for way in cycle.ways:
            match way.when:
                case When.BEFORE:
                    new = evolve(guest, words=levels[0])
                    assert not play(case.pool, [new], case.order).stops
                case When.OWN:
                    assert way.own is not None
                    new = evolve(guest, words=small(way.own))
                    assert not play(case.pool, [new], case.order).stops
                case When.AFTER:
                    before = play(case.pool, [guest], case.order)
                    assert all(step >= way.step for step, _ in before.stops)
                    for (place,) in before.where[way.step]:
                        new = Guest(levels[way.step], place)
                        assert not play(case.pool, [new], case.order, first=way.step).stops
                case When.MOVE | When.OFF:
                    before = play(case.pool, [guest], case.order)
                    begin = way.step if way.when is When.MOVE else way.until
                    first = min(step for step, _ in before.stops)
                    assert way.until == first + 1
                    assert first >= (begin if way.when is When.MOVE else begin - 1)
                    on = Guest(levels[begin], case.order[0])
                    assert not play(case.pool, [on], case.order, first=begin).stops


def every_trap(case: Case, told: Forecast) -> None:
    """A restart in the middle is told of where it makes a VM stop, and nowhere else."""
    levels = [small(level[GuestType.HVM]) for level in levels_by_step(case.update, case.order)]
    traps = {(trap.after, name) for trap in told.traps for name in trap.hosts}
    for step in case.order:
        for host in case.order[step:]:
            guest = Guest(levels[step], host)
            later = play(case.pool, [guest], case.order, first=step)
            first = min((at for at, _ in later.stops), default=None)
            without_target = play(case.pool, [evolve(guest, words=0)], case.order, first=step)
            if first is not None and not without_target.stops:
                assert (step, f"h{host}") in traps
            if first is None:
                assert (step, f"h{host}") not in traps


def pools(seed: int, count: int) -> Iterator[Case]:
    dice = random.Random(seed)
    for _ in range(count):
        yield made(dice)


def test_small_pools() -> None:
    """Each outcome comes up, and all that is said of it is so."""
    outcomes = {held_to_the_player(case).outcome for case in pools(1, 200)}
    assert outcomes == set(Outcome)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_thousands_of_small_pools(seed: int) -> None:
    """The same, 8 × 1,500 times."""
    for case in pools(1000 + seed, 1500):
        held_to_the_player(case)
