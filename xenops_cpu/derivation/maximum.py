"""The maximum sets of PV and HVM guests: 4.14 on and XenServer 8. First, the host policy's end.

xen/arch/x86/cpu-policy.c (4.13: cpuid.c) calculate_pv_max_policy(),
calculate_hvm_max_policy(). `s.fs` is the set being made; it starts as the host set.
"""

from __future__ import annotations

from ..features.release import COMMON_1D
from .releases import span
from .source import policies
from .state import State
from .step import Phase

_4_14_ON = "4.14+ xs8"
_4_17_ON = "4.17+ xs8"

HOST_POLICY = Phase("Host policy")
MAX_START = Phase("PV max and HVM max: start")
PV_MAX = Phase("PV max")
MAX = Phase("PV max and HVM max: common")


def _copy_common_1d(s: State, fs: int) -> int:
    """Word e1d without the common bits; on AMD and Hygon with those of word 1d."""
    shift = s.plan.words["e1d"] * 32
    fs &= ~(COMMON_1D << shift)
    return fs | (fs & COMMON_1D) << shift if s.amd_like else fs


@HOST_POLICY.step(
    "host.common-1d",
    "4.13-4.21 xs8 xs8.2 xsr",
    when="always",
    effect="clear the bits of leaf 1 EDX in 80000001h EDX; on AMD and Hygon set them as in leaf 1",
    why="AMD repeats leaf 1 there, and a guest must see both agree",
    source=policies("recalculate_misc()"),
)
def _host_common_1d(s: State) -> None:
    s.host = _copy_common_1d(s, s.host)


@HOST_POLICY.step(
    "host.da1",
    "all",
    when="XSAVE absent",
    effect="the XSAVE word (leaf 0dh subleaf 1) is 0",
    why="Xen builds leaf 0dh anew from the features it has",
    source=policies("recalculate_xstate()"),
)
def _host_da1(s: State) -> None:
    if not s.has("XSAVE"):
        s.host &= ~s.plan.word("Da1")


@MAX_START.step(
    "guest.common-1d",
    "4.22+",
    when="always",
    effect="as host.common-1d, before the mask",
    why="it was moved here from the host policy",
    source=policies("recalculate_misc()"),
)
def _guest_common_1d(s: State) -> None:
    s.fs = _copy_common_1d(s, s.fs)


@PV_MAX.step(
    "pv-max.mask",
    _4_14_ON,
    when="always",
    effect="keep the features fit for PV guests",
    why="Xen's list of features does not offer it to PV guests",
    source=policies("calculate_pv_max_policy()"),
)
def _pv_max_mask(s: State) -> None:
    s.fs &= s.plan.masks["pv_max"]


@PV_MAX.step(
    "pv-max.x2apic",
    _4_17_ON,
    when="always",
    effect="set X2APIC",
    why="older Xen showed it to PV guests, and those VMs must be let in",
    source=policies("calculate_pv_max_policy()"),
)
def _pv_max_x2apic(s: State) -> None:
    s.fs |= s.bit["X2APIC"]


def spec_ctrl_detail(s: State) -> str:
    """Why Xen does not virtualise MSR_SPEC_CTRL for the guest type in hand."""
    enabled = s.options.msr_sc_pv if s.guest == "pv" else s.options.msr_sc_hvm
    if not enabled:
        return "spec-ctrl= says so"
    if s.guest == "hvm" and s.has("IBRS"):
        return "SVM cannot virtualise it on this CPU"
    if s.has("IBRS"):
        return "on AMD, SVM has to virtualise it, which is for HVM guests only"
    return "the host set has no IBRSB"


@PV_MAX.step(
    "pv-max.no-spec-ctrl",
    _4_14_ON,
    when="Xen does not virtualise MSR_SPEC_CTRL for PV guests",
    effect="clear IBRSB and IBRS",
    why="Xen does not virtualise MSR_SPEC_CTRL for PV guests here",
    source=policies("calculate_pv_max_policy()"),
)
def _pv_max_no_spec_ctrl(s: State) -> None:
    if not s.sc_msr_pv:
        s.detail = spec_ctrl_detail(s)
        s.fs &= ~s.mask("IBRSB", "IBRS")


@PV_MAX.step(
    "pv-max.srso-us-no",
    "4.17+ xs8/4.17.6-2+",
    when="SRSO_MSR_FIX absent from the host set, or spec-ctrl=no, no-xen or no-bp-spec-reduce",
    effect="clear SRSO_US_NO",
    why="a PV kernel runs in user mode, where the promise holds only with BP_SPEC_REDUCE",
    source=policies("calculate_pv_max_policy()"),
)
def _pv_max_srso_us_no(s: State) -> None:
    if not s.has("SRSO_MSR_FIX") or not s.options.bp_spec_reduce:
        s.detail = "spec-ctrl= says so" if s.has("SRSO_MSR_FIX") else "SRSO_MSR_FIX is not there"
        s.fs &= ~s.bit["SRSO_US_NO"]


@MAX.step(
    "max.arch-caps",
    _4_14_ON,
    when="Intel",
    effect="set ARCH_CAPS, RSBA, RRSBA",
    why="it is only data about CPUs: a VM that had it on another host of the pool may come in",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_arch_caps(s: State) -> None:
    if s.intel:
        s.fs |= s.mask("ARCH_CAPS", "RSBA", "RRSBA")


VERW_INTEL = ("MD_CLEAR", "FB_CLEAR", "RFDS_CLEAR")


@MAX.step(
    "max.verw-intel",
    "4.15+ xs8",
    when="Intel",
    effect="set MD_CLEAR, FB_CLEAR, RFDS_CLEAR",
    why="a VM from a host of the pool that scrubs with VERW shall be able to come in",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_verw_intel(s: State) -> None:
    if s.intel:
        s.fs |= s.mask(*VERW_INTEL)


@MAX.step(
    "max.clwb",
    _4_14_ON,
    when="Intel family 6 model 55h, CLWB in the raw set",
    effect="set CLWB",
    why="VMs that already use it may come in",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_clwb(s: State) -> None:
    if s.intel6 and s.model == 0x55 and s.raw & s.bit["CLWB"]:
        s.fs |= s.bit["CLWB"]


def any_vendor_for_rtm(s: State) -> bool:
    return s.intel or s.plan.release.name in span("4.14-4.16 xs8/4.17.3-4")


@MAX.step(
    "max.raa",
    "4.15+ xs8/4.17.6-2+",
    when="RTM in the set (from 4.17: and Intel)",
    effect="set RTM_ALWAYS_ABORT",
    why="it promises no more than that XBEGIN does not fault, which holds wherever RTM is",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_raa(s: State) -> None:
    if s.fs & s.bit["RTM"] and any_vendor_for_rtm(s):
        s.fs |= s.bit["RTM_ALWAYS_ABORT"]


@MAX.step(
    "max.verw-amd",
    "4.17+ xs8/4.17.5-15+",
    when="AMD",
    effect="set VERW_CLEAR",
    why="a VM from a host of the pool that scrubs with VERW shall be able to come in",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_verw_amd(s: State) -> None:
    if s.amd:
        s.fs |= s.bit["VERW_CLEAR"]


@MAX.step(
    "max.topology",
    _4_17_ON,
    when="always",
    effect="set HTT and CMP_LEGACY",
    why="the toolstack lays out a guest's topology, whatever the host's is",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_topology(s: State) -> None:
    s.fs |= s.mask("HTT", "CMP_LEGACY")


@MAX.step(
    "max.erms",
    "4.21+",
    when="always",
    effect="set ERMS",
    why="it is a hint about speed only",
    source=policies("guest_common_max_feature_adjustments()"),
)
def _max_erms(s: State) -> None:
    s.fs |= s.bit["ERMS"]
