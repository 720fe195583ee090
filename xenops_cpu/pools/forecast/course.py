"""One order of the hosts, step by step, and what becomes of one VM on the way.

A VM's *case* is all that matters of it: which hosts refuse it as they are and as they will be,
whether it is bound to its host, and where it may be at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import field, frozen

from .pool import PoolUpdate


@frozen
class Case:
    """`refusing`: the hosts that refuse it as they are now, and as they will be. `places`: where it
    may be. `bound`: it may not leave its host whatever its features.
    """

    refusing: tuple[int, int]
    places: int
    bound: bool = False


@frozen
class Leg:
    """One step: the host (its place) that is evacuated, whom it asks, who is updated by then."""

    host: int
    targets: int
    updated: int


@frozen
class Course:
    legs: tuple[Leg, ...]

    def __len__(self) -> int:
        return len(self.legs)


@frozen
class Stop:
    """A step, from 0, at which the VM cannot leave. `refusing`: the targets that refuse it, were it
    not bound. `certain`: it is there in every run that comes so far.
    """

    step: int
    refusing: int
    certain: bool


@frozen
class Passage:
    """A VM's way. `stops`: in order. `places`: where it may be at the end; 0: no run ends."""

    stops: tuple[Stop, ...]
    places: int
    before: tuple[int, ...] = field(repr=False)

    @property
    def certain(self) -> bool:
        """Whether it stops every run."""
        return bool(self.stops) and not self.places


def course(
    pool: PoolUpdate, order: Sequence[int], disabled: Mapping[int, int] | None = None
) -> Course:
    """`disabled`: by step, the hosts that are switched off as targets for just that step."""
    away = disabled or {}
    updated = pool.done
    legs = []
    for step, place in enumerate(order):
        targets = pool.targets(place, updated) & ~away.get(step, 0)
        legs.append(Leg(place, targets, updated))
        updated |= 1 << place
    return Course(tuple(legs))


def refusing(case: Case, leg: Leg) -> int:
    """The targets of a step that refuse the VM."""
    now, then = case.refusing
    return leg.targets & (then & leg.updated | now & ~leg.updated)


def passage(course: Course, case: Case) -> Passage:
    """The VM's way. One that comes in the middle, on a host that waits, is touched by no step that
    was before.
    """
    places = case.places
    stops: list[Stop] = []
    before: list[int] = []
    for step, leg in enumerate(course.legs):
        before.append(places)
        here = 1 << leg.host
        if not places & here:
            continue
        against = refusing(case, leg)
        if case.bound or not leg.targets or against:
            stops.append(Stop(step, against, certain=places == here))
            places &= ~here
            if not places:
                break
        else:
            places = places & ~here | leg.targets
    return Passage(tuple(stops), places, tuple(before))
