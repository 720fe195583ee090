"""An order of the hosts in which no VM stops, where there is one.

The coordinator goes first whatever comes of it: xapi keeps a member that is newer than its
coordinator away from the pool. Among the members the search goes step by step, with all that was
reached remembered, and those whose migration sets shrink tried last. Pools are of few kinds of
hosts, so it is short; where it would not be it ends, and says that not all was tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from ...interface import GuestType
from .cases import Group
from .course import Case, Leg, refusing
from .pool import PoolUpdate

# Each looks at every case; a pool of 16 hosts that are all unlike has 32,768 sets of members.
MAX_TRIED = 20_000
_MAX_CASES = 2_000_000


@frozen
class Search:
    """`order`: places of hosts, None where none was found; `whole`: all orders were looked at."""

    order: tuple[int, ...] | None
    whole: bool


def search(pool: PoolUpdate, groups: Sequence[Group]) -> Search:
    """An order without a stop of these VMs: the usual one, if it has none."""
    cases = list(dict.fromkeys(group.case for group in groups))
    usual = pool.order
    first = usual[:1] if usual and pool.hosts[usual[0]].coordinator else ()
    members = sorted(usual[len(first) :], key=lambda place: _shrinks(pool, place))
    return _Search(pool, cases, first, tuple(members)).run()


class _Search:
    def __init__(
        self,
        pool: PoolUpdate,
        cases: Sequence[Case],
        first: tuple[int, ...],
        members: tuple[int, ...],
    ) -> None:
        self.pool = pool
        self.cases = cases
        self.first = first
        self.members = members
        self.steps = 0
        self.budget = min(MAX_TRIED, _MAX_CASES // max(len(cases), 1))
        self.dead: set[tuple[int, tuple[int, ...]]] = set()

    def run(self) -> Search:
        """Depth first, without recursion: as deep as the pool has hosts."""
        places = tuple(case.places for case in self.cases)
        updated, order = self.pool.done, []
        for host in self.first:
            moved = self.step(host, updated, places)
            if moved is None:
                return Search(None, True)
            places, updated = moved, updated | 1 << host
            order.append(host)
        stack = [(updated, places, iter(self.members))]
        while stack:
            updated, places, candidates = stack[-1]
            if all(updated >> host & 1 for host in self.members):
                return Search(tuple(order), True)
            for host in candidates:
                if updated >> host & 1:
                    continue
                moved, then = self.step(host, updated, places), updated | 1 << host
                if moved is None or (then, moved) in self.dead:
                    continue
                order.append(host)
                stack.append((then, moved, iter(self.members)))
                break
            else:
                self.dead.add((updated, places))
                stack.pop()
                if order[len(self.first) :]:
                    order.pop()
            if self.steps > self.budget:
                return Search(None, False)
        return Search(None, True)

    def step(self, host: int, updated: int, places: tuple[int, ...]) -> tuple[int, ...] | None:
        """Where the VMs may be after a host's step; None where one of them stops it."""
        self.steps += 1
        leg = Leg(host, self.pool.targets(host, updated), updated)
        here, after = 1 << host, []
        for case, where in zip(self.cases, places, strict=True):
            if where & here:
                if case.bound or not leg.targets or refusing(case, leg):
                    return None
                where = where & ~here | leg.targets
            after.append(where)
        return tuple(after)


def _shrinks(pool: PoolUpdate, place: int) -> tuple[int, int]:
    """How much of what the host takes in it will not take in any more, then its place."""
    host = pool.hosts[place]
    lost = sum(
        len(host.before.migration(guest) - host.after.migration(guest)) for guest in GuestType
    )
    return lost, place


__all__ = ["MAX_TRIED", "Search", "search"]
