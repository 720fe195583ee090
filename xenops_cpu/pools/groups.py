"""Answers that say the same, together: what holds for many pairs of VM and host is told once."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..interface import Verdict
from .lack import Lack
from .verdict import Answer

Texts = tuple[str, ...]
Places = tuple[int, ...]
Said = tuple[Verdict, str, Places, Places, Texts, Texts, Texts]


@frozen
class Group:
    """Each of `vms` on each of `hosts`, by name; the rest as in Answer, features by their place in
    the table of Grouped.
    """

    vms: tuple[str, ...]
    hosts: tuple[str, ...]
    verdict: Verdict
    compared: str
    missing: tuple[int, ...]
    only_by_max: tuple[int, ...]
    problems: tuple[str, ...]
    remedies: tuple[str, ...]
    notes: tuple[str, ...]


@frozen
class Grouped:
    """`features`: each once, in the order in which answers first name them."""

    groups: tuple[Group, ...]
    features: tuple[Lack, ...]


def grouped(answers: Iterable[Answer]) -> Grouped:
    """Every answer is in one group; the order is that of first appearance."""
    places: dict[Lack, int] = {}

    def place(lack: Lack) -> int:
        return places.setdefault(lack, len(places))

    # First by what is said, which hosts of a VM have it in common; then VMs with the same hosts.
    hosts: dict[tuple[Said, str], list[str]] = {}
    for answer in answers:
        contents = (
            answer.verdict,
            answer.compared,
            tuple(map(place, answer.missing)),
            tuple(map(place, answer.only_by_max)),
            answer.problems,
            answer.remedies,
            answer.notes,
        )
        hosts.setdefault((contents, answer.vm.name), []).append(answer.host.name)
    vms: dict[tuple[Said, tuple[str, ...]], list[str]] = {}
    for (contents, vm), names in hosts.items():
        vms.setdefault((contents, tuple(names)), []).append(vm)
    groups = tuple(Group(tuple(names), on, *contents) for (contents, on), names in vms.items())
    return Grouped(groups, tuple(places))
