"""The forecast of a rolling update on the page: what stops it, a picture of its steps, what helps.

Takes plain records, in words already, from whoever forecasts. The picture is a staircase: a row for
each step, a column for each host in the order of the update, so that the hosts which are done are
always the left part of a row; the step at which VMs are held is marked with how many they are. The
table below it says the same to those who do not see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from attrs import frozen

from ..pools.words import count, some

Tone = Literal["good", "fair", "bad"]

# Beyond it neither a column nor a row of the picture has room for a name.
MOST_LABELS = 16
_LABEL, _CELL, _ROW = 100, 40, 24


@frozen
class Held:
    """VMs, by name, that cannot leave the host of a step. `certain`: they are there in every course
    that comes so far, else they may be elsewhere by then. `reasons`: why, as sentences.
    """

    vms: tuple[str, ...]
    certain: bool
    reasons: tuple[str, ...]


@frozen
class Step:
    """One host's turn. `targets`: the hosts that its VMs may go to, by name. `changes`: what the
    level loses and gains when the host has started again, as sentences.
    """

    host: str
    targets: tuple[str, ...]
    held: tuple[Held, ...] = ()
    changes: tuple[str, ...] = ()


@frozen
class Remedy:
    """What to do with VMs, by name, so that they hold nothing up; sentences, the easiest first."""

    vms: tuple[str, ...]
    ways: tuple[str, ...]


@frozen
class Course:
    """A rolling update. `title`: which one. `outcome`: what comes of it, a sentence, with its tone.

    `steps`: in order. `hosts`: all of the pool by name; those without a step stay as they are, and
    those of them that are `done` were updated before. `counted`: the VMs are the pool's own, else
    they stand for others. `remedies` and `advice` (other orders, hosts to switch off meanwhile):
    what lets it through; `cautions`: what to mind all the same. `rests_on`: what is known and was
    assumed of the update; `unseen`: what the forecast does not look at.
    """

    title: str
    outcome: str
    tone: Tone
    hosts: tuple[str, ...]
    steps: tuple[Step, ...]
    done: tuple[str, ...] = ()
    counted: bool = True
    remedies: tuple[Remedy, ...] = ()
    advice: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


@frozen
class Piece:
    """Neighbouring cells of one state in a row of the picture: done, now or before."""

    state: str
    x: int
    width: int


@frozen
class Stair:
    """A row of the picture. `mark`: how many VMs are held there, "" for none, a cross where VMs
    that stand for others are.
    """

    y: int
    label: str
    pieces: tuple[Piece, ...]
    mark: str
    mark_x: int
    tone: Tone


@frozen
class Picture:
    """In units of about a pixel. `columns`: names over the columns and where, none if too many."""

    width: int
    height: int
    top: int
    row: int
    stairs: tuple[Stair, ...]
    columns: tuple[tuple[int, str], ...]
    words: str


@frozen
class Line:
    """A row of the table: a step at which something happens, or a run of steps without."""

    number: str
    hosts: str
    targets: str
    held: tuple[Held, ...]
    changes: tuple[str, ...]


@frozen
class Section:
    """What the template shows of a course."""

    course: Course
    picture: Picture
    lines: tuple[Line, ...]
    held: int


def section(course: Course) -> Section:
    """The part of the page on a forecast."""
    held = {vm for step in course.steps for each in step.held for vm in each.vms}
    return Section(course, _picture(course), tuple(_lines(course)), len(held))


def _picture(course: Course) -> Picture:
    order = [step.host for step in course.steps]
    resting = [host for host in course.hosts if host not in {*order, *course.done}]
    columns = [*course.done, *order, *resting]
    few = len(columns) <= MOST_LABELS
    top = 84 if few else 8
    left = _LABEL if few else 8
    stairs = tuple(
        _stair(course, number, len(columns), left, top, few) for number in range(len(course.steps))
    )
    holding = [number + 1 for number, step in enumerate(course.steps) if step.held]
    words = f"{count(len(order), 'step')} in a row, one host after the other"
    if holding:
        words += f"; VMs are held at {some([f'step {n}' for n in holding], 8)}"
    names = tuple((left + place * _CELL + _CELL // 2, _cut(n)) for place, n in enumerate(columns))
    return Picture(
        width=left + len(columns) * _CELL + 8,
        height=top + len(stairs) * _ROW + 8,
        top=top,
        row=_ROW,
        stairs=stairs,
        columns=names if few else (),
        words=words,
    )


def _stair(course: Course, number: int, columns: int, left: int, top: int, few: bool) -> Stair:
    step, done = course.steps[number], len(course.done) + number
    runs = (("done", 0, done), ("now", done, 1), ("before", done + 1, columns - done - 1))
    held = len({vm for each in step.held for vm in each.vms})
    certain = any(each.certain for each in step.held)
    return Stair(
        y=top + number * _ROW,
        label=_cut(step.host) if few else "",
        pieces=tuple(
            Piece(state, left + start * _CELL, length * _CELL)
            for state, start, length in runs
            if length
        ),
        mark="" if not held else f"{held:,}" if course.counted else "✕",
        mark_x=left + done * _CELL + _CELL // 2,
        tone="good" if not held else "bad" if certain else "fair",
    )


def _lines(course: Course) -> Iterator[Line]:
    """Neighbouring steps at which nothing happens are told together."""
    quiet: list[tuple[int, Step]] = []
    for number, step in enumerate(course.steps, 1):
        if not step.held and not step.changes:
            quiet.append((number, step))
            continue
        yield from _quiet(quiet)
        quiet = []
        yield Line(str(number), step.host, _targets(step), step.held, step.changes)
    yield from _quiet(quiet)


def _quiet(steps: Sequence[tuple[int, Step]]) -> Iterator[Line]:
    if not steps:
        return
    first, last = steps[0][0], steps[-1][0]
    numbers = str(first) if first == last else f"{first} to {last}"
    targets = _targets(steps[0][1]) if len(steps) == 1 else "–"
    yield Line(numbers, some([step.host for _, step in steps], 4), targets, (), ())


def _targets(step: Step) -> str:
    return some(step.targets, 4) or "none"


def _cut(name: str) -> str:
    """What fits beside the picture; the table has the whole."""
    return name if len(name) <= 12 else f"{name[:11]}…"
