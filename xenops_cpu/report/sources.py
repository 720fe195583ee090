"""What the page rests on: the files, sockets and simulations that hosts and VMs were read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from ..pools.member import Member
from ..pools.vm import Vm
from ..pools.words import notes

TYPED = "typed on the command line"
_MOST = 100
_MOST_NOTES = 100


@frozen
class Source:
    """`number`: as the page refers to it. `moment`: as of when its hosts are told, "" where that is
    not known. `hosts`, `vms`: of whom it tells, by name.
    """

    number: int
    text: str
    moment: str
    hosts: tuple[str, ...]
    vms: tuple[str, ...]


@frozen
class Sources:
    """In the order in which hosts and then VMs name them. `left_out`: how many are not listed;
    `notes`: what was assumed and what else to know, `notes_left_out` likewise.
    """

    sources: tuple[Source, ...]
    left_out: int
    notes: tuple[str, ...]
    notes_left_out: int

    def numbers(self, texts: Iterable[str]) -> tuple[int, ...]:
        """By which numbers the page refers to these; those that it does not list have none."""
        citations = set(texts)
        return tuple(source.number for source in self.sources if source.text in citations)


def of_member(member: Member) -> str:
    return member.host.origin if member.host is not None else TYPED


def of_vm(vm: Vm) -> str:
    return vm.source or TYPED


def sources(members: Sequence[Member], vms: Sequence[Vm]) -> Sources:
    hosts: dict[str, list[str]] = {}
    moments: dict[str, str] = {}
    machines: dict[str, list[str]] = {}
    for member in members:
        hosts.setdefault(of_member(member), []).append(member.name)
        if member.host is not None:
            moments.setdefault(of_member(member), str(member.host.moment))
    for vm in vms:
        machines.setdefault(of_vm(vm), []).append(vm.name)
    texts = list(dict.fromkeys((*hosts, *machines)))
    sentences = list(notes((*members, *vms), 5))
    return Sources(
        sources=tuple(
            Source(
                number=number,
                text=text,
                moment=moments.get(text, ""),
                hosts=tuple(hosts.get(text, ())),
                vms=tuple(machines.get(text, ())),
            )
            for number, text in enumerate(texts[:_MOST], 1)
        ),
        left_out=max(0, len(texts) - _MOST),
        notes=tuple(sentences[:_MOST_NOTES]),
        notes_left_out=max(0, len(sentences) - _MOST_NOTES),
    )
