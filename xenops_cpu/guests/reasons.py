"""Why a domain's policy differs from the default one: its record of changes, asked about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from ..cpuid.identity import REGISTERS, LeafKey
from ..cpuid.words import word_key
from ..derivation.policies import LeafChange, MsrChange, PolicyChange
from ..features.featureset import WORD_BITS
from . import libxc, recalculation, topology
from .domain import Domain

_SETTING = {
    "set.given": "the policy that was set says so",
    "set.trim": "it lies beyond a limit of the policy that was set",
    "xend.given": "cpuid= says so",
    "xend.trim": "it lies beyond a limit that cpuid= set",
    "msr.given": "cpuid= says so",
    "msr.trim": "it lies beyond a limit of the policy",
}


class Reason(NamedTuple):
    """One step that changed what was asked about. `before`, `after`: the bits in question, as they
    stand in their register.
    """

    step: str
    text: str
    before: int
    after: int


@cache
def steps() -> Mapping[str, str]:
    """Why each step of a domain's policy is taken, by its id."""
    reasons = dict(_SETTING)
    for phase in (libxc.APPLY, topology.TOPOLOGY, *recalculation.PHASES):
        reasons.update({step.id: step.why for step in phase.steps})
    return reasons


def of_leaf(
    domain: Domain, key: LeafKey, register: int, mask: int = 0xFFFFFFFF
) -> tuple[Reason, ...]:
    """What changed some bits of a register of a leaf since the default policy, in order."""
    return tuple(
        _reason(change, change.before[register] & mask, change.after[register] & mask)
        for change in domain.changes
        if isinstance(change, LeafChange)
        and change.key == key
        and (change.before[register] ^ change.after[register]) & mask
    )


def of_msr(domain: Domain, index: int, mask: int = (1 << 64) - 1) -> tuple[Reason, ...]:
    """The same for a register."""
    return tuple(
        _reason(change, change.before & mask, change.after & mask)
        for change in domain.changes
        if isinstance(change, MsrChange)
        and change.index == index
        and (change.before ^ change.after) & mask
    )


def of_feature(domain: Domain, number: int) -> tuple[Reason, ...]:
    """What set or cleared a feature since the default policy, in order."""
    word = domain.hypervisor.release.words[number // WORD_BITS]
    bit = 1 << number % WORD_BITS
    if word.msr is not None:
        return of_msr(domain, word.msr, bit << (32 if word.half == "hi" else 0))
    if word.leaf is None or word.register is None:
        return ()
    return of_leaf(domain, word_key(word), REGISTERS.index(word.register), bit)


def _reason(change: PolicyChange, before: int, after: int) -> Reason:
    text = steps()[change.step]
    return Reason(
        change.step, f"{text} ({change.detail})" if change.detail else text, before, after
    )


def bases(domain: Domain, number: int) -> Iterator[int]:
    """The features that one depends on and that the domain lacks, nearest first."""
    xen = domain.hypervisor.release
    features = domain.table.features(xen)
    lacking = [
        base
        for base, dependents in xen.deep_deps.items()
        if number in dependents and not features >> base & 1
    ]
    yield from sorted(lacking, key=lambda base: len(xen.deep_deps[base]))
