"""One set of a host as a row: words as integers, and whose they are.

Each host has a row for boot and for migration of each guest type, also of one that it does not run:
that row has no words (`length` 0), and tells the host's release, whose rules its pool may follow.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..features.featureset import Featureset
from ..features.release import LENGTHS
from ..interface import GuestType
from ..pools.member import Member
from .error import FleetError

Value = str | int | bool
Row = dict[str, Value]

# More than any release has (the longest has 23), so that files of years to come are read together.
WORDS = 32
WORD_COLUMNS = tuple(f"w{index}" for index in range(WORDS))
BOOT, MIGRATION, RAW, HOST = "boot", "migration", "raw", "host"
# In order, each with the type of its values.
COLUMNS: dict[str, type[Value]] = {
    "pool": str,
    "uuid": str,
    "name": str,
    "source": str,
    "vendor": str,
    "release": str,
    "certain": bool,
    "guest": str,
    "kind": str,
    "length": int,
    **dict.fromkeys(WORD_COLUMNS, int),
}

assert max(LENGTHS.values()) <= WORDS


def rows(member: Member, pool: str, source: str) -> list[Row]:
    """The rows of a host; docs/fleet.md says what each column is.

    `guest`: pv or hvm, "" for the kinds raw and host, which are there where Xen told them. A word
    that the set has not is 0. Raises FleetError for a set of more than WORDS words.
    """
    whose: Row = {
        "pool": _text(pool),
        "uuid": _text(member.uuid),
        "name": _text(member.name),
        "source": _text(source),
        "vendor": _text(member.vendor),
        "release": member.release.name,
        "certain": member.certain,
    }
    table = []
    for guest, kind, featureset in _sets(member):
        if featureset.length > WORDS:
            raise FleetError(
                f"{member.name}: a featureset of {featureset.length} words; a row has {WORDS}"
            )
        words: Row = dict.fromkeys(WORD_COLUMNS, 0)
        words.update(zip(WORD_COLUMNS, featureset.words, strict=False))
        table.append(whose | {"guest": guest, "kind": kind, "length": featureset.length} | words)
    return table


def _sets(member: Member) -> Iterator[tuple[str, str, Featureset]]:
    if member.sets is not None:
        for kind in (RAW, HOST):
            featureset = member.sets.named(kind)
            if featureset is not None and featureset.length:
                yield "", kind, featureset
    for guest in (GuestType.PV, GuestType.HVM):
        name = guest.name.lower()
        yield name, BOOT, member.boot(guest)
        yield name, MIGRATION, member.migration(guest)


def _text(text: str) -> str:
    """What any engine takes for a text: no control characters, no half of a UTF-16 pair."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "?" for letter in text)
