"""The guest sets of releases with one set a guest type: 4.13, XenServer 8.2 and its retrofit.

xen/arch/x86/cpu-policy.c (4.13 and the retrofit: cpuid.c) calculate_pv_max_policy() and
calculate_hvm_max_policy(); the hypervisor calls the sets pv and hvm, here they are the defaults.
"""

from __future__ import annotations

from .default import default_rsba
from .hvm import paging, vmx_mpx, vmx_xsaves
from .maximum import spec_ctrl_detail
from .releases import span
from .source import policies
from .state import State
from .step import Phase

_ALL = "4.13 xs8.2 xsr"
_SOURCE = policies("calculate_pv_max_policy(), calculate_hvm_max_policy()")
_HVM_SOURCE = policies("calculate_hvm_max_policy()")

ONE = Phase("One set per guest type")
ONE_AFTER_COMMON = Phase("One set per guest type: after the common steps")
ONE_AFTER = Phase("One set per guest type: end")


@ONE.step(
    "one.mask",
    _ALL,
    when="always",
    effect="keep the features fit for the guest type, for HVM with HAP or with shadow paging",
    why="Xen's list of features does not offer it to this type of guest",
    source=_SOURCE,
)
def _mask(s: State) -> None:
    if s.guest == "pv":
        s.fs &= s.plan.masks["pv_def"]
    else:
        s.detail = paging(s)
        s.fs &= s.plan.masks["hvm_hap_def" if s.hap else "hvm_shadow_def"]


@ONE.step(
    "one.hvm-apic",
    _ALL,
    when="HVM",
    effect="set APIC",
    why="Xen emulates it for HVM guests",
    source=_HVM_SOURCE,
)
def _apic(s: State) -> None:
    if s.guest == "hvm":
        s.fs |= s.bit["APIC"]


@ONE.step(
    "one.hvm-sep",
    _ALL,
    when="HVM on AMD or Hygon, SEP in the raw set",
    effect="set SEP",
    why="HVM guests can use SYSENTER outside of long mode",
    source=_HVM_SOURCE,
)
def _sep(s: State) -> None:
    if s.guest == "hvm" and s.amd_like and s.raw & s.bit["SEP"]:
        s.fs |= s.bit["SEP"]


@ONE.step(
    "one.no-spec-ctrl",
    _ALL,
    when="Xen does not virtualise MSR_SPEC_CTRL for the guest type",
    effect="clear IBRSB (XenServer: and IBRS)",
    why="Xen does not virtualise MSR_SPEC_CTRL for this type of guest here",
    source=_SOURCE,
)
def _no_spec_ctrl(s: State) -> None:
    if not (s.sc_msr_pv if s.guest == "pv" else s.sc_msr_hvm):
        s.detail = spec_ctrl_detail(s)
        s.fs &= ~s.bit["IBRSB"]
        if s.plan.release.name in span("xs8.2 xsr"):
            s.fs &= ~s.bit["IBRS"]


@ONE.step(
    "one.vmx-mpx",
    _ALL,
    when="HVM, VMX without the controls that switch BNDCFGS",
    effect="clear MPX",
    why="its state could not be switched between guests",
    source=_HVM_SOURCE,
)
def _vmx_mpx(s: State) -> None:
    if s.guest == "hvm":
        vmx_mpx(s)


@ONE.step(
    "one.vmx-xsaves",
    _ALL,
    when="HVM, VMX without the control for XSAVES",
    effect="clear XSAVES",
    why="the instruction would fault in the guest",
    source=_HVM_SOURCE,
)
def _vmx_xsaves(s: State) -> None:
    if s.guest == "hvm":
        vmx_xsaves(s)


@ONE_AFTER_COMMON.step(
    "one.rtm",
    "xs8.2 xsr",
    when="TSX is off",
    effect="clear RTM",
    why="TSX is off here, so a transaction would always abort",
    source=policies("guest_common_feature_adjustments()"),
)
def _rtm(s: State) -> None:
    if s.rtm_disabled:
        s.detail = s.tsx_decision
        s.fs &= ~s.bit["RTM"]


ONE_AFTER.step(
    "one.rsba",
    "xs8.2",
    when="ARCH_CAPS in the set, RSBA or RRSBA in the host set",
    effect="set RRSBA if EIBRS is in the set, else RSBA",
    why="an empty RSB makes returns use other predictors here; said in the form that fits what "
    "the guest sees",
    source=_SOURCE,
)(default_rsba)
