"""What a report tells of a rolling update: the verdict, the steps, who is stuck, what helps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..forecast import words
from ..forecast.result import UNSEEN, Forecast, Outcome
from .markup import Cell, Markup, bullets, heading, joined, paragraph, plain, table, text

_KINDS = {Outcome.GOES_THROUGH: "", Outcome.MAY_STOP: "warning", Outcome.STOPS: "warning"}


def section(outlook: Forecast, basis: Sequence[str]) -> Markup:
    """`basis`: what it rests on, in sentences."""
    verdict = words.verdict(outlook)
    parts = [
        heading(2, "The rolling update", "forecast"),
        paragraph(f"{verdict[0].upper()}{verdict[1:]}.", _KINDS[outlook.outcome]),
        bullets(map(text, basis)),
        table("steps", "Steps of the update", words.HEADERS, _rows(outlook)),
    ]
    for title, lines in (
        ("Who cannot leave", _stuck(outlook)),
        ("What helps", _help(outlook)),
        ("To mind", words.cautions(outlook)),
    ):
        items = [text(line) for line in lines]
        if items:
            parts += [heading(3, title), bullets(items)]
    parts.append(paragraph(f"Not looked at: {'; '.join(UNSEEN)}."))
    return joined(parts)


def _rows(outlook: Forecast) -> Iterator[list[Cell]]:
    for step, row in zip(outlook.steps, words.rows(outlook), strict=True):
        cells = [plain(cell) for cell in row]
        certain = any(each.certain for each in step.stuck)
        kind = "bad" if certain else "fair" if step.stuck else "good"
        cells[3] = Cell(cells[3].content, kind)
        yield cells


def _stuck(outlook: Forecast) -> Iterator[str]:
    for step in outlook.steps:
        for stuck in step.stuck:
            where = f"Step {step.number}, {step.host}: {words.stuck_words(stuck)}"
            said = [stuck.problem] if stuck.problem else map(words.refusal_words, stuck.refusals)
            yield f"{where}; {'; '.join(said)}"


def _help(outlook: Forecast) -> Iterator[str]:
    if not outlook.cycles:
        return
    yield from words.without_cycles(outlook)
    for cycle in outlook.cycles:
        ways = "; or ".join(map(words.way_words, cycle.ways))
        yield f"{words.vm_names(cycle.vms)}: {ways}"
