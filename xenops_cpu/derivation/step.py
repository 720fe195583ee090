"""What a step of the derivation is, and in which Xen releases it exists.

A step says in words when it acts, what it does and why, names the place in Xen's source, and does
it on a State. The releases are spans, so that a new release is in every span that is open:

    "all"  "4.14+"  "4.13-4.21"  "4.17+ xs8"  "xs8 xs8.2 xsr"

`xs8`, `xs8.2`, `xsr` are XenServer 8, 8.2 and the 8.2 retrofit of April 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from attrs import field, frozen

from ..features.release import RELEASES

if TYPE_CHECKING:
    from .state import State

# The derivation is known from 4.13 on.
DERIVED_RELEASES = RELEASES[RELEASES.index("4.13") :]
UPSTREAM = tuple(name for name in DERIVED_RELEASES if not name.startswith("xenserver-"))
XENSERVER = {"xs8": "xenserver-8", "xs8.2": "xenserver-8.2", "xsr": "xenserver-8.2-retrofit"}


@cache
def span(text: str) -> frozenset[str]:
    """The release names a span text stands for. Raises ValueError for a release that is none."""

    def place(name: str) -> int:
        if name not in UPSTREAM:
            raise ValueError(f'"{text}": {name} is no release whose derivation is known')
        return UPSTREAM.index(name)

    names: set[str] = set()
    for part in text.split():
        if part == "all":
            names.update(DERIVED_RELEASES)
        elif part in XENSERVER:
            names.add(XENSERVER[part])
        elif part.endswith("+"):
            names.update(UPSTREAM[place(part[:-1]) :])
        else:
            first, _, last = part.partition("-")
            names.update(UPSTREAM[place(first) : place(last or first) + 1])
    return frozenset(names)


@frozen
class Step:
    """`when`, `effect` and `why` are for people; `run` is the step itself.

    `source` is relative to xen/arch/x86/ unless it starts with xen/.
    """

    id: str
    releases: str
    when: str
    effect: str
    why: str
    source: str
    run: Callable[[State], None] = field(repr=False)

    def exists_in(self, release: str) -> bool:
        return release in span(self.releases)


@frozen
class Phase:
    """Steps that run one after the other, filled by its decorator `step`."""

    title: str
    steps: list[Step] = field(factory=list)

    def step(
        self, step_id: str, releases: str, *, when: str, effect: str, why: str, source: str
    ) -> Callable[[Callable[[State], None]], Callable[[State], None]]:
        """Make the decorated function the next step of this phase."""

        def add(run: Callable[[State], None]) -> Callable[[State], None]:
            self.steps.append(Step(step_id, releases, when, effect, why, source, run))
            return run

        return add

    def of(self, release: str) -> Iterator[Step]:
        """The steps that exist in a release, in order."""
        return (step for step in self.steps if step.exists_in(release))
