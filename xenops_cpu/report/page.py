"""The whole page: what is told in which order, the verdicts first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..features.release import Release
from ..interface import GuestType
from ..pools.fleet import assumed, fleet
from ..pools.grade import GRADES
from ..pools.level import level_of
from ..pools.member import Member
from ..pools.verdict import UNSEEN
from ..pools.vm import Vm
from ..pools.words import several_vendors
from ..version import __version__
from . import hosts, levels, vms
from .engine import render
from .forecast import Course, Tone, section
from .sources import sources

TERMS = {
    "featureset": "a bitmap of CPU features, in 32-bit words",
    "boot": "what a new guest gets (Xen's default policy)",
    "migration": "the most a guest may arrive with (boot or Xen's max policy)",
    "level": "the features that every host of a pool can give",
    "OR-ed": "features that are in the level as soon as one host has them, because they tell a "
    "guest to protect itself",
}


def page(
    title: str,
    members: Sequence[Member],
    machines: Sequence[Vm] = (),
    *,
    guests: Iterable[GuestType] = (GuestType.HVM, GuestType.PV),
    xen: Release | None = None,
    date_line: str = "",
    forecast: Course | None = None,
    progress: Callable[[int], None] | None = None,
) -> str:
    """The report of a pool as HTML. `date_line`: when it was made. `forecast`: of a rolling
    update, in words. `progress`: told the VMs done.

    Without VMs the page tells of some as they would be, and says that it does. Raises EngineError
    where Jinja2 is not installed.
    """
    by_guest = {guest: level_of(members, guest, xen) for guest in guests}
    by_guest = {guest: level for guest, level in by_guest.items() if level.hosts}
    would_be = None if machines else assumed(members, by_guest, xen)
    checked = machines if would_be is None else (*would_be.at_level, *would_be.alone)
    crowds = fleet(checked, members, progress)
    known = sources(members, machines)
    short = vms.headline(crowds) if would_be is None else vms.expectation(crowds, would_be)
    context: dict[str, Any] = {
        "title": title,
        "generator": f"xenops_cpu {__version__}",
        "date_line": date_line,
        "hosts": len(members),
        "vms": len(machines),
        "would_be": would_be is not None,
        "warnings": list(filter(None, (several_vendors(members), vms.unsure(crowds)))),
        "headline": short,
        "tone": _worse(vms.tone(crowds), forecast.tone if forecast is not None else "good"),
        "fleet_tone": vms.tone(crowds),
        "fleet": vms.of_fleet(crowds, known),
        "words": vms.STANDINGS,
        "tones": vms.TONES,
        "verdicts": [(GRADES[verdict].word, words) for verdict, words in vms.MEANINGS.items()],
        "forecast": section(forecast) if forecast is not None else None,
        "host_rows": hosts.rows(members, by_guest, known),
        "levels": levels.of_levels(by_guest, members) if by_guest else None,
        "sources": known,
        "unseen": UNSEEN,
        "terms": TERMS,
    }
    return render("page.html", context | {"contents": list(_contents(context))})


def _worse(tone: Tone, other: Tone) -> Tone:
    order: tuple[Tone, ...] = ("good", "fair", "bad")
    return max(tone, other, key=order.index)


def _contents(context: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Anchors and titles of the page's sections."""
    yield "verdict", "In short"
    if context["fleet"].rows:
        yield "vms", "VMs"
    if context["forecast"]:
        yield "forecast", "Forecast"
    yield "hosts", "Hosts"
    if context["levels"]:
        yield "level", "The level"
    if context["levels"] and context["levels"].all_kinds > 1:
        yield "differences", "Differences"
        yield "losses", "Losses"
        yield "safety", "Safety and speed"
    yield from (("limits", "Not seen"), ("sources", "Sources"), ("terms", "Terms"))
