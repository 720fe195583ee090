"""What the pool can give: the level, what differs, who costs what, what is lost and what it means.

Each is told once for all guest types of which it holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ..features import meanings
from ..features.featureset import Featureset
from ..interface import GuestType, SecurityKind
from ..pools import registers, security, words
from ..pools.level import Level, Loss
from ..pools.member import Member
from ..pools.words import SECURITY, brought, by_reason, givers, reading, rules, some
from .shared import Shared, shared, title

# More columns than this fit no page, so the kinds of host beyond them are left out, and counted.
MOST_COLUMNS = 7


@frozen
class Words:
    """A level in hex."""

    guests: str
    words: str


@frozen
class Kind:
    """Hosts that give the same to guests of all types."""

    hosts: tuple[str, ...]
    gives: Mapping[GuestType, Featureset]


@frozen
class Pattern:
    """Features that the same kinds of host give. `groups`: their names by what they are. `cells`:
    for each kind whether it gives them, None where it runs no such guests.
    """

    guests: str
    groups: tuple[tuple[str, tuple[str, ...]], ...]
    in_level: bool
    cells: tuple[bool | None, ...]


@frozen
class Lost:
    """A feature that the level lacks, with what it is."""

    name: str
    meaning: str
    reason: str


@frozen
class Reason:
    """Why features are lost."""

    guests: str
    reason: str
    features: tuple[Lost, ...]


@frozen
class Dear:
    """What these hosts alone keep from all others."""

    hosts: tuple[str, ...]
    features: tuple[Shared[str], ...]


@frozen
class Safety:
    title: str
    findings: tuple[Shared[str], ...]


@frozen
class Levels:
    """`sentences`: who gives how much, and by whose rules. `skipped`: hosts without such guests.

    `warnings`: features of a level that hosts of it do not even take in. `more_kinds`: how many
    kinds of host have no column.
    """

    sentences: tuple[str, ...]
    skipped: tuple[Shared[str], ...]
    features: tuple[Shared[str], ...]
    words: tuple[Words, ...]
    kinds: tuple[Kind, ...]
    more_kinds: int
    patterns: tuple[Pattern, ...]
    dear: tuple[Dear, ...]
    reasons: tuple[Reason, ...]
    safety: tuple[Safety, ...]
    brought: tuple[Shared[str], ...]
    warnings: tuple[Shared[str], ...]

    @property
    def several(self) -> bool:
        """Whether there is more than one guest type to speak of."""
        return len(self.words) > 1

    @property
    def all_kinds(self) -> int:
        return len(self.kinds) + self.more_kinds

    @property
    def column_titles(self) -> list[str]:
        return [some(kind.hosts, 2) for kind in self.kinds]


def of_levels(levels: Mapping[GuestType, Level], members: Sequence[Member]) -> Levels:
    """`levels`: of guest types that some host runs."""
    kinds = _kinds(levels, members)
    shown = kinds[:MOST_COLUMNS]
    return Levels(
        sentences=tuple(_sentence(level, levels) for level in levels.values()),
        skipped=shared({guest: level.skipped for guest, level in levels.items()}),
        features=shared({guest: level.names for guest, level in levels.items()}),
        words=tuple(
            Words(title([g], levels), str(level.featureset)) for g, level in levels.items()
        ),
        kinds=shown,
        more_kinds=len(kinds) - len(shown),
        patterns=tuple(_patterns(levels, kinds, len(shown))),
        dear=tuple(_dear(levels, kinds)),
        reasons=tuple(_reasons(levels)),
        safety=tuple(_safety(levels, members)),
        brought=shared({guest: tuple(brought(level)) for guest, level in levels.items()}),
        warnings=shared(
            {guest: tuple(_warnings(level, members)) for guest, level in levels.items()}
        ),
    )


def _sentence(level: Level, levels: Mapping[GuestType, Level]) -> str:
    of = title([level.guest], levels)
    to = f"{of} guests" if of else "guests"
    return f"{givers(level)} gives {to} {len(level.featureset)} features ({rules(level)})"


def _kinds(levels: Mapping[GuestType, Level], members: Sequence[Member]) -> tuple[Kind, ...]:
    alike: dict[tuple[Featureset, ...], list[Member]] = {}
    for member in members:
        boot_sets = tuple(member.boot(guest) for guest in levels)
        if any(guest in member.offers for guest in levels):
            alike.setdefault(boot_sets, []).append(member)
    return tuple(
        Kind(
            hosts=tuple(member.name for member in group),
            gives={guest: group[0].boot(guest) for guest in levels if guest in group[0].offers},
        )
        for group in alike.values()
    )


def _patterns(
    levels: Mapping[GuestType, Level], kinds: Sequence[Kind], columns: int
) -> Iterator[Pattern]:
    """One for each way in which kinds differ: a pool has few of those, however many features."""
    differing = shared({guest: tuple(_differing(level, kinds)) for guest, level in levels.items()})
    for group in differing:
        alike: dict[tuple[bool, tuple[bool | None, ...]], dict[str, list[str]]] = {}
        for name, of_group, in_level, cells in group.items:
            names = alike.setdefault((in_level, cells), {})
            names.setdefault(of_group, []).append(name)
        for (in_level, cells), names in alike.items():
            groups = tuple((of_group, tuple(own)) for of_group, own in names.items())
            yield Pattern(group.guests, groups, in_level, cells[:columns])


def _differing(
    level: Level, kinds: Sequence[Kind]
) -> Iterator[tuple[str, str, bool, tuple[bool | None, ...]]]:
    """Name, what it is, whether the level has it, and which kinds give it."""
    sets = [kind.gives.get(level.guest) for kind in kinds]
    some, every = 0, -1
    for featureset in sets:
        if featureset is not None:
            some, every = some | featureset.bits, every & featureset.bits
    differing = Featureset(some & ~every, level.featureset.length)
    for group, numbers in meanings.by_group(level.release, differing).items():
        for number in numbers:
            cells = tuple(
                None if featureset is None else number in featureset for featureset in sets
            )
            name = level.release.label(number)
            yield name, meanings.GROUPS[group], number in level.featureset, cells


def _dear(levels: Mapping[GuestType, Level], kinds: Sequence[Kind]) -> Iterator[Dear]:
    costs = {
        guest: {cost.host: level.release.names(cost.alone) for cost in level.costs}
        for guest, level in levels.items()
    }
    for kind in kinds:
        alone = {guest: tuple(costs[guest].get(kind.hosts[0], ())) for guest in levels}
        if any(alone.values()) and len(kinds) > 1:
            yield Dear(kind.hosts, shared(alone))


def _reasons(levels: Mapping[GuestType, Level]) -> Iterator[Reason]:
    lost = {
        guest: tuple(
            _lost(level, loss, reason)
            for reason, losses in by_reason(level.losses).items()
            for loss in losses
        )
        for guest, level in levels.items()
    }
    for group in shared(lost):
        alike: dict[str, list[Lost]] = {}
        for item in group.items:
            alike.setdefault(item.reason, []).append(item)
        for reason, items in alike.items():
            yield Reason(group.guests, reason, tuple(items))


def _lost(level: Level, loss: Loss, reason: str) -> Lost:
    meaning = meanings.meaning(level.release, loss.number).text or "a bit without a name"
    return Lost(loss.name, meaning, reason)


def _safety(levels: Mapping[GuestType, Level], members: Sequence[Member]) -> Iterator[Safety]:
    readings = {guest: security.readings(members, level) for guest, level in levels.items()}
    for kind in SecurityKind:
        own = {
            guest: tuple(reading(each) for each in of_guest if each.kind is kind)
            for guest, of_guest in readings.items()
        }
        if any(own.values()):
            yield Safety(SECURITY[kind], shared(own))


def _warnings(level: Level, members: Sequence[Member]) -> Iterator[str]:
    for loss in level.refused:
        yield f"{loss.name} is {loss.reason}: {', '.join(loss.hosts)}"
    owns = registers.own(level.featureset, members, level.guest, level.release)
    if len(level.hosts) > 1:
        yield from words.registers(owns, level.release)
