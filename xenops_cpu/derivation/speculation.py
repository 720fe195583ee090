"""The host set: what Xen decides about speculative execution.

xen/arch/x86/spec_ctrl.c init_speculation_mitigations(), in its order. From here on force and clear
act on the host set at once, and "in a VM" means the HYPERVISOR bit in it.
"""

from __future__ import annotations

from .releases import span
from .state import State
from .step import Phase
from .tables import (
    intel_models,
    intel_thresholds,
    needed_microcode,
    verw_clear_from,
)
from .tsx import decide_taa

_4_14_ON = "4.14+ xs8 xs8.2"
_GDS_MIT_DIS = 1 << 4
_GDS_MIT_LOCK = 1 << 5

SPECULATION = Phase("Host: speculation")


@SPECULATION.step(
    "host.rrsba",
    _4_14_ON,
    when="Intel family 6, EIBRS present, RRSBA absent",
    effect="FORCE RRSBA",
    why="an empty RSB makes returns use other predictors, which microcode before August 2023 "
    "does not say",
    source="spec_ctrl.c retpoline_calculations()",
)
def _rrsba(s: State) -> None:
    if s.intel6 and s.has("EIBRS") and not s.has("RRSBA"):
        s.force("RRSBA")


@SPECULATION.step(
    "host.rsba",
    _4_14_ON,
    when="Intel family 6 without EIBRS, RSBA and ARCH_CAPS; model, stepping and microcode not "
    "known to be safe with retpoline",
    effect="FORCE RSBA",
    why="guests are to know that an empty RSB makes returns use other predictors",
    source="spec_ctrl.c retpoline_calculations()",
)
def _rsba(s: State) -> None:
    if not s.intel6 or s.has("EIBRS") or s.has("RSBA") or s.has("ARCH_CAPS"):
        return
    safe = s.model in intel_models("retpoline_safe") or (
        s.plan.release.name in span("4.13-4.19 xs8 xs8.2")
        and s.model in intel_models("retpoline_safe_until_4.19")
    )
    revision = needed_microcode(
        intel_thresholds("retpoline_safe_from_microcode"), s.model, s.cpu.stepping
    )
    if safe or (revision is not None and s.hardware.microcode >= revision):
        return
    s.detail = (
        f"model {s.model:x}h is not listed as safe with retpoline"
        if revision is None
        else f"microcode {s.hardware.microcode:#x} is older than {revision:#x}"
    )
    s.force("RSBA")


@SPECULATION.step(
    "sc.msr-pv",
    "all",
    when="IBRSB in the host set, and not spec-ctrl=no, no-pv or no-msr-sc",
    effect="Xen virtualises MSR_SPEC_CTRL for PV guests",
    why="they can be given IBRSB then",
    source="spec_ctrl.c init_speculation_mitigations()",
)
def _msr_pv(s: State) -> None:
    s.sc_msr_pv = s.has("IBRSB") and s.options.msr_sc_pv


@SPECULATION.step(
    "sc.msr-hvm-intel",
    "all",
    when="IBRSB in the host set, and not spec-ctrl=no, no-hvm or no-msr-sc",
    effect="Xen virtualises MSR_SPEC_CTRL for HVM guests",
    why="they can be given IBRSB then",
    source="spec_ctrl.c init_speculation_mitigations()",
)
def _msr_hvm_intel(s: State) -> None:
    if s.has("IBRSB") and s.options.msr_sc_hvm:
        s.sc_msr_hvm = True


@SPECULATION.step(
    "sc.msr-hvm-amd",
    "all",
    when="IBRS in the host set, 8000000ah EDX[20] set, and not spec-ctrl=no, no-hvm or no-msr-sc",
    effect="Xen lets SVM virtualise MSR_SPEC_CTRL for HVM guests",
    why="on AMD it takes hardware that switches the register between Xen and the guest",
    source="spec_ctrl.c init_speculation_mitigations()",
)
def _msr_hvm_amd(s: State) -> None:
    virtualised = s.cpu.max_extended >= 0x8000000A and s.cpu.leaf(0x8000000A)[3] >> 20 & 1
    if s.has("IBRS") and s.options.msr_sc_hvm and virtualised:
        s.sc_msr_hvm = True


@SPECULATION.step(
    "sc.virt-ssbd",
    "4.17+ xs8",
    when="AMD_SSBD absent, VIRT_SSBD present or LS_CFG (MSR c0011020) usable, and not "
    "spec-ctrl=no, no-hvm or no-msr-sc",
    effect="Xen emulates VIRT_SPEC_CTRL",
    why="HVM guests get a way to disable speculative store bypass on CPUs without the new register",
    source="spec_ctrl.c init_speculation_mitigations(); cpu/amd.c amd_setup_legacy_ssbd()",
)
def _virt_ssbd(s: State) -> None:
    if not s.options.msr_sc_hvm or s.has("AMD_SSBD"):
        return
    s.virt_ssbd = s.has("VIRT_SSBD") or (s.hardware.legacy_ssbd and _legacy_ssbd_fits(s))


def _legacy_ssbd_fits(s: State) -> bool:
    """On Zen the threads of a core share the bit: Xen keeps a count a core, found by APIC ID."""
    if s.family in (0x17, 0x18) and s.siblings > 1 and not s.options.ssbd:
        return 1 << (s.cpu.leaf(0x80000008)[2] >> 12 & 0xF) >= s.siblings
    return True


@SPECULATION.step(
    "host.sbpb",
    _4_14_ON,
    when="AMD or Hygon family 19h, not in a VM, writing PRED_CMD.SBPB does not fault",
    effect="FORCE IBPB_BRTYPE and SBPB",
    why="Xen finds the microcode of Zen 3 and 4 against SRSO by trying",
    source="spec_ctrl.c srso_calculations()",
)
def _sbpb(s: State) -> None:
    if s.amd_like and s.family == 0x19 and not s.virtualised and s.hardware.sbpb_works:
        s.force("IBPB_BRTYPE", "SBPB")


@SPECULATION.step(
    "host.ibpb-brtype",
    _4_14_ON,
    when="AMD or Hygon below family 19h, not in a VM, IBPB present",
    effect="FORCE IBPB_BRTYPE",
    why="on Zen 1 and 2 IBPB flushes branch types as well; of older CPUs it is not known, but "
    "likely",
    source="spec_ctrl.c srso_calculations()",
)
def _ibpb_brtype(s: State) -> None:
    if s.amd_like and s.family < 0x19 and not s.virtualised and s.has("IBPB"):
        s.force("IBPB_BRTYPE")


@SPECULATION.step(
    "host.srso-no",
    _4_14_ON,
    when="AMD or Hygon family 17h or 18h, not in a VM, SMT off in hardware (smt=0 does not count)",
    effect="FORCE SRSO_NO",
    why="Zen 1 and 2 are open to SRSO with a second thread only",
    source="spec_ctrl.c srso_calculations()",
)
def _srso_no(s: State) -> None:
    if s.amd_like and s.family in (0x17, 0x18) and not s.virtualised and not s.smt:
        s.detail = "SMT is off in hardware here"
        s.force("SRSO_NO")


@SPECULATION.step(
    "host.rfds-no",
    "4.15+ xs8 xs8.2",
    when="Intel family 6, not in a VM, RFDS_NO and RFDS_CLEAR absent, not a model with Atom cores "
    "from Goldmont to Gracemont",
    effect="FORCE RFDS_NO",
    why="only Atom cores from Goldmont to Gracemont leak register files; without newer microcode "
    "other CPUs cannot say that they do not",
    source="spec_ctrl.c rfds_calculations()",
)
def _rfds_no(s: State) -> None:
    if not s.intel6 or s.has("RFDS_NO") or s.has("RFDS_CLEAR") or s.virtualised:
        return
    hybrid = s.model in intel_models("rfds_if_hybrid") and s.has("HYBRID")
    if s.model not in intel_models("rfds") and not hybrid:
        s.force("RFDS_NO")


def _tsa_unsaid(s: State) -> bool:
    return s.amd and not s.virtualised and not s.has("TSA_SQ_NO") and not s.has("TSA_L1_NO")


@SPECULATION.step(
    "host.tsa-no",
    "4.17+ xs8/4.17.5-15+",
    when="AMD, not in a VM, TSA_SQ_NO and TSA_L1_NO absent, family not 19h",
    effect="FORCE TSA_SQ_NO and TSA_L1_NO",
    why="only Zen 3 and 4 are open to TSA",
    source="spec_ctrl.c tsa_calculations()",
)
def _tsa_no(s: State) -> None:
    if _tsa_unsaid(s) and s.family != 0x19:
        s.detail = f"this is family {s.family:x}h"
        s.force("TSA_SQ_NO", "TSA_L1_NO")


@SPECULATION.step(
    "host.verw-clear",
    "4.17+ xs8/4.17.5-15+",
    when="AMD family 19h, not in a VM, TSA_SQ_NO and TSA_L1_NO absent, microcode new enough",
    effect="FORCE VERW_CLEAR",
    why="CPUID does not say that VERW scrubs with this microcode",
    source="spec_ctrl.c tsa_calculations()",
)
def _verw_clear(s: State) -> None:
    if _tsa_unsaid(s) and s.family == 0x19:
        revision = verw_clear_from(s.hardware.microcode)
        if revision is not None and s.hardware.microcode >= revision:
            s.detail = f"microcode {s.hardware.microcode:#x} is not older than {revision:#x}"
            s.force("VERW_CLEAR")


SPECULATION.step(
    "host.taa",
    "all",
    when="TSX_CTRL and MDS_NO present, TAA_NO absent, neither tsx= nor spec-ctrl=no given; not if "
    "SMT is off and VERW scrubs on idle",
    effect="as tsx=0: switch TSX off in TSX_CTRL; CPUID hides HLE and RTM, the host set keeps them",
    why="Xen switches TSX off in TSX_CTRL, for its asynchronous aborts leak here (TAA); CPUID "
    "hides HLE and RTM then",
    source="spec_ctrl.c init_speculation_mitigations()",
)(decide_taa)


def _gds(s: State) -> tuple[bool, bool]:
    """(vulnerable, mitigated by microcode)."""
    if s.has("GDS_NO"):
        vulnerable = False
    elif s.has("GDS_CTRL"):
        vulnerable = True
    elif not s.has("AVX"):
        vulnerable = False
    else:
        vulnerable = s.model in intel_models("gds") or s.virtualised
    if not s.has("GDS_CTRL"):
        return vulnerable, False
    if s.hardware.mcu_opt & _GDS_MIT_LOCK:
        return vulnerable, not s.hardware.mcu_opt & _GDS_MIT_DIS
    return vulnerable, s.options.gds_mit != 0


def _gds_contradiction(s: State) -> bool:
    return s.has("GDS_CTRL") and s.has("GDS_NO")


@SPECULATION.step(
    "host.gds-no",
    _4_14_ON,
    when="Intel family 6, not vulnerable to GDS or mitigated by microcode (GDS_CTRL); nothing "
    "where CPUID claims GDS_CTRL and GDS_NO both",
    effect="FORCE GDS_NO",
    why="guests need not care about GDS",
    source="spec_ctrl.c gds_calculations()",
)
def _gds_no(s: State) -> None:
    if not s.intel6 or _gds_contradiction(s):
        return
    vulnerable, mitigated = _gds(s)
    if not vulnerable or mitigated:
        if vulnerable:
            s.detail = "the microcode mitigates it"
        elif s.has("GDS_NO"):
            s.detail = "CPUID says so"
        elif not s.has("AVX"):
            s.detail = "without AVX the gathers that leak cannot be executed"
        else:
            s.detail = f"model {s.model:x}h is not vulnerable"
        s.force("GDS_NO")


@SPECULATION.step(
    "host.gds-avx",
    _4_14_ON,
    when="Intel family 6, vulnerable to GDS, no microcode that helps, AVX present, and not "
    "spec-ctrl=no or no-gds-mit",
    effect="CLEAR AVX",
    why="no microcode protects from GDS here; without AVX's state (%xcr0.ymm) guests cannot "
    "execute AVX2's gathers, which leak",
    source="spec_ctrl.c gds_calculations()",
)
def _gds_avx(s: State) -> None:
    if not s.intel6 or _gds_contradiction(s):
        return
    vulnerable, mitigated = _gds(s)
    # A mitigation that is locked off takes the wish for one with it.
    mitigates = s.options.gds_mit != 0 and not s.has("GDS_CTRL")
    if vulnerable and not mitigated and s.has("AVX") and mitigates:
        s.detail = (
            f"model {s.model:x}h is vulnerable"
            if s.model in intel_models("gds")
            else "in a VM every model counts as vulnerable"
        )
        s.clear("AVX")


@SPECULATION.step(
    "host.its-no",
    "4.17+ xs8/4.17.5-13+ xs8.2/4.13.5-9.49+",
    when="Intel, not in a VM, ITS_NO absent; not a listed family 6 model with EIBRS and without "
    "BHI_CTRL",
    effect="FORCE ITS_NO",
    why="Xen takes this CPU not to be open to ITS, which hardware never says but hypervisors do",
    source="spec_ctrl.c its_calculations()",
)
def _its_no(s: State) -> None:
    if s.intel and not s.virtualised and not s.has("ITS_NO"):
        s.detail = _not_open_to_its(s)
        if s.detail:
            s.force("ITS_NO")


def _not_open_to_its(s: State) -> str:
    """Why, "" where it is."""
    if s.family != 6:
        return f"this is family {s.family:x}h"
    if not s.has("EIBRS"):
        return "no CPU without EIBRS is"
    if s.has("BHI_CTRL"):
        return "no CPU with BHI_CTRL is"
    return "" if s.model in intel_models("its") else f"model {s.model:x}h is not listed"
