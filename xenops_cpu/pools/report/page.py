"""The whole page: what is told in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

from ... import __version__
from ...features.release import Release
from ...interface import GuestType
from ..level import Level, level_of
from ..member import Member
from ..verdict import UNSEEN
from ..vm import Vm
from ..words import GUESTS, count, several_vendors, some
from . import levels, vms
from .markup import Markup, bullets, heading, joined, link, number, paragraph, plain, table, text

if TYPE_CHECKING:
    from ..forecast.result import Forecast

_TERMS = {
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
    made: str = "",
    progress: Callable[[int], None] | None = None,
    update: tuple[Forecast, Sequence[str]] | None = None,
) -> str:
    """The report of a pool as HTML. `made`: when, for people. `progress`: told the VMs done.
    `update`: a rolling update's forecast and what it rests on.
    """
    found = {guest: level_of(members, guest, xen) for guest in guests}
    found = {guest: level for guest, level in found.items() if level.hosts}
    sections = [("summary", "Summary"), ("hosts", "Hosts")]
    sections += [(f"level-{guest.name.lower()}", GUESTS[guest]) for guest in found]
    body = [_summary(found, members, machines), _hosts(members, found)]
    if update is not None:
        from . import forecast  # most reports have none, and it takes much

        sections.insert(1, ("forecast", "The rolling update"))
        body.insert(1, forecast.section(*update))
    body += [levels.section(level, members) for level in found.values()]
    if machines:
        sections.append(("vms", "VMs on hosts"))
        body.append(vms.section(machines, members, progress))
    sections += [("limits", "What is not seen"), ("notes", "Notes"), ("terms", "Terms")]
    body += [_limits(), _notes(members, machines), _terms()]
    frame = Template(_data("page.html"))
    return frame.substitute(
        title=text(title),
        subtitle=text(
            f"{count(len(members), 'host')}, {count(len(machines), 'VM')}{made and f', {made}'}"
        ),
        generator=text(f"xenops_cpu {__version__}"),
        style=_data("page.css").rstrip(),
        contents="\n".join(f"<li>{link(anchor, words)}</li>" for anchor, words in sections),
        body=joined(body),
    )


def _data(name: str) -> str:
    return (resources.files("xenops_cpu") / "data" / "report" / name).read_text("utf-8")


def _summary(
    found: dict[GuestType, Level], members: Sequence[Member], machines: Sequence[Vm]
) -> Markup:
    parts = [heading(2, "Summary", "summary")]
    if warning := several_vendors(members):
        parts.append(paragraph(f"{warning[0].upper()}{warning[1:]}.", "warning"))
    if not found:
        parts.append(paragraph("No host runs such guests.", "warning"))
    return joined([*parts, bullets(levels.summary(found, members))] if found else parts)


def _hosts(members: Sequence[Member], found: dict[GuestType, Level]) -> Markup:
    headers = ["host", "CPUs by", "rules of", "CPUs", "sockets"]
    for guest in found:
        headers += [f"gives {guest.name}", f"gives up ({guest.name})"]
    rows = []
    for member in members:
        row = [
            plain(member.name),
            plain(member.vendor or "not told"),
            plain(member.release.title),
            number(member.cpu_count) if member.cpu_count else plain("not told"),
            number(member.socket_count) if member.socket_count else plain("not told"),
        ]
        for guest, level in found.items():
            given = member.boot(guest)
            there = guest in member.offers
            row.append(number(len(given)) if there else plain("no such guests"))
            row.append(number(len(given - level.featureset)) if there else plain("–"))
        rows.append(row)
    return joined(
        [heading(2, "Hosts", "hosts"), table("host-list", "Hosts of the pool", headers, rows)]
    )


def _limits() -> Markup:
    return joined(
        [
            heading(2, "What is not seen", "limits"),
            paragraph("No comparison of featuresets sees these; a guest may depend on them:"),
            bullets(map(text, UNSEEN)),
        ]
    )


def _notes(members: Sequence[Member], machines: Sequence[Vm]) -> Markup:
    having: dict[str, list[str]] = {}
    known: tuple[Member | Vm, ...] = (*members, *machines)
    for one in known:
        for note in one.notes:
            having.setdefault(note, []).append(one.name)
    items = list(_noted(having))
    told = bullets(items) if items else paragraph("None.")
    return joined([heading(2, "Notes", "notes"), told])


def _noted(having: dict[str, list[str]]) -> Iterator[Markup]:
    for note, names in having.items():
        yield text(f"{some(names, 5)}: {note}")


def _terms() -> Markup:
    lines = [f"<dt>{text(term)}</dt><dd>{text(words)}</dd>" for term, words in _TERMS.items()]
    return joined([heading(2, "Terms", "terms"), Markup("<dl>\n" + "\n".join(lines) + "\n</dl>")])
