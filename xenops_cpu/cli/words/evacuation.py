"""How an evacuation is told: who cannot leave, whom to blame, what helps, in commands."""

from __future__ import annotations

from collections.abc import Sequence

from ...pools.forecast import commands
from ...pools.forecast.evacuation import Evacuation, evacuation
from ...pools.member import Member
from ...pools.vm import Vm
from ...pools.words import count, some
from .. import terminal
from . import forecast as forecast_words


def of_host(members: Sequence[Member], name: str, vms: Sequence[Vm]) -> Evacuation:
    return evacuation(members, name, vms)


def tell(answer: Evacuation) -> None:
    running = f"{count(len(answer.vms), 'VM')} on {answer.host}"
    if answer.allowed:
        targets = f"; asked were {some(answer.targets)}" if answer.vms and answer.targets else ""
        terminal.heading(f"every one of {running} can leave{targets}")
    else:
        stuck = sum(len(each.vms) for each in answer.stuck)
        terminal.heading(f"{answer.host} cannot be evacuated: {stuck} of {running} cannot leave")
    if not answer.vms:
        terminal.paragraph("no VM that runs is known to be on it", indent=2, hanging=2)
    for each in answer.stuck:
        forecast_words.tell_stuck(each)
    if answer.stuck:
        terminal.line("what helps:")
        if answer.switched_off:
            terminal.paragraph(
                f"switch {some(answer.switched_off)} off as a target meanwhile", indent=2, hanging=2
            )
        for cycle in answer.cycles:
            forecast_words.tell_cycle(cycle, today=True)
        terminal.line("as commands:")
        for line in commands.of_evacuation(answer):
            terminal.line(f"  {line}")
    if answer.taken_to_be:
        terminal.paragraph(
            "where they are is not told, so they are taken to be on it: "
            f"{some([vm.name for vm in answer.taken_to_be], 4)}",
            hanging=2,
        )
    forecast_words.tell_unseen()
