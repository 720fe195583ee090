"""How a forecast is told on the terminal; the sentences are pools/forecast/words.py's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...pools.forecast import commands, words
from ...pools.forecast.result import UNSEEN, Cycle, Forecast, Outcome, Stuck
from ...pools.lack import Lack
from ...pools.words import count, short
from .. import terminal

_STYLES = {Outcome.GOES_THROUGH: "green", Outcome.MAY_STOP: "yellow", Outcome.STOPS: "red"}


def tell(
    outlook: Forecast, basis: Sequence[str], with_commands: bool, *, certain: bool = True
) -> None:
    """All of it. `basis`: what it rests on, in sentences; `certain`: no more than it tells can be
    worse.
    """
    through = outlook.outcome is Outcome.GOES_THROUGH
    style = _STYLES[outlook.outcome if certain or not through else Outcome.MAY_STOP]
    terminal.line(words.verdict(outlook, certain=certain), style)
    for text in basis:
        terminal.paragraph(text, indent=2, hanging=2)
    print()
    terminal.table(words.HEADERS, words.rows(outlook))
    seen: set[object] = set()
    for step in outlook.steps:
        if step.stuck:
            print()
            terminal.line(f"step {step.number}, {step.host}:")
        for each in step.stuck:
            tell_stuck(each, seen)
    if outlook.cycles:
        print()
        _tell_help(outlook)
    lines = list(words.cautions(outlook))
    if lines:
        print()
        terminal.heading("to mind:")
    for text in lines:
        terminal.paragraph(text, indent=2, hanging=2)
    if with_commands:
        print()
        terminal.line("as commands:")
        for line in commands.of_forecast(outlook):
            terminal.line(f"  {line}")
    elif outlook.cycles:
        terminal.line("--commands prints the whole update as commands of xe")
    tell_unseen()


def tell_unseen() -> None:
    terminal.paragraph(f"not looked at: {'; '.join(UNSEEN)}", hanging=2)


def tell_stuck(stuck: Stuck, seen: set[object] | None = None) -> None:
    """VMs that cannot leave, and who refuses them for what. `seen`: reasons that were told."""
    terminal.paragraph(words.stuck_words(stuck), indent=2, hanging=2, style="red")
    if stuck.problem:
        terminal.paragraph(stuck.problem, indent=4, hanging=2)
    for refusal in stuck.refusals:
        missing = refusal.answer.missing
        terminal.paragraph(words.refusal_words(refusal), indent=4, hanging=2)
        if seen is not None:
            if missing in seen:
                continue
            seen.add(missing)
        for reason, features in _reasons(missing).items():
            terminal.paragraph(f"{' '.join(features)}: {reason}", indent=6, hanging=2)


def tell_cycle(cycle: Cycle, today: bool = False) -> None:
    """How VMs that stop the update, or an evacuation `today`, are kept from it."""
    for number, way in enumerate(cycle.ways):
        sentence = words.way_today(way) if today else words.way_words(way)
        lead = f"{words.vm_names(cycle.vms)}: {sentence}" if not number else f"or {sentence}"
        terminal.paragraph(lead, indent=2 if not number else 6, hanging=4)


def _reasons(lacks: Sequence[Lack]) -> dict[str, list[str]]:
    """The names of features by the reason that they have in common."""
    features: dict[str, list[str]] = {}
    for lack in lacks:
        features.setdefault(short(lack.reason), []).append(lack.name)
    return features


def _tell_help(outlook: Forecast) -> None:
    terminal.heading("what helps:")
    for text in _help(outlook):
        terminal.paragraph(text, indent=2, hanging=2)
    for cycle in outlook.cycles:
        tell_cycle(cycle)


def _help(outlook: Forecast) -> Iterator[str]:
    yield from words.without_cycles(outlook)
    if outlook.vms_looked_at:
        vms = count(len(outlook.power_cycle), "VM")
        yield f"power cycles: {vms} of {outlook.vms_looked_at}, the fewest that do"
    else:
        yield "VMs like these:"
