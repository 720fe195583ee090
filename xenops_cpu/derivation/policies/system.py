"""The six whole policies of a host, out of a derivation, each made when it is asked for.

The order is Xen's: raw; host from raw; each maximum from host; each default from its maximum.
What is no feature is decided here, step by step; features are the derivation's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from ...cpuid.identity import LeafKey, Registers
from ...cpuid.policy import Policy
from ...cpuid.slots import slots
from ...cpuid.table import PolicyTable
from ...features.release import Release
from ..releases import span
from ..result import SETS, Derivation
from ..step import PhaseOf, StepOf
from . import guest, host
from .draft import Draft, LeafChange, MsrChange, PolicyChange, run
from .misc import MISC
from .system_draft import SystemDraft
from .xstate import XSTATE

# From 4.22 on host keeps hidden leaves, and the maxima lose them (f6894fdfa8, November 2025).
_MISC_IN_MAX = "4.22+"

_Phases = tuple[PhaseOf[SystemDraft] | PhaseOf[Draft], ...]
POLICY_PHASES: _Phases = (
    host.RAW, host.HOST, host.HOST_END, guest.MAX_START, guest.MAX, guest.MAX_END, guest.DEFAULT,
    MISC, XSTATE,
)  # fmt: skip


class LeafReason(NamedTuple):
    """What one step made of a leaf, or of a register where `leaf` is None, on the way to a policy.

    `policy`: in which of the six it did so. `text`: why.
    """

    policy: str
    step: str
    text: str
    before: Registers | int
    after: Registers | int


@cache
def policy_steps() -> Mapping[str, str]:
    """Why each step is taken, by its id."""
    return {step.id: step.why for phase in POLICY_PHASES for step in phase.steps}


@cache
def _course(release: str, name: str) -> tuple[StepOf[SystemDraft], ...]:
    """The steps to one policy, from the one it is a copy of."""
    misc_in_max = release in span(_MISC_IN_MAX)
    phases: _Phases
    if name == "raw":
        phases = (host.RAW,)
    elif name == "host":
        phases = (host.HOST, XSTATE, *(() if misc_in_max else (MISC,)), host.HOST_END)
    elif name.endswith("_max"):
        phases = (guest.MAX_START, *((MISC,) if misc_in_max else ()), guest.MAX, XSTATE,
                  guest.MAX_END)  # fmt: skip
    else:
        phases = (guest.DEFAULT, XSTATE)
    return tuple(step for phase in phases for step in phase.of(release))


class SystemPolicies(Mapping[str, Policy]):
    """The policies by the names in SETS, as Xen's sysctl get_cpu_policy hands them out.

    A release with one set a guest type (before 4.14, XenServer 8.2) answers it under both names.
    Without HVM guests both HVM policies are all zero.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self._tables: dict[str, PolicyTable] = {}
        self._changes: dict[str, tuple[PolicyChange, ...]] = {}
        self._policies: dict[str, Policy] = {}

    def __getitem__(self, name: str) -> Policy:
        """Raises KeyError for a name that is none of SETS."""
        if name not in self._policies:
            self._policies[name] = self.table(name).policy()
        return self._policies[name]

    def __iter__(self) -> Iterator[str]:
        return iter(SETS)

    def __len__(self) -> int:
        return len(SETS)

    @property
    def release(self) -> Release:
        return self.derivation.release

    def table(self, name: str) -> PolicyTable:
        """A policy with what no list of leaves shows. It is not to be changed."""
        if name not in self._tables:
            self._make(name)
        return self._tables[name]

    def changes(self, name: str) -> tuple[PolicyChange, ...]:
        """What each step changed on the way from the policy that this one is a copy of."""
        self.table(name)
        return self._changes[name]

    def lineage(self, name: str) -> tuple[str, ...]:
        """The policies that this one comes from, first to last, itself at the end."""
        if name not in SETS:
            raise KeyError(name)
        kind, _, kind_of_set = name.partition("_")
        if not kind_of_set:
            return ("raw",) if name == "raw" else ("raw", "host")
        if not self.release.has_max:
            return ("raw", "host", f"{kind}_default")
        return ("raw", "host", f"{kind}_max", *([name] if kind_of_set == "default" else []))

    def story(self, name: str, key: LeafKey | int) -> tuple[LeafReason, ...]:
        """Why a leaf (leaf, subleaf), or a register (its index), is as it is in a policy."""
        return tuple(
            LeafReason(policy, change.step, reason_text(change), change.before, change.after)
            for policy in self.lineage(name)
            for change in self.changes(policy)
            if (change.key if isinstance(change, LeafChange) else change.index) == key
        )

    def _make(self, name: str) -> None:
        *_, base, _ = ("", "", *self.lineage(name))
        own = self.lineage(name)[-1]
        if own != name:
            self._tables[name], self._changes[name] = self.table(own), self.changes(own)
            return
        derivation = self.derivation
        start = self.table(base).copy() if base else PolicyTable(slots(self.release))
        sets = derivation.featuresets
        words, host_words = (
            featureset.bits if featureset is not None else 0
            for featureset in (sets[name], sets["host"])
        )
        draft = SystemDraft(
            release=self.release,
            table=start,
            raw=self.table("raw") if base else start,
            name=name,
            words=words,
            host_words=host_words,
            cpu=derivation.cpu,
            options=derivation.options,
            hvm=derivation.hvm,
            host=self.table("host") if "_" in name else start,
        )
        if draft.guest == "hvm" and not derivation.hvm:
            draft.table = PolicyTable(slots(self.release))
        else:
            run(self._steps(name), draft)
        self._tables[name] = draft.table
        self._changes[name] = tuple(draft.changes)

    def _steps(self, name: str) -> tuple[StepOf[SystemDraft], ...]:
        course = _course(self.release.name, name)
        if name.endswith("_default") and not self.release.has_max:
            course = _course(self.release.name, name.replace("_default", "_max"))
        return course


def system_policies(derivation: Derivation) -> SystemPolicies:
    """The six policies of a derived host; nothing is computed before it is asked for."""
    return SystemPolicies(derivation)


def reason_text(change: LeafChange | MsrChange) -> str:
    why = policy_steps()[change.step]
    return f"{why} ({change.detail})" if change.detail else why


__all__ = ["POLICY_PHASES", "LeafReason", "SystemPolicies", "policy_steps", "system_policies"]
