"""What Xen finds on a CPU beyond CPUID: registers, and what it learns by trying.

A dump seldom has all of it. What is missing is assumed, by the rules below, and every assumption
that can matter is a note. Register and control bits: Xen's asm/msr-index.h and
arch/x86/hvm/vmx/vmcs.c vmx_init_vmcs_config(), hvm/svm/svm.c start_svm(), 4.13 to 4.22.
"""

from __future__ import annotations

from typing import NamedTuple

from attrs import define, field, frozen

from ..cpuid.cpu import Cpu
from ..cpuid.identity import AMD, HYGON
from .tables import legacy_ssbd_bit

MSR_SMT = 0x35
MSR_ARCH_CAPS = 0x10A
MSR_TSX_FORCE_ABORT = 0x10F
MSR_MCU_OPT_CTRL = 0x123
MSR_MISC_ENABLE = 0x1A0
MSR_DE_CFG = 0xC0011029
MSR_LS_CFG = 0xC0011020
MSR_EXT_FEATURES = 0xC0011005
MSR_VMX_PROC = 0x482
MSR_VMX_EXIT = 0x483
MSR_VMX_ENTRY = 0x484
MSR_VMX_PROC2 = 0x48B
MSR_VMX_EPT_VPID = 0x48C

UNKNOWN_MICROCODE = 0xFFFFFFFF

# How the notes begin of what bears on some features alone (explain/bearing.py).
VMX_ASSUMED = "the VMX control registers are not known: assumed after CPUID"
SBPB_ASSUMED = "not known whether PRED_CMD.SBPB can be written: assumed"

# ARCH_CAPS bits that Xen tests in the register itself where it has no words for them.
ARCH_CAPS_MDS_NO = 1 << 5
ARCH_CAPS_TSX_CTRL = 1 << 7
ARCH_CAPS_TAA_NO = 1 << 8
ARCH_CAPS_FB_CLEAR = 1 << 17

_7D0_RTM_ALWAYS_ABORT = 1 << 11
_7D0_ARCH_CAPS = 1 << 29
_7B0_RTM = 1 << 11
_7B0_INVPCID = 1 << 10
_7B0_MPX = 1 << 14
_1C_POPCNT = 1 << 23
_E1D_RDTSCP = 1 << 27
_DA1_XSAVES = 1 << 3
_E8B_SSBD_BITS = 1 << 24 | 1 << 25 | 1 << 26  # AMD_SSBD, VIRT_SSBD, SSB_NO
_E21A_SBPB = 1 << 27
_DE_CFG_LFENCE = 1 << 1


@frozen
class Machine:
    """What is known, by measurement or wish, about the machine around the CPUID leaves.

    None: not known, so Hardware assumes. `hvm` False: VMX or SVM cannot be switched on (firmware).
    `ept`: Intel's nested paging works. `smt`: some present CPU is the second thread of a core.
    `sbpb`: writing PRED_CMD.SBPB does not fault. `null_seg_clears_base`: loading a NULL selector
    clears the segment base. `registers`: "real"; "inert" where unknown ones read 0 and drop writes
    (QEMU's TCG). `hide_unusable`: VMX and SVM that cannot be used leave the host set in every
    release, as in the program that made the golden files.
    """

    hvm: bool = True
    ept: bool | None = None
    smt: bool | None = None
    sbpb: bool | None = None
    null_seg_clears_base: bool | None = None
    registers: str = "real"
    hide_unusable: bool = False


class Vmx(NamedTuple):
    """The VMX controls Xen asks for, usable or not. `measured`: from registers, not guessed."""

    measured: bool
    ept: bool
    rdtscp: bool
    invpcid: bool
    xsaves: bool
    mpx: bool


@define(eq=False)
class Hardware:
    """One CPU in one machine, as Xen finds it. `notes` tell what was assumed."""

    cpu: Cpu
    machine: Machine
    microcode: int
    arch_caps: int
    force_abort: int
    mcu_opt: int
    notes: list[str] = field(factory=list)

    @property
    def inert(self) -> bool:
        return self.machine.registers == "inert"

    @property
    def fast_strings(self) -> bool:
        """MSR MISC_ENABLE bit 0, taken as set where it is not known."""
        return bool(self.cpu.msrs.get(MSR_MISC_ENABLE, 1) & 1)

    def _amd_register_exists(self, index: int, *, lacking_below_10h: bool = False) -> bool:
        if index in self.cpu.msrs or self.inert:
            return True
        if self.cpu.vendor not in (AMD, HYGON) or self.cpu.hypervisor:
            return False
        return not lacking_below_10h or self.cpu.family >= 0x10

    def lfence_dispatches(self, *, may_write: bool) -> bool:
        """DE_CFG says that LFENCE is dispatch-serialising, or can be made to."""
        index = MSR_DE_CFG
        if not self._amd_register_exists(index, lacking_below_10h=True):
            return False
        if self.cpu.msrs.get(index, 0) & _DE_CFG_LFENCE:
            return True
        return may_write and not self.inert and not self.cpu.hypervisor

    @property
    def topoext_writable(self) -> bool:
        """The register that overrides CPUID 80000001h ECX can be read."""
        return self.cpu.family != 0x11 and self._amd_register_exists(MSR_EXT_FEATURES)

    @property
    def legacy_ssbd(self) -> bool:
        """LS_CFG can disable speculative store bypass, and CPUID offers nothing better."""
        if self.cpu.max_extended >= 0x80000008 and self.cpu.leaf(0x80000008)[1] & _E8B_SSBD_BITS:
            return False
        families = {AMD: (0x15, 0x16, 0x17), HYGON: (0x18,)}.get(self.cpu.vendor, ())
        return (
            self.cpu.family in families
            and legacy_ssbd_bit(self.cpu.family) is not None
            and self._amd_register_exists(MSR_LS_CFG)
        )

    @property
    def sbpb_works(self) -> bool:
        if self.machine.sbpb is not None:
            return self.machine.sbpb
        known = self.cpu.max_extended >= 0x80000021 and self.cpu.leaf(0x80000021)[0] & _E21A_SBPB
        works = bool(known) or self.inert or self.microcode == UNKNOWN_MICROCODE
        if not known and not self.inert:
            self.notes.append(f"{SBPB_ASSUMED} {'yes' if works else 'no'}")
        return works

    @property
    def null_seg_clears_base(self) -> bool:
        """Zen 2 does; Zen 1 and Hygon Dhyana do not."""
        if self.machine.null_seg_clears_base is not None:
            return self.machine.null_seg_clears_base
        return self.inert or (self.cpu.vendor == AMD and self.cpu.model >= 0x30)

    def smt_register(self) -> int | None:
        """MSR 35h: cores in bits 31:16, threads in 15:0; from leaf 0bh where only that is known."""
        if MSR_SMT in self.cpu.msrs:
            return self.cpu.msrs[MSR_SMT]
        if self.inert:
            return 0
        if self.cpu.hypervisor or self.cpu.family != 6 or self.cpu.max_basic < 0xB:
            return None
        per_core = self.cpu.leaf(0xB, 0)[1] & 0xFFFF
        threads = self.cpu.leaf(0xB, 1)[1] & 0xFFFF
        return threads // per_core << 16 | threads if per_core and threads else None

    def vmx(self) -> Vmx:
        """Without the registers, as CPUID suggests."""
        msrs = self.cpu.msrs
        if not all(index in msrs for index in (MSR_VMX_PROC, MSR_VMX_EXIT, MSR_VMX_ENTRY)):
            _, ebx, _, _ = self.cpu.leaf(7) if self.cpu.max_basic >= 7 else (0, 0, 0, 0)
            edx = self.cpu.leaf(0x80000001)[3] if self.cpu.max_extended else 0
            return Vmx(
                measured=False,
                ept=bool(self.cpu.leaf(1)[2] & _1C_POPCNT),
                rdtscp=bool(edx & _E1D_RDTSCP),
                invpcid=bool(ebx & _7B0_INVPCID),
                xsaves=self.cpu.max_basic >= 0xD and bool(self.cpu.leaf(0xD, 1)[0] & _DA1_XSAVES),
                mpx=bool(ebx & _7B0_MPX),
            )
        exits = msrs[MSR_VMX_EXIT] >> 32
        entries = msrs[MSR_VMX_ENTRY] >> 32
        secondary = msrs.get(MSR_VMX_PROC2, 0) >> 32 if msrs[MSR_VMX_PROC] >> 63 & 1 else 0
        walk_caps = msrs.get(MSR_VMX_EPT_VPID, 0)
        return Vmx(
            measured=True,
            ept=bool(secondary >> 1 & 1)
            and all(walk_caps >> bit & 1 for bit in (6, 14, 26))
            and bool(exits >> 19 & 1)
            and bool(entries >> 14 & 1),
            rdtscp=bool(secondary >> 3 & 1),
            invpcid=bool(secondary >> 12 & 1),
            xsaves=bool(secondary >> 20 & 1),
            mpx=bool(entries >> 16 & 1) and bool(exits >> 23 & 1),
        )

    @property
    def nested_paging(self) -> bool:
        """AMD's, from leaf 8000000ah."""
        return self.cpu.max_extended >= 0x8000000A and bool(self.cpu.leaf(0x8000000A)[3] & 1)


def examine(cpu: Cpu, machine: Machine, microcode: int | None = None) -> Hardware:
    """Look at a CPU. `microcode`: the revision after Xen's own update, if it is another one."""
    notes: list[str] = []
    leaf7 = cpu.leaf(7) if cpu.max_basic >= 7 else (0, 0, 0, 0)
    revision = cpu.microcode if microcode is None else microcode
    if revision is None:
        revision = UNKNOWN_MICROCODE
        notes.append("the microcode revision is not known: the newest is assumed")
    arch_caps = 0
    if leaf7[3] & _7D0_ARCH_CAPS:
        if MSR_ARCH_CAPS not in cpu.msrs and machine.registers == "real":
            notes.append("MSR 10a (ARCH_CAPS) is not known: 0, no immunities, is assumed")
        arch_caps = cpu.msrs.get(MSR_ARCH_CAPS, 0)
    force_abort = 0
    if leaf7[3] & _7D0_RTM_ALWAYS_ABORT and machine.registers == "real":
        force_abort = 1 if leaf7[1] & _7B0_RTM else 3
    return Hardware(
        cpu=cpu,
        machine=machine,
        microcode=revision,
        arch_caps=arch_caps,
        force_abort=cpu.msrs.get(MSR_TSX_FORCE_ABORT, force_abort),
        mcu_opt=cpu.msrs.get(MSR_MCU_OPT_CTRL, 0),
        notes=notes,
    )
