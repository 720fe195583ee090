"""How the commands for pools speak: lists of names, answers, levels; as text and as JSON.

The members of the JSON are those of the contract's records (idl/REFERENCE.md: PoolAnswer,
PoolLevel and so on), so that a program can read both alike.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .. import security
from ..features import Release
from ..featureset import Featureset
from ..lack import Lack
from ..member import GuestType, Member
from ..pool import Level, Loss
from ..verdict import Answer, Verdict
from . import terminal

# The names of the contract (Verdict and SecurityKind in idl/REFERENCE.md).
VERDICTS = {
    Verdict.BOOTS: "Boots",
    Verdict.MIGRATES: "Migrates",
    Verdict.BY_MAX: "Only_by_max",
    Verdict.BY_FORCE: "Only_by_force",
    Verdict.IMPOSSIBLE: "Impossible",
}
SHORT = {
    Verdict.BOOTS: "boots",
    Verdict.MIGRATES: "migrates",
    Verdict.BY_MAX: "only by max",
    Verdict.BY_FORCE: "only by force",
    Verdict.IMPOSSIBLE: "impossible",
}
_STYLES = {
    Verdict.BOOTS: "green",
    Verdict.MIGRATES: "green",
    Verdict.BY_MAX: "yellow",
    Verdict.BY_FORCE: "red",
    Verdict.IMPOSSIBLE: "red",
}
_SECURITY = {
    security.Kind.FORCED: "Forced",
    security.Kind.IMMUNITY: "Immunity",
    security.Kind.CONTROL: "Control",
}
SECURITY_TITLES = {
    security.Kind.FORCED: "all guests do extra work because of one host",
    security.Kind.IMMUNITY: "immunities that guests do not learn of",
    security.Kind.CONTROL: "protections that guests cannot use",
}
# Groups of meanings whose features are there for safety; all others serve speed or function.
_PLACE = re.compile(r": (?:CPUID|MSR) 0x[0-9a-f]+(?::[0-9a-f]+)?\.?\w* bit \d+ is 0")
SAFETY_GROUPS = frozenset({"controls", "verw", "immune", "warns", "security"})


def print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some(names: Sequence[str], most: int = 6) -> str:
    """The first names and how many more there are."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def named(guest: GuestType) -> str:
    return "PV guests" if guest is GuestType.PV else "HVM and PVH guests"


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
                "kind": _SECURITY[finding.kind],
                "feature": finding.feature,
                "hosts": list(finding.hosts),
                "text": finding.text,
            }
            for finding in security.findings(members, level)
        ],
    }


def group_of(xen: Release, number: int) -> str:
    from .. import meanings

    return meanings.meaning(xen, number).group


def losses_by_group(level: Level) -> Iterator[tuple[str, list[Loss]]]:
    """What a level loses, by what the features are: a title of meanings.GROUPS, then the losses.

    Groups that are about safety come last.
    """
    from .. import meanings

    by_number = {loss.number: loss for loss in level.losses}
    groups = meanings.by_group(level.release, by_number)
    for group in sorted(groups, key=lambda key: key in SAFETY_GROUPS):
        yield meanings.GROUPS[group], [by_number[number] for number in groups[group]]


def vendors(members: Iterable[Member]) -> list[str]:
    """Those known, in order of appearance."""
    return list(dict.fromkeys(member.vendor for member in members if member.vendor))


def several_vendors(members: Iterable[Member]) -> str:
    """A warning, "" where there is no reason for one."""
    found = vendors(members)
    if len(found) < 2:
        return ""
    return (
        f"these hosts have CPUs of {' and '.join(found)}: no VM can move between vendors, "
        "whatever the level; 'split' makes a pool of each"
    )


def notes(members: Sequence[Member]) -> Iterator[str]:
    """What people should know of the hosts; a note that several share is told once."""
    having: dict[str, list[str]] = {}
    for member in members:
        for note in member.notes:
            having.setdefault(note, []).append(member.name)
    for note, names in having.items():
        yield f"{some(names, 3)}: {note}"


def tell_notes(members: Sequence[Member], everything: bool) -> None:
    """Of records that leave much untold at once; of captures and simulations only if asked for."""
    at_once = [member for member in members if everything or member.explain is None]
    shown = list(notes(at_once))
    for note in shown:
        terminal.paragraph(f"note: {note}", hanging=2)
    hidden = len(list(notes(members))) - len(shown)
    if hidden:
        terminal.line(f"({count(hidden, 'note')} on where the hosts come from: --notes)")


def short_reason(reason: str) -> str:
    """Without the place of the bit, which differs from feature to feature."""
    return _PLACE.sub("", reason)


def tell_answer(answer: Answer) -> None:
    """One VM on one host, with all that is known."""
    terminal.line(
        f"{answer.vm} on {answer.host}: {answer.verdict.sentence}", _STYLES[answer.verdict]
    )
    for problem in answer.problems:
        terminal.paragraph(problem, indent=2, hanging=2)
    for lacks, title in (
        (answer.missing, "missing"),
        (answer.only_by_max, "taken in, not given at boot"),
    ):
        if lacks:
            terminal.paragraph(
                f"{title}: {' '.join(lack.name for lack in lacks)}", indent=2, hanging=2
            )
            for (reason, risk, old), names in _alike(lacks).items():
                terminal.paragraph(f"{' '.join(names)}: {reason}", indent=4, hanging=2)
                if old and old != reason:
                    terminal.paragraph(f"compatibility bit: {old}", indent=6, hanging=2)
                if risk:
                    terminal.paragraph(f"if forced: {risk}", indent=6, hanging=2)
    for remedy in answer.remedies:
        terminal.paragraph(f"to do: {remedy}", indent=2, hanging=2)


def _alike(lacks: Iterable[Lack]) -> dict[tuple[str, str, str], list[str]]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for lack in lacks:
        key = (short_reason(lack.reason), lack.risk, lack.compatibility)
        found.setdefault(key, []).append(lack.name)
    return found


def verdict_style(verdict: Verdict) -> str:
    return _STYLES[verdict]
