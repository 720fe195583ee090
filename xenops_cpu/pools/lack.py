"""A feature that a VM has seen and a host has not: why, what a VM risks without it, what helps.

What each kind of feature does is from Intel's SDM and AMD's APM; how guests use the bits of
speculation is Linux's (arch/x86/kernel/cpu/bugs.c).
"""

from __future__ import annotations

from attrs import frozen

from ..features.meanings import copy_of, why_only_in_migration
from ..features.release import Release
from .levelling import OR_REASONS
from .member import GuestType, Member

# The immunities and what they are immunities from. A bit that is lost makes a guest protect itself
# needlessly; one that is missing where a VM goes leaves it without protection.
IMMUNITIES = {
    "RDCL_NO": "Meltdown",
    "SKIP_L1DFL": "L1TF in nested guests",
    "SSB_NO": "Speculative Store Bypass",
    "INTEL_SSB_NO": "Speculative Store Bypass",
    "MDS_NO": "MDS",
    "TAA_NO": "TSX Asynchronous Abort",
    "IF_PSCHANGE_MC_NO": "iTLB multihit",
    "SBDR_SSDP_NO": "MMIO stale data (shared buffers)",
    "FBSDP_NO": "MMIO stale data (fill buffers)",
    "PSDP_NO": "MMIO stale data (primary)",
    "GDS_NO": "GDS (Downfall)",
    "RFDS_NO": "RFDS",
    "ITS_NO": "ITS",
    "BHI_NO": "Branch History Injection",
    "PBRSB_NO": "post-barrier RSB prediction",
    "MCDT_NO": "MXCSR-dependent timing",
    "BTC_NO": "Branch Type Confusion (Retbleed)",
    "SRSO_NO": "SRSO (Inception)",
    "SRSO_US_NO": "SRSO across user and supervisor",
    "TSA_SQ_NO": "TSA in the store queue",
    "TSA_L1_NO": "TSA in the L1 cache",
}
# Controls: a guest that was shown one writes a register that the host may not have.
_CONTROLS = frozenset({
    "IBRSB", "STIBP", "SSBD", "L1D_FLUSH", "ARCH_CAPS", "CORE_CAPS", "SRBDS_CTRL", "IBPB", "IBRS",
    "AMD_STIBP", "AMD_SSBD", "VIRT_SSBD", "PSFD", "IBRS_ALWAYS", "STIBP_ALWAYS", "IBRS_FAST",
    "IBRS_SAME_MODE", "IBPB_RET", "INTEL_PSFD", "IPRED_CTRL", "RRSBA_CTRL", "DDP_CTRL", "BHI_CTRL",
    "SBPB", "IBPB_BRTYPE", "AUTO_IBRS", "EIBRS", "TSX_CTRL", "MCU_CTRL", "FB_CLEAR_CTRL",
    "GDS_CTRL", "XAPIC_STATUS", "TSC_DEADLINE", "TSC_ADJUST", "X2APIC", "IBS", "LWP", "ARCH_LBR",
})  # fmt: skip
# Features with registers of their own, which a guest's kernel saves and restores.
_STATE = frozenset({
    "XSAVE", "XSAVEOPT", "XSAVEC", "XSAVES", "XGETBV1", "AVX", "AVX512F", "MPX", "PKU", "AMX_TILE",
    "LWP",
})  # fmt: skip
# What the guest itself switches on in CR4: CPUID only repeats it.
_OF_THE_GUEST = frozenset({"OSXSAVE", "OSPKE"})
_HINTS = frozenset({
    "ERMS", "FSRM", "FZRM", "FSRS", "FSRCS", "AMD_FSRS", "AMD_FSRC", "FSRSC", "NSCB", "NO_LMSL",
    "FS_GS_NS", "LFENCE_DISPATCH", "NO_NEST_BP", "NO_FPU_SEL", "RSTR_FP_ERR_PTRS",
})  # fmt: skip
_TOPOLOGY = frozenset(("HTT", "CMP_LEGACY", "TOPOEXT"))
_TSX_OFF = "RTM_ALWAYS_ABORT"


@frozen
class Lack:
    """One feature. `compatibility`: where the bit comes from if it is one of those that old records
    have for no use, else "". `reason`: why the host has it not, or not at boot. `risk`: what a VM
    that has seen it meets without it. `remedy`: what helps, "" if nothing but to start the VM anew.
    """

    number: int
    name: str
    reason: str
    risk: str = ""
    remedy: str = ""
    compatibility: str = ""


def missing(member: Member, guest: GuestType, number: int, compatibility: str = "") -> Lack:
    """A feature that the host does not take in."""
    reason, remedy = _why(member, guest, number)
    return Lack(
        number=number,
        name=member.release.label(number),
        reason=reason,
        risk=risk(member.release, number, compatibility),
        remedy=remedy,
        compatibility=compatibility,
    )


def only_by_max(member: Member, guest: GuestType, number: int, compatibility: str = "") -> Lack:
    """A feature that the host takes in and would not give at boot."""
    added = member.labels.get(guest, {}).get(number, "")
    return Lack(
        number=number,
        name=member.release.label(number),
        reason=added or why_only_in_migration(member.release, number),
        compatibility=compatibility or added,
    )


def risk(xen: Release, number: int, compatibility: str = "") -> str:
    """What happens to a VM that has seen the feature and goes on without it."""
    name = xen.label(number)
    if compatibility:
        return "none known: the VM cannot have made use of it"
    if name in IMMUNITIES:
        return (
            f"the guest takes the CPU to be immune to {IMMUNITIES[name]} and leaves its protection "
            "off: other software may read its secrets"
        )
    if name in ("RSBA", "RRSBA"):
        return "none for this VM: it protects its returns although it need not here"
    if name in OR_REASONS:
        return "little: the guest goes on as before, which may be needless or without effect here"
    if name == "HLE":
        return "none but speed: the prefixes of HLE are ignored where it is missing"
    if name in ("RTM", _TSX_OFF):
        return "programs that begin a transaction stop with an invalid opcode (#UD)"
    if name in _OF_THE_GUEST:
        return "none: it repeats what the guest itself switched on"
    if name == "HYPERVISOR":
        return "every guest is shown it: a set without it is not a guest's"
    copied = copy_of(number)
    if copied is not None:
        return f"little: on AMD it repeats {xen.label(copied)} of leaf 1, which guests look at"
    if name in _TOPOLOGY:
        return "the guest has counted its CPUs by another rule; little, unless it counts again"
    if name in _HINTS:
        return "little: it is a statement about speed or behaviour, not an instruction"
    if name in _CONTROLS:
        return (
            "the guest uses a register that is missing or differs (#GP): its kernel may crash, or "
            "go on without the protection that it counts on"
        )
    if name in _STATE:
        return (
            "the guest's kernel saves and restores its registers (XSAVE): faults in kernel and "
            "programs, a crash is likely"
        )
    word = xen.words[number // 32] if number // 32 < len(xen.words) else None
    if word is not None and word.msr is not None:
        return "the guest relies on what this bit of a register promises"
    if xen.feature(number) is None:
        return "not known: this release has no name for the bit"
    return "programs or the kernel that use it stop with an invalid opcode (#UD) or a fault"


def _why(member: Member, guest: GuestType, number: int) -> tuple[str, str]:
    """Reason and remedy."""
    if member.sets is None:
        return f"the record of {member.name} does not have it", ""
    sets = member.sets
    most = f"{guest.value}_max"
    if getattr(sets, most) is None:
        most = f"{guest.value}_default"
    told = member.explain(most, number) if member.explain else ""
    if sets.raw.length and number not in sets.raw:
        return (
            told or f"the CPU of {member.name} or its microcode does not show it",
            "only another CPU, firmware setting or microcode can bring it",
        )
    if sets.host.length and number not in sets.host:
        return (
            told or f"the CPU of {member.name} has it, Xen does not use it",
            "look at Xen's command line, microcode and release on that host",
        )
    if not sets.host.length:
        return told or f"the record of {member.name} does not have it", ""
    return (
        told or f"Xen uses it on {member.name} but offers it to no {guest.name} guest",
        "a Xen release or command line that offers it to guests",
    )
