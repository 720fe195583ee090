"""What a report tells of one guest type's level: what differs, who costs what, what is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ...features import meanings
from ...features.featureset import Featureset
from ...interface import GuestType, SecurityKind
from .. import security
from ..level import Cost, Level
from ..member import Member
from ..words import GUESTS, SECURITY, some
from .markup import (
    Cell,
    Markup,
    bullets,
    heading,
    joined,
    names,
    number,
    paragraph,
    plain,
    table,
    text,
)

# More columns than this fit no page, so the kinds beyond them are left to the other tables.
_MOST_COLUMNS = 12


@frozen
class Alike:
    """Hosts that give the same to this guest type."""

    given: Featureset
    cost: Cost
    hosts: tuple[str, ...]

    @property
    def title(self) -> str:
        return some(self.hosts, 2)


def alike(level: Level, members: Sequence[Member]) -> list[Alike]:
    """The level's hosts by kind, in the order of their first."""
    given = {member.name: member.boot(level.guest) for member in members}
    kinds: dict[Featureset, list[Cost]] = {}
    for cost in level.costs:
        kinds.setdefault(given[cost.host], []).append(cost)
    return [
        Alike(featureset, costs[0], tuple(cost.host for cost in costs))
        for featureset, costs in kinds.items()
    ]


def section(level: Level, members: Sequence[Member]) -> Markup:
    """All of one guest type."""
    key = level.guest.name.lower()
    kinds = alike(level, members)
    parts = [
        heading(2, f"{GUESTS[level.guest]}: the level", f"level-{key}"),
        paragraph(
            f"Every one of {len(level.hosts):,} hosts gives these {len(level.featureset)} features "
            f"at boot (names and rules of {level.release.title}):"
        ),
        Markup(f"<p>{names(level.names)}</p>"),
        paragraph(str(level.featureset), "hex"),
    ]
    if level.skipped:
        parts.append(paragraph(f"Not counted, without such guests: {', '.join(level.skipped)}."))
    if len(level.hosts) < 2:
        return joined([*parts, paragraph("One host alone is its own level.")])
    parts += [
        heading(3, "Which hosts differ"),
        _differences(level, kinds),
        heading(3, "What each host costs"),
        _costs(level, kinds),
        heading(3, "What is lost, and why"),
        _losses(level),
        heading(3, "Safety and speed"),
        *_security(level, members),
    ]
    return joined(parts)


def _differences(level: Level, kinds: Sequence[Alike]) -> Markup:
    """Kinds of host × features that some have and some have not."""
    some, every = 0, -1
    for kind in kinds:
        some, every = some | kind.given.bits, every & kind.given.bits
    differing = Featureset(some & ~every, level.featureset.length)
    if not differing:
        return paragraph("None: all hosts give the same.")
    shown = kinds[:_MOST_COLUMNS]
    rows = []
    for group, numbers in meanings.by_group(level.release, differing).items():
        for feature in numbers:
            cells = [_has(feature in kind.given) for kind in shown]
            rows.append(
                [
                    Cell(text(level.release.label(feature)), "names"),
                    plain(meanings.GROUPS[group]),
                    _has(feature in level.featureset),
                    *cells,
                ]
            )
    parts = [
        table(
            f"differences-{level.guest.name.lower()}",
            f"Features that some hosts give and others do not: {len(rows)}",
            ("feature", "what it is", "level", *(kind.title for kind in shown)),
            rows,
        )
    ]
    if len(kinds) > len(shown):
        left = len(kinds) - len(shown)
        parts.append(paragraph(f"{left} more kinds of host are in the next table only."))
    return joined(parts)


def _has(there: bool) -> Cell:
    return Cell(text("yes"), "good") if there else Cell(text("no"), "bad")


def _costs(level: Level, kinds: Sequence[Alike]) -> Markup:
    rows = [
        [
            plain(some(kind.hosts, 20)),
            number(len(kind.hosts)),
            number(len(kind.given)),
            number(len(kind.given - level.featureset)),
            Cell(names(level.release.names(kind.cost.lacks)) if kind.cost.lacks else text("–")),
            Cell(names(level.release.names(kind.cost.alone)) if kind.cost.alone else text("–")),
        ]
        for kind in kinds
    ]
    headers = ("hosts", "count", "gives", "gives up", "lacks", "it alone keeps from the others")
    return table(
        f"costs-{level.guest.name.lower()}", "Hosts that give the same, and costs", headers, rows
    )


def _losses(level: Level) -> Markup:
    if not level.losses:
        return paragraph("Nothing: no host has a feature that the level has not.")
    rows = [
        [
            Cell(text(loss.name), "names"),
            plain(meanings.meaning(level.release, loss.number).text or "a bit without a name"),
            plain(loss.reason),
        ]
        for loss in level.losses
    ]
    return table(
        f"losses-{level.guest.name.lower()}",
        f"Lost features: {len(rows)}",
        ("feature", "what it is", "why it is lost"),
        rows,
    )


def _security(level: Level, members: Sequence[Member]) -> Iterator[Markup]:
    findings = security.readings(members, level)
    if not findings:
        yield paragraph("Nothing changes for guests.")
    for kind in SecurityKind:
        of_kind = [finding for finding in findings if finding.kind is kind]
        if of_kind:
            yield heading(4, _sentence(SECURITY[kind]))
            yield bullets(text(finding) for finding in of_kind)


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def summary(levels: Mapping[GuestType, Level], members: Sequence[Member]) -> Iterator[Markup]:
    """A sentence for each guest type: the level, and the dearest host."""
    for guest, level in levels.items():
        words = (
            f"{GUESTS[guest]}: {len(level.hosts):,} hosts, {len(level.featureset)} features in the "
            f"level, {len(level.losses)} lost"
        )
        dearest = max(level.costs, key=lambda cost: len(cost.alone), default=None)
        if dearest is not None and dearest.alone and len(level.hosts) > 1:
            words += f"; {dearest.host} alone keeps {len(dearest.alone)} from the others"
        yield text(f"{words}.")
