"""How the commands for pools speak: lists of names, answers, levels; as text and as JSON.

The members of the JSON are those of the contract's records (idl/REFERENCE.md: PoolAnswer,
PoolLevel and so on), so that a program can read both alike.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from ..features.featureset import Featureset
from ..features.release import Release
from ..interface import SecurityKind
from ..pools import security
from ..pools.lack import Lack
from ..pools.level import Level, Loss
from ..pools.member import Member, Vm
from ..pools.verdict import Answer, Grid, Verdict
from ..pools.words import alike, count, remedies, some
from . import terminal

# The names of the contract (Verdict in idl/REFERENCE.md).
VERDICTS = {
    Verdict.BOOTS: "Boots",
    Verdict.MIGRATES: "Migrates",
    Verdict.BY_MAX: "Only_by_max",
    Verdict.BY_FORCE: "Only_by_force",
    Verdict.IMPOSSIBLE: "Impossible",
}
_STYLES = {
    Verdict.BOOTS: "green",
    Verdict.MIGRATES: "green",
    Verdict.BY_MAX: "yellow",
    Verdict.BY_FORCE: "red",
    Verdict.IMPOSSIBLE: "red",
}
# How the readers of records begin such a note, after the host's name.
_UNTOLD = ": not told: "
# Groups of meanings whose features are there for safety; all others serve speed or function.
SAFETY_GROUPS = frozenset({"controls", "verw", "immune", "warns", "security"})


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def featureset_json(featureset: Featureset, xen: Release) -> dict[str, Any]:
    return {"featureset": str(featureset), "features": xen.names(featureset)}


def lack_json(lack: Lack) -> dict[str, str]:
    return {
        "name": lack.name,
        "reason": lack.reason,
        "risk": lack.risk,
        "remedy": lack.remedy,
        "compatibility": lack.compatibility,
    }


def answer_json(answer: Answer) -> dict[str, Any]:
    return {
        "vm": answer.vm,
        "host": answer.host,
        "guest_type": answer.guest.value,
        "verdict": VERDICTS[answer.verdict],
        "allowed": answer.verdict.allowed,
        "exit_code": answer.verdict.exit_code,
        "compared": answer.compared,
        "missing": [lack_json(lack) for lack in answer.missing],
        "only_by_max": [lack_json(lack) for lack in answer.only_by_max],
        "problems": list(answer.problems),
        "remedies": list(answer.remedies),
        "notes": list(answer.notes),
    }


def grid_json(found: Grid, vms: Sequence[Vm], members: Sequence[Member]) -> dict[str, Any]:
    """A row of verdicts for each VM, in the order of the hosts."""
    return {
        "counts": {VERDICTS[verdict]: number for verdict, number in found.counts().items()},
        "hosts": [member.name for member in members],
        "vms": [
            {"vm": vm.name, "verdicts": [VERDICTS[Verdict(value)] for value in row]}
            for vm, row in zip(vms, found.rows, strict=True)
        ],
    }


def level_json(members: Sequence[Member], level: Level) -> dict[str, Any]:
    names = level.release.names
    return {
        "guest_type": level.guest.value,
        "release": level.release.name,
        **featureset_json(level.featureset, level.release),
        "hosts": list(level.hosts),
        "skipped": list(level.skipped),
        "costs": [
            {"host": cost.host, "lacks": names(cost.lacks), "alone": names(cost.alone)}
            for cost in level.costs
        ],
        "losses": [
            {
                "feature": loss.name,
                "group": group_of(level.release, loss.number),
                "hosts": list(loss.hosts),
                "reason": loss.reason,
            }
            for loss in level.losses
        ],
        "brought": [
            {"feature": level.release.label(number), "hosts": list(having)}
            for number, having in level.brought.items()
        ],
        "security": [
            {
                "kind": SecurityKind[finding.kind.name].value,
                "feature": finding.feature,
                "hosts": list(finding.hosts),
                "text": finding.text,
            }
            for finding in security.findings(members, level)
        ],
    }


def group_of(xen: Release, number: int) -> str:
    from ..features import meanings

    return meanings.meaning(xen, number).group


def losses_by_group(level: Level) -> Iterator[tuple[str, list[Loss]]]:
    """What a level loses, by what the features are: a title of meanings.GROUPS, then the losses.

    Groups that are about safety come last.
    """
    from ..features import meanings

    by_number = {loss.number: loss for loss in level.losses}
    groups = meanings.by_group(level.release, by_number)
    for group in sorted(groups, key=lambda key: key in SAFETY_GROUPS):
        yield meanings.GROUPS[group], [by_number[number] for number in groups[group]]


def notes(members: Sequence[Member]) -> Iterator[str]:
    """What people should know of the hosts; a note that several share is told once."""
    having: dict[str, list[str]] = {}
    for member in members:
        for note in member.notes:
            having.setdefault(note, []).append(member.name)
    for note, names in having.items():
        yield f"{some(names, 3)}: {note}"


def tell_notes(members: Sequence[Member], everything: bool) -> None:
    """Of records that leave much untold at once; of captures and simulations only if asked for,
    as are sets and counts that nobody told.
    """
    found = list(notes(members))
    at_once = list(notes([member for member in members if member.explain is None]))
    shown = found if everything else [note for note in at_once if _UNTOLD not in note]
    for note in shown:
        terminal.paragraph(f"note: {note}", hanging=2)
    hidden = len(found) - len(shown)
    if hidden:
        terminal.line(f"({count(hidden, 'note')} on where the hosts come from: --notes)")


def tell_answer(answer: Answer) -> None:
    """One VM on one host, with all that is known."""
    terminal.line(
        f"{answer.vm} on {answer.host}: {answer.verdict.sentence}", _STYLES[answer.verdict]
    )
    for problem in answer.problems:
        terminal.paragraph(problem, indent=2, hanging=2)
    if answer.problems and answer.missing:
        lacking = " ".join(lack.name for lack in answer.missing)
        terminal.paragraph(f"missing as well: {lacking}", indent=2, hanging=2)
    else:
        _tell_lacks("missing", answer.missing)
        _tell_lacks("taken in, not given at boot", answer.only_by_max)
    for remedy in remedies(answer):
        terminal.paragraph(f"to do: {remedy}", indent=2, hanging=2)


def _tell_lacks(title: str, lacks: Sequence[Lack]) -> None:
    if lacks:
        names = " ".join(lack.name for lack in lacks)
        terminal.paragraph(f"{title}: {names}", indent=2, hanging=2)
    for (reason, risk, old), features in alike(lacks).items():
        terminal.paragraph(f"{' '.join(features)}: {reason}", indent=4, hanging=2)
        if old:
            terminal.paragraph(f"compatibility bit: {old}", indent=6, hanging=2)
        if risk:
            terminal.paragraph(f"if forced: {risk}", indent=6, hanging=2)
