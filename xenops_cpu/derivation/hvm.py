"""The maximum set of HVM guests: what is theirs alone. 4.14 on and XenServer 8.

xen/arch/x86/cpu-policy.c (4.13: cpuid.c) calculate_hvm_max_policy(). `s.fs` is the set being
made; it starts as the host set.
"""

from __future__ import annotations

from .maximum import spec_ctrl_detail
from .source import policies
from .state import State
from .step import Phase

_4_14_ON = "4.14+ xs8"
_4_17_ON = "4.17+ xs8"

HVM_MAX = Phase("HVM max")


@HVM_MAX.step(
    "hvm-max.mask",
    _4_14_ON,
    when="always",
    effect="keep the features fit for HVM guests, with HAP or with shadow paging",
    why="Xen's list of features does not offer it to HVM guests",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_mask(s: State) -> None:
    s.detail = paging(s)
    s.fs &= s.plan.masks["hvm_hap_max" if s.hap else "hvm_shadow_max"]


def paging(s: State) -> str:
    """How HVM guests run, and why not with hardware-assisted paging."""
    return "with hardware-assisted paging" if s.hap else f"with shadow paging: {s.shadow_reason}"


@HVM_MAX.step(
    "hvm-max.apic",
    _4_14_ON,
    when="always",
    effect="set APIC and X2APIC",
    why="Xen emulates the local APIC for HVM guests, with its x2APIC mode",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_apic(s: State) -> None:
    s.fs |= s.mask("APIC", "X2APIC")


@HVM_MAX.step(
    "hvm-max.no-lmsl",
    "4.16+ xs8",
    when="always",
    effect="set NO_LMSL",
    why="Xen never offers EFER.LMSLE",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_no_lmsl(s: State) -> None:
    s.fs |= s.bit["NO_LMSL"]


@HVM_MAX.step(
    "hvm-max.sep",
    _4_14_ON,
    when="AMD or Hygon, SEP in the raw set",
    effect="set SEP",
    why="HVM guests can use SYSENTER outside of long mode",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_sep(s: State) -> None:
    if s.amd_like and s.raw & s.bit["SEP"]:
        s.fs |= s.bit["SEP"]


@HVM_MAX.step(
    "hvm-max.virt-ssbd",
    _4_17_ON,
    when="Xen emulates VIRT_SPEC_CTRL",
    effect="set VIRT_SSBD",
    why="Xen emulates VIRT_SPEC_CTRL for HVM guests here",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_virt_ssbd(s: State) -> None:
    if s.virt_ssbd:
        s.fs |= s.bit["VIRT_SSBD"]


@HVM_MAX.step(
    "hvm-max.no-spec-ctrl",
    _4_14_ON,
    when="Xen does not virtualise MSR_SPEC_CTRL for HVM guests",
    effect="clear IBRSB and IBRS",
    why="Xen does not virtualise MSR_SPEC_CTRL for HVM guests here",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_no_spec_ctrl(s: State) -> None:
    if not s.sc_msr_hvm:
        s.detail = spec_ctrl_detail(s)
        s.fs &= ~s.mask("IBRSB", "IBRS")


@HVM_MAX.step(
    "hvm-max.virt-ssbd-amd",
    _4_17_ON,
    when="Xen virtualises MSR_SPEC_CTRL for HVM guests, AMD_SSBD in the host set",
    effect="set VIRT_SSBD",
    why="it can be built on SPEC_CTRL.SSBD for VMs that come in; new ones get the register itself",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_virt_ssbd_amd(s: State) -> None:
    if s.sc_msr_hvm and s.has("AMD_SSBD"):
        s.fs |= s.bit["VIRT_SSBD"]


@HVM_MAX.step(
    "hvm-max.vmx-rdtscp",
    "4.18+",
    when="VMX without the control for RDTSCP",
    effect="clear RDTSCP",
    why="the instruction would fault in the guest",
    source=policies("calculate_hvm_max_policy()"),
)
def _vmx_rdtscp(s: State) -> None:
    if s.has("VMX") and not s.hardware.vmx().rdtscp:
        s.fs &= ~s.bit["RDTSCP"]


@HVM_MAX.step(
    "hvm-max.vmx-invpcid",
    "4.18+",
    when="VMX without the control for INVPCID",
    effect="clear INVPCID",
    why="the instruction would fault in the guest",
    source=policies("calculate_hvm_max_policy()"),
)
def _vmx_invpcid(s: State) -> None:
    if s.has("VMX") and not s.hardware.vmx().invpcid:
        s.fs &= ~s.bit["INVPCID"]


@HVM_MAX.step(
    "hvm-max.vmx-mpx",
    _4_14_ON,
    when="VMX without the controls that switch BNDCFGS",
    effect="clear MPX",
    why="its state could not be switched between guests",
    source=policies("calculate_hvm_max_policy()"),
)
def vmx_mpx(s: State) -> None:
    if s.has("VMX") and not s.hardware.vmx().mpx:
        s.fs &= ~s.bit["MPX"]


@HVM_MAX.step(
    "hvm-max.vmx-xsaves",
    _4_14_ON,
    when="VMX without the control for XSAVES",
    effect="clear XSAVES",
    why="the instruction would fault in the guest",
    source=policies("calculate_hvm_max_policy()"),
)
def vmx_xsaves(s: State) -> None:
    if s.has("VMX") and not s.hardware.vmx().xsaves:
        s.fs &= ~s.bit["XSAVES"]


@HVM_MAX.step(
    "hvm-max.pks",
    "4.18+ xs8",
    when="VMX not in the host set",
    effect="clear PKS",
    why="Xen's support was checked with VT-x only",
    source=policies("calculate_hvm_max_policy()"),
)
def _hvm_max_pks(s: State) -> None:
    if not s.has("VMX"):
        s.fs &= ~s.bit["PKS"]
