"""Leaves 40000000h and up: what Xen says of itself, and what it says as a Hyper-V (viridian).

cpuid_hypervisor_leaves() in xen/arch/x86/traps.c (cpuid.c from 4.21), cpuid_viridian_leaves() in
hvm/viridian/viridian.c. Features of VMX's virtual APIC are not in any policy, so on VMX the
registers that tell of them are unknown.
"""

from __future__ import annotations

import re

from ..cpuid.slots import HYPERVISOR, HYPERVISOR_2
from .domain import Domain
from .vcpu import UNKNOWN, VIRIDIAN, Answer, Surroundings, Vcpu

NOTHING: Answer = (0, 0, 0, 0)
# "XenVMMXenVMM" in EBX, ECX, EDX.
_SIGNATURE = (0x566E6558, 0x65584D4D, 0x4D4D566E)
_LAST = 5
_PV_PRESERVES_ACCESSED_DIRTY = 1 << 0
_MICROSOFT = (0x7263694D, 0x666F736F, 0x76482074)  # "Microsoft Hv"
_HV_1 = 0x31237648  # "Hv#1"
_VIRIDIAN_BUILD, _VIRIDIAN_VERSION = 0x1772, 6 << 16
_SPINLOCK_RETRIES = 2047
_UPCALL_VECTOR = "4.17+ xs8"


def xen_leaf(domain: Domain, vcpu: Vcpu, around: Surroundings, leaf: int, subleaf: int) -> Answer:
    """A leaf of Xen's own."""
    base = HYPERVISOR_2 if around.viridian else HYPERVISOR
    limit = domain.table.leaf(base)[0] & 0xFF
    limit = min(max(limit, 2), _LAST) if limit else _LAST
    xen = domain.hypervisor
    match leaf - base:
        case number if number > limit:
            return NOTHING
        case 0:
            return (base + limit, *_SIGNATURE)
        case 1:
            major, minor = _version(xen.release.version)
            return (major << 16 | minor, 0, 0, 0)
        case 2:
            msrs = 0x40000200 if around.viridian else 0x40000000
            return (1, msrs, _PV_PRESERVES_ACCESSED_DIRTY if domain.kind == "pv" else 0, 0)
        case 3:
            return _time(domain, around, subleaf)
        case 4 if domain.kind == "hvm" and not subleaf:
            # IOMMU mappings, vCPU id, domain id are there; from 4.17 on upcall vectors.
            flags = 0x1C | (0x40 if xen.in_release(_UPCALL_VECTOR) else 0)
            return (UNKNOWN if _vmx(domain) else flags, vcpu.number, around.domid, 0)
        case 5 if domain.kind == "pv" and not subleaf:
            return (0, UNKNOWN, 0, 0)  # as wide as the host's memory reaches
        case _:
            return NOTHING


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", text)
    assert match is not None
    return int(match[1]), int(match[2])


def _vmx(domain: Domain) -> bool:
    return domain.hypervisor.has_host("VMX")


def _time(domain: Domain, around: Surroundings, subleaf: int) -> Answer:
    match subleaf:
        case 0:
            flags = None
            if around.vtsc is not None and around.tsc_safe is not None:
                rdtscp = domain.hypervisor.has_host("RDTSCP")
                flags = around.vtsc | around.tsc_safe << 1 | rdtscp << 2
            return (flags, around.tsc_mode, around.tsc_khz, UNKNOWN)
        case 1:
            return (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
        case 2:
            return (UNKNOWN, 0, 0, 0)
        case _:
            return NOTHING


def viridian_leaf(domain: Domain, around: Surroundings, leaf: int) -> Answer:
    """A leaf of Microsoft's, which it takes without subleaves."""
    told = bool(around.guest_os_id)

    def has(name: str) -> bool:
        return bool(around.viridian >> VIRIDIAN[name] & 1)

    match leaf - HYPERVISOR:
        case 0:
            return (HYPERVISOR + 6, *_MICROSOFT)
        case 1:
            return (_HV_1, 0, 0, 0)
        case 2 if told:
            return (_VIRIDIAN_BUILD, _VIRIDIAN_VERSION, 0, 0)
        case 3:
            # Interrupt control, hypercall and virtual processor index registers, always.
            privileges = 1 << 4 | 1 << 5 | 1 << 6 | (not has("no_freq")) << 11
            privileges |= has("time_ref_count") << 1 | has("reference_tsc") << 9
            privileges |= has("synic") << 2 | has("stimer") << 3
            hotplug = has("cpu_hotplug") and domain.hypervisor.in_release("4.15+ xs8")
            features = hotplug << 3 | has("crash_ctl") << 10 | has("synic") << 17
            return (privileges, 0, 0, features)
        case 4 if told:
            advice = 1 << 5 | has("hcall_remote_tlb_flush") << 2 | has("hcall_ipi") << 10
            if domain.hypervisor.in_release("4.15+ xs8"):
                advice |= has("ex_processor_masks") << 11
            return (UNKNOWN if _vmx(domain) else advice | 1 << 3, _SPINLOCK_RETRIES, 0, 0)
        case 5 if has("no_vp_limit") and domain.hypervisor.in_release("4.15+ xs8"):
            return (0xFFFFFFFF, 0, 0, 0)
        case 6:
            used = 1 << 1 | domain.hap << 3  # MSR bitmaps, nested paging
            return (UNKNOWN if _vmx(domain) else used, 0, 0, 0)
        case _:
            return NOTHING
