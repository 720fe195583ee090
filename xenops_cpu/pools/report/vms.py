"""What a report tells of VMs: the verdict of each on every host, and why it is no plain yes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ...interface import Verdict
from ..grid import VERDICTS, Grid, grid
from ..lack import Lack
from ..member import Member
from ..verdict import GRADES, Answer, check
from ..vm import Vm
from ..words import alike
from .markup import (
    Cell,
    Markup,
    bullets,
    heading,
    joined,
    link,
    names,
    paragraph,
    plain,
    table,
    text,
)

MEANINGS = {
    "boots": "it has seen nothing yet, and starts there",
    "migrates": "resumes or migrates there, and sees nothing that the host would not give",
    "only by max": "resumes or migrates there because Xen takes in more than it gives; it may "
    "run slower",
    "only by force": "the host lacks features that it has seen",
    "impossible": "another vendor's CPU, no such guests there, or leaves that Xen refuses",
}
# Limits of what a page can hold for people; beyond them the page says how much is left out.
_MOST_ROWS = 1000
_MOST_COLUMNS = 40
_MOST_PAIRS = 200


def section(
    vms: Sequence[Vm], members: Sequence[Member], progress: Callable[[int], None] | None
) -> Markup:
    """The table, then one paragraph for each VM and host without a plain yes."""
    found = grid(vms, members, progress)
    columns = members[:_MOST_COLUMNS]
    pairs = list(_pairs(found, len(columns)))
    told = set(pairs[:_MOST_PAIRS])
    # VMs that every host takes in are told last: they are not what people look for.
    order = sorted(range(len(vms)), key=lambda row: -max(found.rows[row], default=0))
    rows = [
        [
            plain(vms[row].name),
            plain(vms[row].guest.name),
            *(_cell(found, row, column, (row, column) in told) for column in range(len(columns))),
        ]
        for row in order[:_MOST_ROWS]
    ]
    headers = ("VM", "type", *(member.name for member in columns))
    parts = [
        heading(2, "VMs on hosts", "vms"),
        bullets(text(f"{count:,} × {GRADES[verdict].word}") for verdict, count in _counts(found)),
        table("verdicts", "May the VM run on the host?", headers, rows),
        bullets(text(f"{word}: {words}") for word, words in MEANINGS.items()),
    ]
    for left, what in (
        (len(vms) - _MOST_ROWS, "VMs"),
        (len(members) - _MOST_COLUMNS, "hosts"),
        (len(pairs) - _MOST_PAIRS, "pairs of VM and host"),
    ):
        if left > 0:
            parts.append(paragraph(f"{left:,} more {what} are counted above and not told here."))
    if told:
        parts.append(heading(3, "Why, and what to do"))
    for row, column in pairs[:_MOST_PAIRS]:
        parts.append(_pair(_anchor(row, column), check(vms[row], columns[column])))
    return joined(parts)


def _counts(found: Grid) -> Iterator[tuple[Verdict, int]]:
    yield from ((verdict, count) for verdict, count in found.counts().items() if count)


def _pairs(found: Grid, columns: int) -> Iterator[tuple[int, int]]:
    """Those without a plain yes, the worst first."""
    for verdict in (Verdict.IMPOSSIBLE, Verdict.ONLY_BY_FORCE, Verdict.ONLY_BY_MAX):
        for row, codes in enumerate(found.rows):
            for column, code in enumerate(codes[:columns]):
                if VERDICTS[code] is verdict:
                    yield row, column


def _anchor(row: int, column: int) -> str:
    return f"vm-{row}-{column}"


def _cell(found: Grid, row: int, column: int, told: bool) -> Cell:
    grade = GRADES[found.verdict(row, column)]
    words = link(_anchor(row, column), grade.word) if told else text(grade.word)
    return Cell(words, grade.tone)


def _pair(anchor: str, answer: Answer) -> Markup:
    items = [text(problem) for problem in answer.problems]
    if answer.problems and answer.missing:
        items.append(Markup(f"missing as well: {names(lack.name for lack in answer.missing)}"))
    else:
        items += _lacks("missing", answer.missing)
        items += _lacks("taken in, not given at boot", answer.only_by_max)
    items += [text(f"to do: {remedy}") for remedy in answer.remedies]
    title = f"{answer.vm.name} on {answer.host.name}: {answer.grade.sentence}"
    return joined(
        [Markup('<div class="pair">'), heading(4, title, anchor), bullets(items), Markup("</div>")]
    )


def _lacks(title: str, lacks: Iterable[Lack]) -> Iterator[Markup]:
    """One item for all features that have reason and risk in common."""
    for (reason, risk, old), features in alike(lacks).items():
        said = reason + (f"; a compatibility bit: {old}" if old else "")
        said += f". If forced: {risk}" if risk else ""
        yield Markup(f"{text(title)}: {names(features)}: {text(said)}.")
