"""How the commands for pools speak: lists of names, answers, levels; as text and as JSON.

The members of the JSON are those of the contract's records (idl/REFERENCE.md: PoolAnswer,
PoolLevel and so on), so that a program can read both alike; some say a little more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...features import meanings
from ...pools.words import count, lacking, notes
from .. import terminal

if TYPE_CHECKING:
    from ...features.featureset import Featureset
    from ...features.release import Release
    from ...pools.grid import Grid
    from ...pools.level import Level, Loss
    from ...pools.member import Member
    from ...pools.registers import Own
    from ...pools.verdict import Answer
    from ...pools.vm import Vm

_STYLES = {"good": "green", "fair": "yellow", "bad": "red"}
# How the readers of records begin such a note, after the host's name.
_UNTOLD = ": not told: "
# Groups of meanings whose features are there for safety; all others serve speed or function.
SAFETY_GROUPS = frozenset({"controls", "verw", "immune", "warns", "security"})


def featureset_json(featureset: Featureset, xen: Release) -> dict[str, Any]:
    return {"featureset": str(featureset), "features": xen.names(featureset)}


def answer_json(answer: Answer) -> dict[str, Any]:
    """One VM on one host, with each feature whole; PoolCheck tells those of many pairs by place."""
    from ...service import answers

    return {
        "vm": answer.vm.name,
        "host": answer.host.name,
        "guest_type": answer.vm.guest.name.lower(),
        "verdict": answer.verdict.value,
        "allowed": answer.grade.allowed,
        "here": answer.here,
        "exit_code": answer.grade.exit_code,
        "compared": answer.compared,
        "missing": [answers.as_json(answers.feature(lack)) for lack in answer.missing],
        "only_by_max": [answers.as_json(answers.feature(lack)) for lack in answer.only_by_max],
        "problems": list(answer.problems),
        "remedies": list(answer.remedies),
        "notes": list(answer.notes),
    }


def grid_json(grid: Grid, vms: Sequence[Vm], members: Sequence[Member]) -> dict[str, Any]:
    """A row of verdicts for each VM, in the order of the hosts."""
    from ...pools.grid import VERDICTS

    return {
        "counts": {verdict.value: number for verdict, number in grid.counts().items()},
        "hosts": [member.name for member in members],
        "vms": [
            {"vm": vm.name, "verdicts": [VERDICTS[code].value for code in row]}
            for vm, row in zip(vms, grid.rows, strict=True)
        ],
    }


def level_json(members: Sequence[Member], level: Level) -> dict[str, Any]:
    """PoolLevel, with the guest type, the losses' groups and what was brought in."""
    from ...service import answers

    record = answers.as_json(answers.level(level, members))
    for loss, document in zip(level.losses, record["losses"], strict=True):
        document["group"] = meanings.meaning(level.release, loss.number).group
    return record | {
        "guest_type": level.guest.name.lower(),
        "brought": [
            {"feature": level.release.label(number), "hosts": list(having)}
            for number, having in level.brought.items()
        ],
        "registers": [
            {
                "hosts": list(own.hosts),
                "more": level.release.names(own.more),
                "less": level.release.names(own.less),
            }
            for own in own_registers(members, level)
        ],
    }


def own_registers(members: Sequence[Member], level: Level) -> tuple[Own, ...]:
    """What VMs that boot with a level have of registers, which it does not reach."""
    from ...pools import registers

    return registers.own(level.featureset, members, level.guest, level.release)


def losses_by_group(level: Level) -> Iterator[tuple[str, list[Loss]]]:
    """What a level loses, by what the features are: a title of meanings.GROUPS, then the losses.

    Groups that are about safety come last.
    """
    by_number = {loss.number: loss for loss in level.losses}
    groups = meanings.by_group(level.release, by_number)
    for group in sorted(groups, key=lambda key: key in SAFETY_GROUPS):
        yield meanings.GROUPS[group], [by_number[number] for number in groups[group]]


def tell_notes(members: Sequence[Member], everything: bool) -> None:
    """Of records that leave much untold at once; of captures and simulations only if asked for,
    as are sets and counts that nobody told.
    """
    sentences = list(notes(members))
    records = [member for member in members if member.explain is None or member.sets is None]
    at_once = list(notes(records))
    shown = sentences if everything else [note for note in at_once if _UNTOLD not in note]
    for note in shown:
        terminal.paragraph(f"note: {note}", hanging=2)
    hidden = len(sentences) - len(shown)
    if hidden:
        terminal.line(f"({count(hidden, 'note')} on where the hosts come from: --notes)")


def tell_answer(answer: Answer) -> None:
    """One VM on one host, with all that is known."""
    terminal.line(
        f"{answer.vm.name} on {answer.host.name}{', where it is now' if answer.here else ''}: "
        f"{answer.grade.sentence}",
        _STYLES[answer.grade.tone],
    )
    for problem in answer.problems:
        terminal.paragraph(problem, indent=2, hanging=2)
    for lack in lacking(answer):
        terminal.paragraph(f"{lack.title}: {' '.join(lack.features)}", indent=2, hanging=2)
        for why in lack.because:
            terminal.paragraph(f"{' '.join(why.features)}: {why.reason}", indent=4, hanging=2)
            if why.compatibility:
                terminal.paragraph(f"compatibility bit: {why.compatibility}", indent=6, hanging=2)
            if why.risk:
                terminal.paragraph(f"if forced: {why.risk}", indent=6, hanging=2)
    for remedy in answer.remedies:
        terminal.paragraph(f"to do: {remedy}", indent=2, hanging=2)
