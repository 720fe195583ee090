"""A rolling update played by hand: every step, every placement of every VM, on small pools.

It knows nothing of the program: sets are ints, hosts and VMs are places in lists. Rules: those of
xapi, as in ../shared/xapi/README.md, section 2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product

from attrs import frozen


@frozen
class Pool:
    """`takes`: of each host, what it takes in before and after its update. `newer_only`: the rule
    of #7261, where versions differ. Host 0 is the coordinator.
    """

    takes: tuple[tuple[int, int], ...]
    enabled: tuple[bool, ...]
    newer_only: bool = False


@frozen
class Guest:
    """A VM that runs: what it has seen, where it is (None: nobody knows), whether it is bound."""

    words: int
    home: int | None
    bound: bool = False


@frozen
class Played:
    """`stops`: each (step, who is stuck) that some run comes to; `ends`: some run comes through.

    `where`: before each step, every placement that some run has.
    """

    stops: frozenset[tuple[int, frozenset[int]]]
    ends: bool
    where: tuple[frozenset[tuple[int, ...]], ...]


def play(
    pool: Pool,
    guests: Sequence[Guest],
    order: Sequence[int],
    away: Mapping[int, Iterable[int]] | None = None,
    first: int = 0,
) -> Played:
    """All runs from step `first` on. `away`: by step, hosts that are switched off for it."""
    hosts = range(len(pool.takes))
    starts = [list(hosts) if guest.home is None else [guest.home] for guest in guests]
    states = set(product(*starts))
    stops: set[tuple[int, frozenset[int]]] = set()
    where: list[frozenset[tuple[int, ...]]] = []
    for step in range(first, len(order)):
        where.append(frozenset(states))
        host, updated = order[step], set(order[:step])
        targets = [
            target for target in hosts
            if target != host and pool.enabled[target]
            and target not in set((away or {}).get(step, ()))
            and (target in updated or not (pool.newer_only and updated))
        ]  # fmt: skip

        after: set[tuple[int, ...]] = set()
        for state in states:
            leaving = [n for n, place in enumerate(state) if place == host]
            stuck = frozenset(
                n for n in leaving if not _may_leave(pool, guests[n], targets, updated)
            )
            if stuck:
                stops.add((step, stuck))
                continue
            choices = [targets if n in leaving else [place] for n, place in enumerate(state)]
            after.update(product(*choices))
        states = after
    return Played(frozenset(stops), bool(states), tuple(where))


def _may_leave(pool: Pool, guest: Guest, targets: Sequence[int], updated: set[int]) -> bool:
    if guest.bound or not targets:
        return False
    return all(not guest.words & ~pool.takes[t][t in updated] for t in targets)
