"""The steps in the order Xen takes them, and the record of what each one changed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache

from attrs import frozen

from . import (
    boot,
    common,
    default,
    hvm,
    maximum,
    single,
    smt,
    speculation,
    tsx,
    vendor,
    virtualisation,
)
from .releases import span
from .state import Change, State
from .step import Phase, Step

# From 4.19 raw is read early, before Xen switches anything on; until then it is read last.
_RAW_READ_EARLY = "4.19+"

_RAW = (boot.RAW, boot.RAW_STATE)
_FIRST = (boot.COMMAND_LINE, tsx.TSX)
_BOOT = (boot.BOOT,)
_DECIDE = (speculation.SPECULATION, virtualisation.VIRTUALISATION)
_MAX_END = (maximum.MAX, common.COMMON, common.FINISH, common.LAST)
_PV_MAX = (maximum.MAX_START, maximum.PV_MAX, *_MAX_END)
_HVM_MAX = (maximum.MAX_START, hvm.HVM_MAX, *_MAX_END)
_DEFAULT = (
    default.DEFAULT_MASK, common.COMMON, default.DEFAULT, common.FINISH, default.AFTER, common.LAST,
)  # fmt: skip
_SINGLE = (
    single.ONE, common.COMMON, single.ONE_AFTER_COMMON, common.FINISH, single.ONE_AFTER,
    common.LAST,
)  # fmt: skip

PHASES: tuple[Phase, ...] = (
    *_FIRST, *_RAW, vendor.VENDOR, boot.APPLY, *_BOOT, *_DECIDE, maximum.HOST_POLICY,
    maximum.MAX_START, maximum.PV_MAX, hvm.HVM_MAX, maximum.MAX,
    default.DEFAULT_MASK, common.COMMON, default.DEFAULT, common.FINISH, default.AFTER, common.LAST,
    single.ONE, single.ONE_AFTER_COMMON, single.ONE_AFTER,
)  # fmt: skip


def all_steps() -> Iterator[Step]:
    """Every step once, in the order of the phases."""
    for phase in PHASES:
        yield from phase.steps


@lru_cache(maxsize=1)
def steps_by_id() -> dict[str, Step]:
    return {step.id: step for step in all_steps()}


@frozen
class Course:
    """The steps of one release, phase by phase."""

    first: tuple[Step, ...]
    raw: tuple[Step, ...]
    raw_is_early: bool
    vendor: tuple[Step, ...]
    apply: tuple[Step, ...]
    boot: tuple[Step, ...]
    decide: tuple[Step, ...]
    policy: tuple[Step, ...]
    pv_max: tuple[Step, ...]
    hvm_max: tuple[Step, ...]
    default: tuple[Step, ...]
    single: tuple[Step, ...]


@cache
def course(release: str) -> Course:
    def steps(*phases: Phase) -> tuple[Step, ...]:
        return tuple(step for phase in phases for step in phase.of(release))

    return Course(
        first=steps(*_FIRST),
        raw=steps(*_RAW),
        raw_is_early=release in span(_RAW_READ_EARLY),
        vendor=steps(vendor.VENDOR),
        apply=steps(boot.APPLY),
        boot=steps(*_BOOT),
        decide=steps(*_DECIDE),
        policy=steps(maximum.HOST_POLICY),
        pv_max=steps(*_PV_MAX),
        hvm_max=steps(*_HVM_MAX),
        default=steps(*_DEFAULT),
        single=steps(*_SINGLE),
    )


def run(state: State) -> dict[str, int | None]:
    """Take every step; the six sets, None for a maximum the release does not have.

    A change without a step's name is what registers hid before Xen's first step.
    """
    steps = course(state.plan.release.name)
    tsx.start(state)
    if state.cpuid != state.silicon:
        state.changes.append(_change(state, "cpuid", state.silicon, state.cpuid))
    _run_host(state, steps.first)
    if steps.raw_is_early:
        _run_host(state, steps.raw)
    _run_host(state, steps.vendor)
    smt.count_siblings(state)
    _run_host(state, steps.apply)
    state.booted = True
    _run_host(state, steps.boot)
    smt.judge_smt(state)
    _run_host(state, steps.decide)
    virtualisation.judge_hvm(state)
    if not steps.raw_is_early:
        _run_host(state, steps.raw)
    _run_host(state, steps.policy)
    sets: dict[str, int | None] = {"raw": state.raw, "host": state.host}
    has_max = state.plan.release.has_max
    for kind, max_steps in (("pv", steps.pv_max), ("hvm", steps.hvm_max)):
        state.guest = kind
        state.fs = state.host
        sets[f"{kind}_max"] = None
        if kind == "hvm" and not state.hvm:
            sets["hvm_max"] = 0 if has_max else None
            sets["hvm_default"] = 0
            continue
        if has_max:
            _run_guest(state, max_steps, f"{kind}_max")
            sets[f"{kind}_max"] = state.fs
        _run_guest(state, steps.default if has_max else steps.single, f"{kind}_default")
        sets[f"{kind}_default"] = state.fs
    return sets


def _run_host(state: State, steps: tuple[Step, ...]) -> None:
    changes = state.changes
    for step in steps:
        cpuid, raw, host_set = state.cpuid, state.raw, state.host
        state.step = step.id
        state.detail = ""
        step.run(state)
        if state.cpuid != cpuid:
            changes.append(_change(state, "cpuid", cpuid, state.cpuid))
        if state.raw != raw:
            changes.append(_change(state, "raw", raw, state.raw))
        if state.host != host_set:
            changes.append(_change(state, "host", host_set, state.host))


def _run_guest(state: State, steps: tuple[Step, ...], name: str) -> None:
    for step in steps:
        before = state.fs
        state.step = step.id
        state.detail = ""
        step.run(state)
        if state.fs != before:
            state.changes.append(_change(state, name, before, state.fs))


def _change(state: State, name: str, before: int, after: int) -> Change:
    return Change(state.step, name, after & ~before, before & ~after, None, state.detail)
