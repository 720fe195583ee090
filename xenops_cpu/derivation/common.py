"""What every guest set has in common, whatever its type and release.

xen/arch/x86/cpu-policy.c (4.13: cpuid.c). `s.fs` is the set being made.
"""

from __future__ import annotations

from .source import policies
from .state import State
from .step import Phase

COMMON = Phase("Every guest set: common")
FINISH = Phase("Every guest set: end")
LAST = Phase("Every guest set: leaf 0dh")


@COMMON.step(
    "guest.hypervisor",
    "all",
    when="always",
    effect="set HYPERVISOR",
    why="guests are told that they run on a hypervisor",
    source=policies("guest_common_feature_adjustments()"),
)
def _hypervisor(s: State) -> None:
    s.fs |= s.bit["HYPERVISOR"]


@COMMON.step(
    "guest.stibp",
    "all",
    when="IBRSB in the set",
    effect="set STIBP",
    why="it does nothing on a core with one thread, and pools are mixed more easily",
    source=policies("guest_common_feature_adjustments()"),
)
def _stibp(s: State) -> None:
    if s.fs & s.bit["IBRSB"]:
        s.fs |= s.bit["STIBP"]


@COMMON.step(
    "guest.amd-stibp",
    "4.14+ xs8 xs8.2 xsr",
    when="IBRS in the set",
    effect="set AMD_STIBP",
    why="it does nothing on a core with one thread, and pools are mixed more easily",
    source=policies("guest_common_feature_adjustments()"),
)
def _amd_stibp(s: State) -> None:
    if s.fs & s.bit["IBRS"]:
        s.fs |= s.bit["AMD_STIBP"]


@COMMON.step(
    "guest.ibpb",
    "all",
    when="IBRSB in the host set",
    effect="set IBPB",
    why="Intel's IBRSB includes IBPB, which can be offered without the rest",
    source=policies("guest_common_feature_adjustments()"),
)
def _ibpb(s: State) -> None:
    if s.has("IBRSB"):
        s.fs |= s.bit["IBPB"]


@FINISH.step(
    "guest.sanitise",
    "all",
    when="always",
    effect="keep known features; remove all that depends on an absent one",
    why="a feature is not offered without what it rests on",
    source=policies("sanitise_featureset()"),
)
def _sanitise(s: State) -> None:
    fs = s.fs & s.plan.masks["known"]
    missing = s.plan.deep & ~fs
    dependents = s.plan.dependents
    while missing:
        lowest = missing & -missing
        fs &= ~dependents[lowest]
        missing ^= lowest
    s.fs = fs


@LAST.step(
    "guest.da1",
    "all",
    when="XSAVE absent from the set",
    effect="the XSAVE word is 0",
    why="Xen builds leaf 0dh anew from the features in the set",
    source=policies("recalculate_xstate()"),
)
def _guest_da1(s: State) -> None:
    if not s.fs & s.bit["XSAVE"]:
        s.fs &= ~s.plan.word("Da1")
