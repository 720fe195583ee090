"""What a step of the derivation is, and in which Xen releases it exists.

A step says in words when it acts, what it does and why, names the place in Xen's source, and does
it on what is being made: featuresets (State), or a CPU policy (policies.draft). The releases are
spans (see releases).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar

from attrs import field, frozen

from .releases import span
from .source import Source

if TYPE_CHECKING:
    from .state import State

Work = TypeVar("Work")
# A step that works on any draft will do where a step on some kind of draft is wanted.
Does = TypeVar("Does", contravariant=True)


@frozen
class StepOf(Generic[Does]):
    """`when`, `effect` and `why` are for people; `run` is the step itself.

    `source`: the place in Xen's source, release by release.
    """

    id: str
    releases: str
    when: str
    effect: str
    why: str
    source: Source
    run: Callable[[Does], None] = field(repr=False)

    def exists_in(self, release: str) -> bool:
        return release in span(self.releases)

    @property
    def places(self) -> str:
        """The source in words, for all releases that have the step."""
        return self.source.among(span(self.releases))


@frozen
class PhaseOf(Generic[Work]):
    """Steps that run one after the other, filled by its decorator `step`."""

    title: str
    steps: list[StepOf[Work]] = field(factory=list)

    def step(
        self, step_id: str, releases: str, *, when: str, effect: str, why: str, source: str | Source
    ) -> Callable[[Callable[[Work], None]], Callable[[Work], None]]:
        """Make the decorated function the next step of this phase."""

        place = Source(source) if isinstance(source, str) else source

        def add(run: Callable[[Work], None]) -> Callable[[Work], None]:
            self.steps.append(StepOf(step_id, releases, when, effect, why, place, run))
            return run

        return add

    def of(self, release: str) -> Iterator[StepOf[Work]]:
        """The steps that exist in a release, in order."""
        return (step for step in self.steps if step.exists_in(release))


Step: TypeAlias = StepOf["State"]
Phase: TypeAlias = PhaseOf["State"]
