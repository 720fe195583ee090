"""The records of microcode: revisions, the states they bring, and single effects.

Two kinds of change: a *step* is the whole state of the watched registers from a revision on. An
*occurrence* is one effect that steps do not hold: a bit elsewhere, a register's resting value, or
something that only Xen sees (by revision, by trying). Where they come from: microcode.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

from attrs import field, frozen

from ..cpuid.identity import INTEL

# What is read of a CPU to compare it with a step, as the words of a featureset are called; 10a is
# the whole MSR.
STEPPED: Final = ("7d0", "7d2", "10a")


class Confidence(IntEnum):
    """How well a state is known; the smaller, the weaker."""

    INFERRED = 1  # by analogy, or by the date of a package
    DOCUMENTED = 2  # in Xen's or Linux's source, in a vendor's changelog
    SEEN = 3  # in a dump made at that revision

    def __str__(self) -> str:
        return self.name.lower()


class Release(NamedTuple):
    """One microcode revision. `built`: the date in its header, `released`: of the first public
    package ("" where that is not known). `public`: in a package that operating systems load, else
    in firmware only. `by`: the date by which it was there at the latest. `base`: it loads only over
    at least that revision. `sources`: letters, see Timeline.sources.
    """

    revision: int
    built: str
    released: str
    sources: str
    public: bool = True
    by: str = ""
    base: int | None = None
    recalled: bool = False
    withdrawn: str = ""
    packages: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        """By when it was public, or there at all, at the latest: YYYY-MM-DD."""
        return self.released or self.by or self.built

    @property
    def day(self) -> str:
        """To call it by: when it was public, else when it was built."""
        return self.released or self.built


class Step(NamedTuple):
    """The state of the watched registers from revision `first` on; None for one not known."""

    first: int
    words: Mapping[str, int | None]
    confidence: Confidence
    effects: tuple[str, ...] = ()
    evidence: str = ""


class Change(NamedTuple):
    """`sign`: + and - add and remove bits of a word, ~ says that firmware decides them, = is the
    value of a register as microcode leaves it.
    """

    word: str
    sign: str
    value: int


class Occurrence(NamedTuple):
    """One effect on one signature, from revision `first` on (None: of every revision)."""

    first: int | None
    effect: str
    confidence: Confidence
    changes: tuple[Change, ...] = ()
    base: int | None = None
    fallback: int | None = None
    note: str = ""


class Condition(NamedTuple):
    """Bits that only some parts of a signature have (`needs`: tsx, ecores), and what others have
    instead.
    """

    needs: str
    bits: Mapping[str, int]
    otherwise: Mapping[str, int]


class Line(NamedTuple):
    """The releases for one kind of part, oldest first, and the states they bring."""

    masks: str
    releases: tuple[Release, ...]
    steps: tuple[Step, ...]

    def release(self, revision: int) -> Release | None:
        return next((r for r in self.releases if r.revision == revision), None)

    def distance(self, revision: int) -> int:
        """From a revision to the nearest one here; every kind of part has numbers of its own."""
        return min((abs(r.revision - revision) for r in self.releases), default=1 << 32)

    def step(self, revision: int) -> Step | None:
        """The state at a revision: the last step that begins at or below it."""
        return next((step for step in reversed(self.steps) if step.first <= revision), None)

    def confidence(self, until: Step) -> Confidence:
        """The weakest of the steps behind a state. One that was seen confirms all before it."""
        weakest = Confidence.SEEN
        for step in self.steps:
            confirms = step.confidence is Confidence.SEEN
            weakest = step.confidence if confirms else min(weakest, step.confidence)
            if step is until:
                break
        return weakest

    def public(self, until: str = "9999") -> list[Release]:
        """What operating systems could load by a date (YYYY, YYYY-MM or YYYY-MM-DD, to its end),
        in order of date; not what was recalled.
        """
        end = until + "~"  # sorts behind every day of that year or month
        releases = [
            release
            for release in self.releases
            if release.public and not release.recalled and release.date <= end
            and not (release.withdrawn and release.withdrawn <= end)
        ]  # fmt: skip
        return sorted(releases, key=lambda release: (release.date, release.revision))


class Effect(NamedTuple):
    """What an update does, whatever the signature. `date`, `conditions`, `xen`, `notes` are text
    for people, as are `confidence` and `sources`; `kind`: microcode, firmware, or where Xen looks.
    """

    id: str
    title: str
    date: str = ""
    kind: str = ""
    conditions: str = ""
    xen: str = ""
    notes: str = ""
    confidence: str = ""
    sources: str = ""


@frozen
class Timeline:
    """All that is known of the microcode of one signature."""

    vendor: str
    signature: int
    name: str
    note: str = ""
    lines: tuple[Line, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    conditions: tuple[Condition, ...] = ()
    watched: Mapping[str, int] = field(factory=dict)

    @property
    def whole(self) -> bool:
        """What updates change is known, not just in part: states, or AMD's single effects."""
        stepped = any(line.steps for line in self.lines)
        return stepped or (self.vendor != INTEL and bool(self.occurrences))

    def line(self, revision: int | None = None) -> Line:
        """The line that has a revision, or the one nearest to it.

        A dump does not tell its platform; without a revision it is the line with the newest public
        release, of several the one with most releases.
        """
        if revision is not None:
            return min(self.lines, key=lambda line: line.distance(revision))
        return max(
            self.lines, key=lambda line: ([r.date for r in line.public()][-1:], len(line.releases))
        )


class Package(NamedTuple):
    """One package of a distribution, and the date of the public releases that it has (or "")."""

    distribution: str
    name: str
    shipped: str
    public: str
