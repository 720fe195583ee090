"""How an evacuation is told: who cannot leave, whom to blame, what helps, in commands."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools.forecast import commands
from ..pools.forecast.evacuation import Evacuation, evacuation
from ..pools.member import Member
from ..pools.vm import Vm
from ..pools.words import count, some
from . import forecast_words, terminal


def of_host(members: Sequence[Member], name: str, vms: Sequence[Vm]) -> Evacuation:
    return evacuation(members, name, vms)


def tell(told: Evacuation) -> None:
    running = f"{count(len(told.vms), 'VM')} on {told.host}"
    if told.allowed:
        asked = f"; asked were {some(told.targets)}" if told.vms and told.targets else ""
        terminal.heading(f"every one of {running} can leave{asked}")
    else:
        stuck = sum(len(each.vms) for each in told.stuck)
        terminal.heading(f"{told.host} cannot be evacuated: {stuck} of {running} cannot leave")
    if not told.vms:
        terminal.paragraph("no VM that runs is known to be on it", indent=2, hanging=2)
    for each in told.stuck:
        forecast_words.tell_stuck(each)
    if told.stuck:
        terminal.line("what helps:")
        if told.switched_off:
            terminal.paragraph(
                f"switch {some(told.switched_off)} off as a target meanwhile", indent=2, hanging=2
            )
        for cycle in told.cycles:
            forecast_words.tell_cycle(cycle, today=True)
        terminal.line("as commands:")
        for line in commands.of_evacuation(told):
            terminal.line(f"  {line}")
    if told.taken_to_be:
        terminal.paragraph(
            "where they are is not told, so they are taken to be on it: "
            f"{some([vm.name for vm in told.taken_to_be], 4)}",
            hanging=2,
        )
    forecast_words.tell_unseen()
