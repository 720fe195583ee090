"""How people are told, on the page and on the command line: the same words for the same things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..interface import GuestType, SecurityKind
from .lack import Lack
from .member import Member

GUESTS = {GuestType.HVM: "HVM and PVH guests", GuestType.PV: "PV guests"}
SECURITY = {
    SecurityKind.FORCED: "all guests do extra work because some hosts need it",
    SecurityKind.IMMUNITY: "immunities that guests do not learn of",
    SecurityKind.CONTROL: "protections that guests cannot use",
    SecurityKind.SPEED: "speed that guests lose",
}

_PLACE = re.compile(
    r": (?:CPUID|MSR) 0x[0-9a-f]{1,8}(?::[0-9a-f]{1,8})?\.?\w{0,8} "
    r"(?:bit \d+ is 0|exists with ARCH_CAPS only)"
    r"|: its highest leaf is below CPUID 0x[0-9a-f]{1,8}(?::[0-9a-f]{1,8})?\.?\w{0,8}"
)


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
    found: dict[tuple[str, str, str], list[str]] = {}
    for lack in lacks:
        old = "" if lack.compatibility == lack.reason else lack.compatibility
        found.setdefault((short(lack.reason), lack.risk, old), []).append(lack.name)
    return found


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
        "whatever the level"
    )


def notes(members: Sequence[Member]) -> Iterator[str]:
    """What people should know of the hosts; a note that several share is told once."""
    having: dict[str, list[str]] = {}
    for member in members:
        for note in member.notes:
            having.setdefault(note, []).append(member.name)
    for note, names in having.items():
        yield f"{some(names, 3)}: {note}"


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
