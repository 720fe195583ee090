"""The default sets of PV and HVM guests: 4.14 on and XenServer 8.

xen/arch/x86/cpu-policy.c (4.13: cpuid.c) calculate_pv_def_policy(),
calculate_hvm_def_policy(). `s.fs` is the set being made; it starts as the finished maximum.
"""

from __future__ import annotations

from .hvm import paging
from .maximum import VERW_INTEL, any_vendor_for_rtm
from .releases import span
from .source import policies
from .state import State
from .step import Phase

_4_14_ON = "4.14+ xs8"
_4_17_ON = "4.17+ xs8"

DEFAULT_MASK = Phase("PV default and HVM default: mask")
DEFAULT = Phase("PV default and HVM default")
AFTER = Phase("PV default and HVM default: end")


@DEFAULT_MASK.step(
    "default.mask",
    _4_14_ON,
    when="always",
    effect="keep what Xen offers by default",
    why="Xen's list of features has it off by default",
    source=policies("calculate_pv_def_policy(), calculate_hvm_def_policy()"),
)
def _default_mask(s: State) -> None:
    if s.guest == "pv":
        s.fs &= s.plan.masks["pv_def"]
    else:
        s.detail = paging(s)
        s.fs &= s.plan.masks["hvm_hap_def" if s.hap else "hvm_shadow_def"]


@DEFAULT.step(
    "default.rdrand-ivb",
    _4_14_ON,
    when="Intel family 6 model 3ah, RDRAND in the host set, without cpuid=rdrand",
    effect="clear RDRAND",
    why="it leaks between cores (SRBDS), and these clients get no microcode against it",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _rdrand_ivb(s: State) -> None:
    rdrand = s.bit["RDRAND"]
    if s.intel6 and s.model == 0x3A and s.host & rdrand and not s.forced & rdrand:
        s.fs &= ~rdrand


@DEFAULT.step(
    "default.verw-intel",
    "4.15+ xs8",
    when="Intel",
    effect="MD_CLEAR, FB_CLEAR, RFDS_CLEAR as in the host set (from 4.17 and XenServer "
    "4.17.6-2 on: only cleared)",
    why="a new VM is told what holds on this host",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_verw_intel(s: State) -> None:
    if s.intel:
        _as_host(s, *VERW_INTEL, sets="4.15 4.16 xs8/4.17.3-4")


def _as_host(s: State, *names: str, sets: str) -> None:
    """Clear what the host lacks; in the releases `sets`, set what it has."""
    for name in names:
        if not s.has(name):
            s.fs &= ~s.bit[name]
        elif s.plan.release.name in span(sets):
            s.fs |= s.bit[name]


@DEFAULT.step(
    "default.clwb",
    _4_14_ON,
    when="Intel family 6 model 55h, CLWB in the raw set",
    effect="clear CLWB",
    why="the microcode against GDS makes it slow",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_clwb(s: State) -> None:
    if s.intel6 and s.model == 0x55 and s.raw & s.bit["CLWB"]:
        s.fs &= ~s.bit["CLWB"]


@DEFAULT.step(
    "default.rtm",
    _4_14_ON,
    when="TSX is off (from 4.17: and Intel)",
    effect="clear RTM",
    why="TSX is off here, so a transaction would always abort",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_rtm(s: State) -> None:
    if s.rtm_disabled and any_vendor_for_rtm(s):
        s.detail = s.tsx_decision
        s.fs &= ~s.bit["RTM"]


@DEFAULT.step(
    "default.raa",
    "4.15+ xs8/4.17.6-2+",
    when="TSX is off (from 4.17: and Intel)",
    effect="set RTM_ALWAYS_ABORT",
    why="TSX is off here, and XBEGIN can still be executed: it aborts",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_raa(s: State) -> None:
    if s.rtm_disabled and any_vendor_for_rtm(s):
        s.fs |= s.bit["RTM_ALWAYS_ABORT"]


@DEFAULT.step(
    "default.verw-amd",
    "4.17+ xs8/4.17.5-15+",
    when="AMD, VERW_CLEAR absent from the host set",
    effect="clear VERW_CLEAR",
    why="a new VM is told what holds on this host",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_verw_amd(s: State) -> None:
    if s.amd:
        _as_host(s, "VERW_CLEAR", sets="")


@DEFAULT.step(
    "default.topology",
    _4_17_ON,
    when="HTT or CMP_LEGACY absent from the host set",
    effect="clear it (XenServer 8, 4.17.3-4: also set it when present)",
    why="a new VM starts from what the host has",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_topology(s: State) -> None:
    _as_host(s, "HTT", "CMP_LEGACY", sets="xs8/4.17.3-4")


@DEFAULT.step(
    "default.erms",
    "4.21+",
    when="ERMS absent from the host set",
    effect="clear ERMS",
    why="a new VM is told what holds on this host",
    source=policies("guest_common_default_feature_adjustments()"),
)
def _default_erms(s: State) -> None:
    _as_host(s, "ERMS", sets="")


@DEFAULT.step(
    "hvm-default.virt-ssbd",
    _4_17_ON,
    when="HVM, Xen emulates VIRT_SPEC_CTRL",
    effect="set VIRT_SSBD",
    why="it is the only way the guest has to disable speculative store bypass",
    source=policies("calculate_hvm_def_policy()"),
)
def _hvm_default_virt_ssbd(s: State) -> None:
    if s.guest == "hvm" and s.virt_ssbd:
        s.fs |= s.bit["VIRT_SSBD"]


@AFTER.step(
    "default.rsba",
    _4_14_ON,
    when="ARCH_CAPS in the set, RSBA or RRSBA in the host set",
    effect="set RRSBA if EIBRS is in the set, else RSBA",
    why="an empty RSB makes returns use other predictors here; said in the form that fits what "
    "the guest sees",
    source=policies("calculate_pv_def_policy(), calculate_hvm_def_policy()"),
)
def default_rsba(s: State) -> None:
    if s.fs & s.bit["ARCH_CAPS"] and (s.has("RSBA") or s.has("RRSBA")):
        s.fs |= s.bit["RRSBA"] if s.fs & s.bit["EIBRS"] else s.bit["RSBA"]
