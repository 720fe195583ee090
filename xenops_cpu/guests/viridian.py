"""Viridian: Xen in the clothes of Hyper-V, for Windows (xl's viridian=, HVM_PARAM_VIRIDIAN).

cpuid_viridian_leaves() in xen/arch/x86/hvm/viridian/viridian.c; the parameter's bits: xen/include/
public/hvm/params.h; which groups stand for which: hvm_set_viridian_features() in tools/libs/light/
libxl_x86.c. Features of VMX's virtual APIC are not in any policy, so on VMX the registers that tell
of them are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ..cpuid.slots import HYPERVISOR
from ..derivation.releases import span
from ..errors import InputError
from ..features.release import Release
from .domain import Domain
from .vcpu import NOTHING, UNKNOWN, Answer, Surroundings

BITS: Final = {
    "base": 0, "no_freq": 1, "time_ref_count": 2, "reference_tsc": 3, "hcall_remote_tlb_flush": 4,
    "apic_assist": 5, "crash_ctl": 6, "synic": 7, "stimer": 8, "hcall_ipi": 9,
    "ex_processor_masks": 10, "no_vp_limit": 11, "cpu_hotplug": 12,
}  # fmt: skip
GROUPS: Final = ("freq", *(name for name in BITS if name != "no_freq"))
_NEWER = "4.15+ xs8"
_NEWER_GROUPS = frozenset({"ex_processor_masks", "no_vp_limit", "cpu_hotplug"})
_DEFAULTS = ("base", "freq", "time_ref_count", "apic_assist", "crash_ctl", "no_vp_limit",
             "cpu_hotplug")  # fmt: skip

_MICROSOFT = (0x7263694D, 0x666F736F, 0x76482074)  # "Microsoft Hv"
_HV_1 = 0x31237648  # "Hv#1"
_BUILD, _VERSION = 0x1772, 6 << 16
_SPINLOCK_RETRIES = 2047


def parameter(names: Iterable[str], xen: Release) -> int:
    """HVM_PARAM_VIRIDIAN for xl's names of groups; `defaults`, `all`, `!NAME` to leave one out.

    Raises InputError for a name that xl does not know, and for groups without base.
    """
    known = [name for name in GROUPS if xen.name in span(_NEWER) or name not in _NEWER_GROUPS]
    on: set[str] = set()
    off: set[str] = set()
    for name in names:
        if name in ("defaults", "all"):
            on |= set(_DEFAULTS if name == "defaults" else known) & set(known)
        elif name.removeprefix("!") not in known:
            raise InputError(
                f'viridian: "{name}" is none of defaults, all, {", ".join(known)}, each with "!" '
                "to leave it out"
            )
        elif name.startswith("!"):
            off.add(name[1:])
        else:
            on.add(name)
            off.discard(name)
    on -= off
    if on and "base" not in on:
        raise InputError("viridian: the group base is needed for all others")
    if "stimer" in on:
        on |= {"time_ref_count", "synic"}
    bits = on - {"freq"} | (set() if "freq" in on or not on else {"no_freq"})
    return sum(1 << BITS[name] for name in bits)


def viridian_leaf(domain: Domain, around: Surroundings, leaf: int) -> Answer:
    """A leaf of Microsoft's, which it takes without subleaves."""
    os_known = bool(around.guest_os_id)
    newer = domain.hypervisor.in_release(_NEWER)

    def has(name: str) -> bool:
        return bool(around.viridian >> BITS[name] & 1)

    match leaf - HYPERVISOR:
        case 0:
            return (HYPERVISOR + 6, *_MICROSOFT)
        case 1:
            return (_HV_1, 0, 0, 0)
        case 2 if os_known:
            return (_BUILD, _VERSION, 0, 0)
        case 3:
            # Interrupt control, hypercall and virtual processor index registers, always.
            privileges = 1 << 4 | 1 << 5 | 1 << 6 | (not has("no_freq")) << 11
            privileges |= has("time_ref_count") << 1 | has("reference_tsc") << 9
            privileges |= has("synic") << 2 | has("stimer") << 3
            hotplug = has("cpu_hotplug") and newer
            features = hotplug << 3 | has("crash_ctl") << 10 | has("synic") << 17
            return (privileges, 0, 0, features)
        case 4 if os_known:
            advice = 1 << 5 | has("hcall_remote_tlb_flush") << 2 | has("hcall_ipi") << 10
            if newer:
                advice |= has("ex_processor_masks") << 11
            return (UNKNOWN if domain.hypervisor.vmx else advice | 1 << 3, _SPINLOCK_RETRIES, 0, 0)
        case 5 if has("no_vp_limit") and newer:
            return (0xFFFFFFFF, 0, 0, 0)
        case 6:
            used = 1 << 1 | domain.hap << 3  # MSR bitmaps, nested paging
            return (UNKNOWN if domain.hypervisor.vmx else used, 0, 0, 0)
        case _:
            return NOTHING
