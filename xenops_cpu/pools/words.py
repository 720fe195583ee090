"""How people are told, on the page and on the command line: the same words for the same things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..interface import GuestType, SecurityKind

if TYPE_CHECKING:
    from ..features.release import Release
    from .lack import Lack
    from .level import Level, Loss
    from .member import Member
    from .registers import Own
    from .security import Reading
    from .verdict import Answer
    from .vm import Vm

GUESTS = {GuestType.HVM: "HVM and PVH guests", GuestType.PV: "PV guests"}
SECURITY = {
    SecurityKind.FORCED: "extra work for guests, because some hosts need it",
    SecurityKind.IMMUNITY: "immunities that not every host has",
    SecurityKind.CONTROL: "protections that guests cannot use",
    SecurityKind.SPEED: "speed that guests lose",
}

_PLACE = re.compile(
    r": (?:CPUID|MSR) 0x[0-9a-f]{1,8}(?::[0-9a-f]{1,8})?\.?\w{0,8} "
    r"(?:bit \d+ is 0|exists with ARCH_CAPS only)"
    r"|: its highest leaf is below CPUID 0x[0-9a-f]{1,8}(?::[0-9a-f]{1,8})?\.?\w{0,8}"
)


class Because(NamedTuple):
    """Features, by name, that have reason, risk and compatibility in common; "" where none."""

    features: tuple[str, ...]
    reason: str
    risk: str
    compatibility: str


class Lacking(NamedTuple):
    """What an answer says of features: all their names under a title, then why by why.

    Where something else keeps the VM out (`Answer.problems`), the names alone.
    """

    title: str
    features: tuple[str, ...]
    because: tuple[Because, ...]


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def some(names: Sequence[str], most: int = 6) -> str:
    """The first names and how many more there are."""
    if len(names) <= most + 1:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def short(reason: str) -> str:
    """Without the place of the bit, which differs from feature to feature."""
    return _PLACE.sub("", reason)


def alike(lacks: Iterable[Lack]) -> dict[tuple[str, str, str], list[str]]:
    """The names of features by (reason, risk, compatibility) that they have in common."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for lack in lacks:
        old = "" if lack.compatibility == lack.reason else lack.compatibility
        groups.setdefault((short(lack.reason), lack.risk, old), []).append(lack.name)
    return groups


def lacking(answer: Answer) -> Iterator[Lacking]:
    """What the host lacks, then what it takes in and does not give; nothing where there is none."""
    missing = tuple(lack.name for lack in answer.missing)
    if answer.problems:
        if missing:
            yield Lacking("missing as well", missing, ())
        return
    for title, lacks in (
        ("missing", answer.missing),
        ("taken in, not given at boot", answer.only_by_max),
    ):
        because = tuple(Because(tuple(names), *why) for why, names in alike(lacks).items())
        if because:
            yield Lacking(title, tuple(lack.name for lack in lacks), because)


def by_reason(losses: Iterable[Loss]) -> dict[str, list[Loss]]:
    """What a level loses, by why, in order of first appearance."""
    groups: dict[str, list[Loss]] = {}
    for loss in losses:
        groups.setdefault(short(loss.reason), []).append(loss)
    return groups


def givers(level: Level) -> str:
    """Who gives the level: `every one of 3 hosts`, or the only one by name."""
    if len(level.hosts) == 1:
        return level.hosts[0]
    return f"every one of {count(len(level.hosts), 'host')}"


def rules(level: Level) -> str:
    return f"names and rules of {level.release.title}"


def reading(finding: Reading) -> str:
    """What a level means for safety or speed, with the hosts that cause it."""
    causes = some(finding.hosts, 3) or "the level"
    return f"{finding.feature}: {finding.text} (because of {causes})"


def registers(owns: Iterable[Own], xen: Release) -> Iterator[str]:
    """What of a level's registers VMs have otherwise, by the host where they boot."""
    for own in owns:
        has = [
            f"{title} {' '.join(xen.names(numbers))}"
            for title, numbers in (("also", own.more), ("not", own.less))
            if numbers
        ]
        yield (
            f"registers are not levelled: a VM that boots on {some(own.hosts, 3)} has "
            f"{', '.join(has)}"
        )


def brought(level: Level) -> Iterator[str]:
    """What is in the level because some host has it."""
    for number, having in level.brought.items():
        have = "has" if len(having) == 1 else "have"
        yield f"added, because {some(having, 3)} {have} it: {level.release.label(number)}"


def vendors(members: Iterable[Member]) -> list[str]:
    """Those known, in order of appearance."""
    return list(dict.fromkeys(member.vendor for member in members if member.vendor))


def several_vendors(members: Iterable[Member]) -> str:
    """A warning, "" where there is no reason for one."""
    return different_vendors(vendors(members))


def different_vendors(names: Sequence[str]) -> str:
    """The same of the vendors of a pool."""
    if len(names) < 2:
        return ""
    return (
        f"these hosts have CPUs of {' and '.join(names)}: no VM can move between vendors, "
        "whatever the level"
    )


def notes(known: Iterable[Member | Vm], most: int = 3) -> Iterator[str]:
    """What people should know of hosts and VMs; a note that several share is told once."""
    having: dict[str, list[str]] = {}
    for each in known:
        for note in each.notes:
            having.setdefault(note, []).append(each.name)
    for note, names in having.items():
        yield f"{some(names, most)}: {note}"


def no_return(changes: Iterable[tuple[Member, Member]]) -> Iterator[str]:
    """Of hosts before and after an update: what a VM may have that starts on them then, and could
    not go back with.
    """
    having: dict[tuple[GuestType, tuple[str, ...]], list[str]] = {}
    for before, after in changes:
        for guest in GuestType:
            if guest in before.offers and guest in after.offers:
                beyond = after.boot(guest) - before.migration(guest)
                names = tuple(after.release.names(beyond))
                if names:
                    having.setdefault((guest, names), []).append(after.name)
    for (guest, names), hosts in having.items():
        yield (
            f"no way back: {GUESTS[guest]} that start on {some(hosts, 3)} afterwards may have "
            f"{' '.join(names)}, which the host as it is now would not take in"
        )
