"""A policy while it is made: its table, and the record of what each step changed in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from attrs import define, field

from ...cpuid.identity import LeafKey, Registers
from ...cpuid.table import PolicyTable
from ...features.release import Release
from ..step import StepOf


class LeafChange(NamedTuple):
    """One step, one leaf. `detail`: what decided, where the step's own reason is not enough."""

    step: str
    key: LeafKey
    before: Registers
    after: Registers
    detail: str = ""


class MsrChange(NamedTuple):
    """One step, one register."""

    step: str
    index: int  # type: ignore[assignment] # instead of tuple's method
    before: int
    after: int
    detail: str = ""


PolicyChange = LeafChange | MsrChange


@define(eq=False)
class Draft:
    """`raw`: the CPU's own policy, in which sizes and offsets of saved state are looked up."""

    release: Release
    table: PolicyTable
    raw: PolicyTable
    detail: str = ""
    changes: list[PolicyChange] = field(factory=list)

    def has(self, name: str) -> bool:
        """The policy has the feature; False for one that the release has no name for."""
        feature = self.release.features.get(name)
        return feature is not None and bool(self.features >> feature.number & 1)

    @property
    def features(self) -> int:
        return self.table.features(self.release)


Work = TypeVar("Work", bound=Draft)


def run(steps: Iterable[StepOf[Work]], draft: Work) -> None:
    """Take each step on a draft."""
    for step in steps:
        draft.detail = ""
        leaves, msrs = dict(draft.table.leaves), dict(draft.table.msrs)
        step.run(draft)
        if draft.table.leaves != leaves or draft.table.msrs != msrs:
            draft.changes.extend(changes(step.id, leaves, msrs, draft))


def changes(
    step: str, leaves: dict[LeafKey, Registers], msrs: dict[int, int], draft: Draft
) -> Iterable[PolicyChange]:
    """What differs now from an earlier state of the table."""
    nothing: Registers = (0, 0, 0, 0)
    for key in sorted(leaves.keys() | draft.table.leaves.keys()):
        before, after = leaves.get(key, nothing), draft.table.leaf(*key)
        if before != after:
            yield LeafChange(step, key, before, after, draft.detail)
    for index in sorted(msrs.keys() | draft.table.msrs.keys()):
        old, new = msrs.get(index, 0), draft.table.msrs.get(index, 0)
        if old != new:
            yield MsrChange(step, index, old, new, draft.detail)
