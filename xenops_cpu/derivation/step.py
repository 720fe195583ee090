"""What a step of the derivation is, and in which Xen releases it exists.

A step says in words when it acts, what it does and why, names the place in Xen's source, and does
it on a State. The releases are spans (see releases).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from attrs import field, frozen

from .releases import span
from .source import Source

if TYPE_CHECKING:
    from .state import State


@frozen
class Step:
    """`when`, `effect` and `why` are for people; `run` is the step itself.

    `source`: the place in Xen's source, release by release.
    """

    id: str
    releases: str
    when: str
    effect: str
    why: str
    source: Source
    run: Callable[[State], None] = field(repr=False)

    def exists_in(self, release: str) -> bool:
        return release in span(self.releases)

    @property
    def places(self) -> str:
        """The source in words, for all releases that have the step."""
        return self.source.among(span(self.releases))


@frozen
class Phase:
    """Steps that run one after the other, filled by its decorator `step`."""

    title: str
    steps: list[Step] = field(factory=list)

    def step(
        self, step_id: str, releases: str, *, when: str, effect: str, why: str, source: str | Source
    ) -> Callable[[Callable[[State], None]], Callable[[State], None]]:
        """Make the decorated function the next step of this phase."""

        place = Source(source) if isinstance(source, str) else source

        def add(run: Callable[[State], None]) -> Callable[[State], None]:
            self.steps.append(Step(step_id, releases, when, effect, why, place, run))
            return run

        return add

    def of(self, release: str) -> Iterator[Step]:
        """The steps that exist in a release, in order."""
        return (step for step in self.steps if step.exists_in(release))
