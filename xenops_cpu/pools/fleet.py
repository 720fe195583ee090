"""A fleet: many VMs on many hosts, told as the few crowds that are answered alike.

1. The verdict of every VM on every host comes from the grid, which is fast for many of both.
2. VMs that remember the same are one crowd; how it *stands* is whether hosts other than a VM's own
   take it in. A VM's own host counts only as a place to come back to.
3. The worst crowds, up to `most`, are answered with all words, by way of their first VM. Crowds of
   which the same is said on each host become one.
4. What is said of several crowds and hosts is told once, as a Finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum

from attrs import evolve, frozen

from ..features.release import Release
from ..interface import GuestType, Verdict
from .grade import GRADES
from .grid import VERDICTS, grid
from .groups import Group, grouped
from .member import Member
from .plan import started_at_level
from .verdict import Answer, check_all, kind_of_vm
from .vm import Vm, started_on

MOST_TOLD = 200


class Standing(IntEnum):
    """Where VMs of a crowd can go, the worst first; each counts the hosts other than a VM's own."""

    NOWHERE = 0
    SOMEWHERE = 1
    ONLY_BY_MAX = 2
    EVERYWHERE = 3


@frozen
class Crowd:
    """VMs that are answered alike. `answers`: of the first of them on each host, in order; () for
    one that is only counted. `verdicts`: places in VERDICTS, in the order of the hosts.
    """

    vms: tuple[Vm, ...]
    standing: Standing
    verdicts: bytes
    answers: tuple[Answer, ...] = ()

    def on(self, *verdicts: Verdict) -> tuple[int, ...]:
        """The places of the hosts that give one of these verdicts."""
        return tuple(i for i, code in enumerate(self.verdicts) if VERDICTS[code] in verdicts)

    @property
    def refused(self) -> tuple[int, ...]:
        """The places of the hosts that do not take it in."""
        return self.on(*(verdict for verdict, grade in GRADES.items() if not grade.allowed))


@frozen
class Finding:
    """What keeps VMs from hosts, or makes them slower there: the same for all of `crowds` on all of
    `hosts` (by name). `answer`: of the first of them.
    """

    crowds: tuple[Crowd, ...]
    hosts: tuple[str, ...]
    answer: Answer

    @property
    def vms(self) -> tuple[Vm, ...]:
        return tuple(vm for crowd in self.crowds for vm in crowd.vms)


@frozen
class Fleet:
    """`crowds`: told with all words, the worst first; `counted`: those beyond, without words.

    `findings`: of the crowds that are told, the worst verdict first, then by the number of VMs.
    """

    members: tuple[Member, ...]
    crowds: tuple[Crowd, ...]
    counted: tuple[Crowd, ...] = ()
    findings: tuple[Finding, ...] = ()

    def standings(self) -> Mapping[Standing, int]:
        """How many VMs stand how."""
        number = dict.fromkeys(Standing, 0)
        for crowd in (*self.crowds, *self.counted):
            number[crowd.standing] += len(crowd.vms)
        return number


@frozen
class Assumed:
    """VMs as they would be, where none is known: started at the pool's level, as a pool starts
    them, and on one host of each kind alone.
    """

    at_level: tuple[Vm, ...]
    alone: tuple[Vm, ...]


def fleet(
    vms: Sequence[Vm],
    members: Sequence[Member],
    progress: Callable[[int], None] | None = None,
    most: int = MOST_TOLD,
) -> Fleet:
    """All VMs on all hosts. `progress`: told the number of VMs done. `most`: crowds with words."""
    crowds = sorted(_crowds(vms, members, progress), key=_badness)
    answered = tuple(_merged([_answered(crowd, members) for crowd in crowds[:most]]))
    return Fleet(tuple(members), answered, tuple(crowds[most:]), tuple(_findings(answered)))


def assumed(
    members: Sequence[Member], guests: Iterable[GuestType], xen: Release | None = None
) -> Assumed:
    """VMs as they would be if they were started now, of each guest type."""
    at_level: list[Vm] = []
    alone: list[Vm] = []
    for guest in guests:
        level = started_at_level(members, guest, xen)
        at_level += [level] if level is not None and len(members) > 1 else []
        kinds: dict[object, Member] = {}
        for member in members:
            if guest in member.offers:
                kinds.setdefault((member.boot(guest), member.vendor), member)
        alone += [
            started_on(member, guest, f"a VM started on {member.name} alone ({guest.name})")
            for member in kinds.values()
        ]
    return Assumed(tuple(at_level), tuple(alone))


def _crowds(
    vms: Sequence[Vm], members: Sequence[Member], progress: Callable[[int], None] | None
) -> Iterator[Crowd]:
    places = {member.uuid: place for place, member in enumerate(members) if member.uuid}
    alike: dict[tuple[object, Standing, bytes], list[Vm]] = {}
    for vm, row in zip(vms, grid(vms, members, progress).rows, strict=True):
        standing = _standing(row, places.get(vm.home))
        alike.setdefault((kind_of_vm(vm), standing, row), []).append(vm)
    for (_, standing, row), crowd in alike.items():
        yield Crowd(tuple(crowd), standing, row)


def _standing(row: bytes, own: int | None) -> Standing:
    grades = [GRADES[VERDICTS[code]] for place, code in enumerate(row) if place != own]
    if not grades:  # the only host is its own
        grades = [GRADES[VERDICTS[code]] for code in row]
    takers = sum(grade.allowed for grade in grades)
    if not takers:
        return Standing.NOWHERE
    if takers < len(grades):
        return Standing.SOMEWHERE
    plain = all(grade.tone == "good" for grade in grades)
    return Standing.EVERYWHERE if plain else Standing.ONLY_BY_MAX


def _badness(crowd: Crowd) -> tuple[int, int]:
    return crowd.standing, -len(crowd.vms)


def _answered(crowd: Crowd, members: Sequence[Member]) -> Crowd:
    return evolve(crowd, answers=tuple(check_all([crowd.vms[0]], members)))


def _merged(crowds: Iterable[Crowd]) -> Iterator[Crowd]:
    """Crowds of one guest type of which the same is said on each host."""
    same: dict[object, list[Crowd]] = {}
    for crowd in crowds:
        contents = tuple((a.missing, a.only_by_max, a.problems, a.remedies) for a in crowd.answers)
        key = (crowd.standing, crowd.vms[0].guest, crowd.verdicts, contents)
        same.setdefault(key, []).append(crowd)
    for first, *others in same.values():
        yield evolve(first, vms=(*first.vms, *(vm for crowd in others for vm in crowd.vms)))


def _findings(crowds: Sequence[Crowd]) -> list[Finding]:
    answers: dict[tuple[str, str], Answer] = {}
    for place, crowd in enumerate(crowds):
        for answer in crowd.answers:
            if answer.grade.tone != "good":
                # What was compared and the notes are told elsewhere, and keep nothing apart here.
                vm = evolve(answer.vm, name=str(place))
                answers[vm.name, answer.host.name] = evolve(answer, vm=vm, compared="", notes=())
    groups = grouped(answers.values()).groups
    findings = [_finding(group, crowds, answers) for group in groups]
    return sorted(findings, key=lambda each: (-each.answer.grade.exit_code, -len(each.vms)))


def _finding(
    group: Group, crowds: Sequence[Crowd], answers: Mapping[tuple[str, str], Answer]
) -> Finding:
    return Finding(
        crowds=tuple(crowds[int(place)] for place in group.vms),
        hosts=group.hosts,
        answer=answers[group.vms[0], group.hosts[0]],
    )


__all__ = ["MOST_TOLD", "Assumed", "Crowd", "Finding", "Fleet", "Standing", "assumed", "fleet"]
