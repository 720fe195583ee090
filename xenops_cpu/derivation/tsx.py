"""Transactional memory: which of its registers Xen writes, and what CPUID shows afterwards.

xen/arch/x86/tsx.c tsx_init() and the TAA decision of spec_ctrl.c. HLE and RTM are hidden by
TSX_CTRL.CPUID_CLEAR and TSX_FORCE_ABORT.TSX_CPUID_CLEAR, RTM_ALWAYS_ABORT by
TSX_FORCE_ABORT.ENABLE_RTM and MCU_OPT_CTRL.RTM_ALLOW.
"""

from __future__ import annotations

from .hardware import ARCH_CAPS_FB_CLEAR, ARCH_CAPS_MDS_NO, ARCH_CAPS_TAA_NO, ARCH_CAPS_TSX_CTRL
from .releases import span
from .state import State
from .step import Phase

# TSX_CTRL
_RTM_DISABLE = 1
_CPUID_CLEAR = 1 << 1
# TSX_FORCE_ABORT
_FORCE_ABORT_RTM = 1
_TSX_CPUID_CLEAR = 1 << 1
_ENABLE_RTM = 1 << 2
# MCU_OPT_CTRL
_RTM_ALLOW = 1 << 1
_RTM_LOCKED = 1 << 2
# CPUID 7:0 EDX
_7D0_RTM_ALWAYS_ABORT = 11

_4_14_ON = "4.14+ xs8 xs8.2 xsr"

TSX = Phase("TSX, first pass")


def show_registers(s: State) -> None:
    """Make CPUID show what the TSX registers say."""
    hidden = 0
    if s.tsx_ctrl & _CPUID_CLEAR or s.force_abort & _TSX_CPUID_CLEAR:
        hidden |= s.mask("HLE", "RTM")
    if s.force_abort & _ENABLE_RTM or s.mcu_opt & _RTM_ALLOW:
        # By its place: the CPU hides it from a Xen that has no name for it, too.
        hidden |= 1 << s.plan.words["7d0"] * 32 + _7D0_RTM_ALWAYS_ABORT
    s.hidden = hidden
    s.show_cpuid()


def start(s: State) -> None:
    """Take the registers as the machine has them before Xen's first write."""
    s.opt_tsx = s.options.tsx
    if s.opt_tsx >= 0:
        s.tsx_decision = f"tsx={s.opt_tsx} on the command line"
    s.force_abort = s.hardware.force_abort
    s.mcu_opt = s.hardware.mcu_opt
    show_registers(s)
    s.raa_shown = s.raa_seen = s.in_cpuid("RTM_ALWAYS_ABORT")


def _tsx_ctrl(s: State) -> bool:
    return bool(s.hardware.arch_caps & ARCH_CAPS_TSX_CTRL)


def _force_abort(s: State) -> bool:
    """TSX_FORCE_ABORT is there, and Xen has not decided to overlook it."""
    return s.in_cpuid("TSX_FORCE_ABORT") and not s.tsx_mismatch


def _mcu(s: State) -> bool:
    return _tsx_ctrl(s) and s.in_cpuid("SRBDS_CTRL")


@TSX.step(
    "tsx.mcu-rtm-allow",
    _4_14_ON,
    when="TSX_CTRL and SRBDS_CTRL are present and MCU_OPT_CTRL.RTM_ALLOW is set",
    effect="RTM_ALWAYS_ABORT counts as present",
    why="RTM_ALLOW keeps RTM_ALWAYS_ABORT out of CPUID (microcode of February 2022 and later)",
    source="tsx.c tsx_init()",
)
def _mcu_rtm_allow(s: State) -> None:
    if _mcu(s) and s.mcu_opt & _RTM_ALLOW:
        s.raa_seen = True


@TSX.step(
    "tsx.rtm-locked",
    _4_14_ON,
    when="TSX_CTRL, SRBDS_CTRL and RTM_ALWAYS_ABORT are present, MCU_OPT_CTRL.RTM_LOCKED is set",
    effect="as tsx=0",
    why="SGX holds TSX locked off, so Xen could not switch it on",
    source="tsx.c tsx_init()",
)
def _rtm_locked(s: State) -> None:
    if _mcu(s) and s.raa_seen and s.mcu_opt & _RTM_LOCKED:
        s.opt_tsx = 0
        s.tsx_decision = "SGX holds it locked off"


@TSX.step(
    "tsx.rtm-allow-set",
    _4_14_ON,
    when="TSX_CTRL, SRBDS_CTRL and RTM_ALWAYS_ABORT are present, RTM_LOCKED is clear",
    effect="write MCU_OPT_CTRL.RTM_ALLOW, so that CPUID stops showing RTM_ALWAYS_ABORT",
    why="Xen sets RTM_ALLOW, without which the CPU does not heed TSX_CTRL; RTM_ALWAYS_ABORT leaves "
    "CPUID then",
    source="tsx.c tsx_init()",
)
def _rtm_allow_set(s: State) -> None:
    if _mcu(s) and s.raa_seen and not s.mcu_opt & _RTM_LOCKED:
        s.mcu_opt |= _RTM_ALLOW
        show_registers(s)


@TSX.step(
    "tsx.mcu-default-off",
    _4_14_ON,
    when="TSX_CTRL, SRBDS_CTRL and RTM_ALWAYS_ABORT are present, neither tsx= nor spec-ctrl=no "
    "given",
    effect="as tsx=0",
    why="the microcode turns TSX off by default, and Xen keeps that choice",
    source="tsx.c tsx_init()",
)
def _mcu_default_off(s: State) -> None:
    if _mcu(s) and s.raa_seen and s.opt_tsx == -1:
        s.opt_tsx = 0
        s.tsx_decision = "the microcode has it off by default, and Xen keeps that"


@TSX.step(
    "tsx.raa-mismatch",
    "4.15+ xs8/4.17.6-2+ xs8.2/4.13.5-9.49+",
    when="TSX_FORCE_ABORT is present, its register reads 0, CPUID shows RTM_ALWAYS_ABORT",
    effect="CLEAR RTM_ALWAYS_ABORT and TSX_FORCE_ABORT, and leave the register alone",
    why="some microcode shows RTM_ALWAYS_ABORT although XBEGIN faults, and then there is no TSX at "
    "all",
    source="tsx.c tsx_init()",
)
def _raa_mismatch(s: State) -> None:
    # Xen means to ask for RTM's absence too, but has not read that word yet.
    if s.in_cpuid("TSX_FORCE_ABORT") and not s.force_abort and s.raa_shown:
        s.clear("RTM_ALWAYS_ABORT", "TSX_FORCE_ABORT")
        s.tsx_mismatch = True
        if s.opt_tsx < 0:
            s.opt_tsx = -2


@TSX.step(
    "tsx.enable-rtm",
    _4_14_ON,
    when="TSX_FORCE_ABORT is present and its ENABLE_RTM bit is set",
    effect="RTM_ALWAYS_ABORT counts as present",
    why="ENABLE_RTM keeps RTM_ALWAYS_ABORT out of CPUID (microcode of June 2021 and later)",
    source="tsx.c tsx_init()",
)
def _enable_rtm(s: State) -> None:
    if _force_abort(s) and s.force_abort & _ENABLE_RTM:
        s.raa_seen = True


@TSX.step(
    "tsx.force-abort-default",
    _4_14_ON,
    when="TSX_FORCE_ABORT is present and tsx= was not given (spec-ctrl=no does not count)",
    effect="as tsx=0 with RTM_ALWAYS_ABORT, as tsx=1 without",
    why="microcode with RTM_ALWAYS_ABORT lets no transaction succeed; without it TSX works and "
    "stays",
    source="tsx.c tsx_init()",
)
def _force_abort_default(s: State) -> None:
    if _force_abort(s) and s.opt_tsx < 0:
        s.opt_tsx = 0 if s.raa_seen else 1
        if s.raa_seen:
            s.tsx_decision = (
                "with RTM_ALWAYS_ABORT the microcode lets no transaction succeed; Xen keeps that"
            )


@TSX.step(
    "tsx.force-raa",
    _4_14_ON,
    when="RTM_ALWAYS_ABORT is present",
    effect="FORCE RTM_ALWAYS_ABORT",
    why="Xen keeps it in mind, whatever its own register writes make CPUID show",
    source="tsx.c tsx_init()",
)
def _force_raa(s: State) -> None:
    if s.raa_seen and not s.tsx_mismatch:
        s.force("RTM_ALWAYS_ABORT")


def _force_hle_rtm(s: State) -> None:
    present = _tsx_ctrl(s) or (s.plan.release.name != "4.13" and _force_abort(s))
    if present and not s.tsx_mismatch:
        s.force("HLE", "RTM")


TSX.step(
    "tsx.force-hle-rtm",
    "all",
    when="TSX_CTRL is present, or (not in 4.13) TSX_FORCE_ABORT",
    effect="FORCE HLE and RTM",
    why="HLE and RTM say to Xen that the CPU has TSX at all, even while CPUID hides them",
    source="tsx.c tsx_init()",
)(_force_hle_rtm)


def _write_tsx_ctrl(s: State) -> None:
    s.rtm_disabled = s.opt_tsx % 2 == 0
    s.detail = s.tsx_decision
    s.tsx_ctrl = _RTM_DISABLE | _CPUID_CLEAR if s.rtm_disabled else 0
    show_registers(s)


@TSX.step(
    "tsx.ctrl-write",
    "all",
    when="TSX_CTRL is present",
    effect="switch TSX off in TSX_CTRL if so decided: CPUID hides HLE and RTM",
    why="Xen writes TSX_CTRL, which rules whether transactions abort and CPUID hides HLE and RTM",
    source="tsx.c tsx_init()",
)
def _ctrl_write(s: State) -> None:
    if _tsx_ctrl(s):
        _write_tsx_ctrl(s)


@TSX.step(
    "tsx.force-abort-write",
    _4_14_ON,
    when="TSX_CTRL is absent and TSX_FORCE_ABORT present",
    effect="with RTM_ALWAYS_ABORT write TSX_CPUID_CLEAR or ENABLE_RTM, else FORCE_ABORT_RTM or "
    "nothing, as decided",
    why="Xen writes TSX_FORCE_ABORT, which rules what CPUID shows of HLE, RTM and RTM_ALWAYS_ABORT",
    source="tsx.c tsx_init()",
)
def _force_abort_write(s: State) -> None:
    if _tsx_ctrl(s) or not _force_abort(s):
        return
    s.rtm_disabled = s.opt_tsx % 2 == 0
    s.detail = s.tsx_decision
    raa = s.mask("RTM_ALWAYS_ABORT")
    if s.raa_shown or s.forced & ~s.cleared & raa:
        s.force_abort = _TSX_CPUID_CLEAR if s.rtm_disabled else _ENABLE_RTM
    else:
        s.force_abort = _FORCE_ABORT_RTM if s.rtm_disabled else 0
    if not s.hardware.inert:
        show_registers(s)


def decide_taa(s: State) -> None:
    """The step host.taa: TSX goes off where it would leak and nothing else helps."""
    release = s.plan.release.name
    if release in span("4.13 xsr"):
        caps = s.hardware.arch_caps if s.has("ARCH_CAPS") else 0
        tsx_ctrl, mds_no, taa_no, fb_clear = (
            bool(caps & bit)
            for bit in (
                ARCH_CAPS_TSX_CTRL,
                ARCH_CAPS_MDS_NO,
                ARCH_CAPS_TAA_NO,
                ARCH_CAPS_FB_CLEAR,
            )
        )
    else:
        tsx_ctrl, mds_no = s.has("TSX_CTRL"), s.has("MDS_NO")
        taa_no, fb_clear = s.has("TAA_NO"), s.has("FB_CLEAR")
    if s.opt_tsx != -1 or not tsx_ctrl or not mds_no or taa_no:
        return
    scrubbed = _verw_on_idle(s, release, fb_clear)
    if (s.smt and s.options.smt != 0) or not scrubbed:
        s.opt_tsx = 0
        s.tsx_decision = "Xen has switched it off against TAA"
        _write_tsx_ctrl(s)
        s.detail = ""


def _verw_on_idle(s: State, release: str, fb_clear: bool) -> bool:
    """Xen scrubs buffers with VERW when a thread goes idle (its SC_VERW_IDLE)."""
    options = s.options
    wished = options.verw_pv == 1 or options.verw_hvm == 1
    mmio = options.unpriv_mmio and fb_clear
    if release in span("4.13 4.14 xsr"):
        return wished or mmio
    if release in span("xs8 xs8.2"):
        return s.smt and (wished or mmio)
    return s.smt and mmio
