"""What is said of VMs: where each crowd of them can go, and what keeps them from the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attrs import frozen

from ..interface import Verdict
from ..pools.fleet import Assumed, Crowd, Finding, Fleet, Standing
from ..pools.grade import GRADES, Grade
from ..pools.grid import VERDICTS
from ..pools.words import Lacking, count, lacking
from .forecast import Tone
from .sources import Sources, of_vm

# What a page can hold for people; beyond it the page says how much is left out.
MOST_ROWS = 100
MOST_FINDINGS = 60
MOST_IN_SHORT = 5

TONES: dict[Standing, Tone] = {
    Standing.NOWHERE: "bad",
    Standing.SOMEWHERE: "bad",
    Standing.ONLY_BY_MAX: "fair",
    Standing.EVERYWHERE: "good",
}
STANDINGS = {
    Standing.NOWHERE: "can go nowhere",
    Standing.SOMEWHERE: "can go to some hosts only",
    Standing.ONLY_BY_MAX: "can go everywhere, perhaps slower",
    Standing.EVERYWHERE: "can go everywhere",
}

MEANINGS = {
    Verdict.BOOTS: "it has seen nothing yet, and starts there",
    Verdict.MIGRATES: "resumes or migrates there, and sees nothing that the host would not give",
    Verdict.ONLY_BY_MAX: "resumes or migrates there because Xen takes in more than it gives; it "
    "may run slower",
    Verdict.ONLY_BY_FORCE: "the host lacks features that it has seen, or xapi refuses its record",
    Verdict.IMPOSSIBLE: "another vendor's CPU, no such guests there, or leaves that Xen refuses",
}


@frozen
class Part:
    """The hosts that give a crowd one verdict. `start`, `width`: its piece of a bar of 100."""

    grade: Grade
    hosts: tuple[str, ...]
    start: float
    width: float


@frozen
class Row:
    """A crowd, by name."""

    names: tuple[str, ...]
    guest: str
    standing: Standing
    parts: tuple[Part, ...]
    sources: tuple[int, ...]


@frozen
class Card:
    """A finding for people. `every`: it holds on each host of the pool."""

    anchor: str
    grade: Grade
    vms: tuple[str, ...]
    hosts: tuple[str, ...]
    every: bool
    problems: tuple[str, ...]
    lacking: tuple[Lacking, ...]
    remedies: tuple[str, ...]


@frozen
class Vms:
    """`rows` and `cards`: the worst first; `refusals`: how many findings of all refuse VMs.

    `compared`: which sets, in words. `notes`: what to know of the verdicts, and of how many VMs.
    """

    standings: tuple[tuple[Standing, int], ...]
    rows: tuple[Row, ...]
    more_rows: int
    more_vms: int
    cards: tuple[Card, ...]
    more_cards: int
    refusals: int
    compared: tuple[str, ...]
    notes: tuple[tuple[str, int], ...]

    @property
    def todo(self) -> dict[tuple[str, ...], list[Card]]:
        """The worst refusals by what helps."""
        by_remedies: dict[tuple[str, ...], list[Card]] = {}
        for card in self.cards[: min(self.refusals, MOST_IN_SHORT)]:
            by_remedies.setdefault(card.remedies, []).append(card)
        return by_remedies

    @property
    def more_refusals(self) -> int:
        return max(0, self.refusals - MOST_IN_SHORT)


def of_fleet(fleet: Fleet, sources: Sources) -> Vms:
    crowds = fleet.crowds[:MOST_ROWS]
    beyond = (*fleet.crowds[MOST_ROWS:], *fleet.counted)
    hosts = [member.name for member in fleet.members]
    compared = (a.compared for crowd in crowds for a in crowd.answers)
    return Vms(
        standings=tuple((standing, n) for standing, n in fleet.standings().items() if n),
        rows=tuple(_row(crowd, hosts, sources) for crowd in crowds),
        more_rows=len(beyond),
        more_vms=sum(len(crowd.vms) for crowd in beyond),
        cards=tuple(
            _card(finding, number, len(hosts))
            for number, finding in enumerate(fleet.findings[:MOST_FINDINGS], 1)
        ),
        more_cards=max(0, len(fleet.findings) - MOST_FINDINGS),
        refusals=sum(not finding.answer.grade.allowed for finding in fleet.findings),
        compared=tuple(dict.fromkeys(compared)),
        notes=tuple(_notes(crowds)),
    )


def _notes(crowds: Iterable[Crowd]) -> Iterator[tuple[str, int]]:
    """Of the verdicts; what is known of a VM whatever its host is told with the sources."""
    having: dict[str, int] = {}
    for crowd in crowds:
        own = {note for vm in crowd.vms for note in vm.notes}
        for note in dict.fromkeys(note for answer in crowd.answers for note in answer.notes):
            if note not in own:
                having[note] = having.get(note, 0) + len(crowd.vms)
    yield from having.items()


def unsure(fleet: Fleet) -> str:
    """A warning where a yes rests on a vendor that is not known, "" where none does."""
    number = sum(
        len(crowd.vms)
        for crowd in (*fleet.crowds, *fleet.counted)
        if crowd.vms[0].seen is not None
        and any(
            not (crowd.vms[0].vendor and host.vendor) and GRADES[VERDICTS[code]].allowed
            for host, code in zip(fleet.members, crowd.verdicts, strict=True)
        )
    )
    if not number:
        return ""
    return (
        f"of {count(number, 'VM')} the vendor was not compared with that of every host that takes "
        "it in: one of the two is not known, and no VM can move between vendors"
    )


def headline(fleet: Fleet) -> str:
    """The verdict on the whole fleet in a sentence, without the full stop."""
    standings = fleet.standings()
    number = sum(standings.values())
    nowhere = standings[Standing.NOWHERE]
    kept = nowhere + standings[Standing.SOMEWHERE]
    every = "every host" if len(fleet.members) > 1 else "the host"
    if not kept:
        slower = standings[Standing.ONLY_BY_MAX]
        all_ = f"All {number:,} VMs" if number > 1 else "The VM"
        perhaps = f", {slower:,} of them perhaps slower there" if slower else ""
        return f"{all_} can go to {every}{perhaps}"
    words = f"{kept:,} of {count(number, 'VM')} cannot go to {every}"
    if len(fleet.members) == 1:
        return words
    if nowhere:
        words += f", {nowhere:,} of them nowhere"
    refusing = {place for crowd in (*fleet.crowds, *fleet.counted) for place in crowd.refused}
    return f"{words}: {len(refusing):,} of {count(len(fleet.members), 'host')} refuse some"


def expectation(fleet: Fleet, would_be: Assumed) -> str:
    """The same where no VM is known, of VMs as they would be."""
    if not fleet.members or not fleet.crowds:
        return "no host runs such guests"
    if len(fleet.members) == 1:
        return "there is one host: a VM that was started on it can come back to it"
    kept = {
        vm.name
        for crowd in (*fleet.crowds, *fleet.counted)
        if crowd.standing < Standing.ONLY_BY_MAX
        for vm in crowd.vms
    }
    if any(vm.name in kept for vm in would_be.at_level):
        return "VMs that start at the pool's level cannot go to every host"
    if any(vm.name in kept for vm in would_be.alone):
        return (
            "VMs that start at the pool's level can go to every host, those that were started on "
            "one host alone cannot"
        )
    return "VMs can go to every host, wherever they were started"


def tone(fleet: Fleet) -> Tone:
    """Of the worst standing that a VM has: good, fair or bad."""
    worst = min((s for s, number in fleet.standings().items() if number), default=None)
    return "fair" if worst is None else TONES[worst]


def _row(crowd: Crowd, hosts: Sequence[str], sources: Sources) -> Row:
    return Row(
        names=tuple(vm.name for vm in crowd.vms),
        guest=crowd.vms[0].guest.name,
        standing=crowd.standing,
        parts=tuple(_parts(crowd, hosts)),
        sources=sources.numbers(map(of_vm, crowd.vms)),
    )


def _parts(crowd: Crowd, hosts: Sequence[str]) -> Iterator[Part]:
    start = 0.0
    for verdict in Verdict:
        places = crowd.on(verdict)
        if places:
            width = 100 * len(places) / len(hosts)
            names = tuple(hosts[place] for place in places)
            yield Part(GRADES[verdict], names, round(start, 2), round(width, 2))
            start += width


def _card(finding: Finding, number: int, hosts: int) -> Card:
    answer = finding.answer
    return Card(
        anchor=f"finding-{number}",
        grade=answer.grade,
        vms=tuple(vm.name for vm in finding.vms),
        hosts=finding.hosts,
        every=len(finding.hosts) == hosts,
        problems=answer.problems,
        lacking=tuple(lacking(answer)),
        remedies=answer.remedies,
    )
