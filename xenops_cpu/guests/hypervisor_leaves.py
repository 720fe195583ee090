"""Leaves from 40000000h on, or 40000100h beside viridian: what Xen says of itself.

cpuid_hypervisor_leaves() in xen/arch/x86/traps.c (cpuid.c from 4.21). Features of VMX's virtual
APIC are not in any policy, so on VMX the register that tells of them is unknown.
"""

from __future__ import annotations

import re

from ..cpuid.slots import HYPERVISOR, HYPERVISOR_2
from .domain import Domain
from .vcpu import NOTHING, UNKNOWN, Answer, Surroundings, Vcpu

# "XenVMMXenVMM" in EBX, ECX, EDX.
_SIGNATURE = (0x566E6558, 0x65584D4D, 0x4D4D566E)
_LAST = 5
_PV_PRESERVES_ACCESSED_DIRTY = 1 << 0
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
            return (UNKNOWN if domain.hypervisor.vmx else flags, vcpu.number, around.domid, 0)
        case 5 if domain.kind == "pv" and not subleaf:
            return (0, UNKNOWN, 0, 0)  # as wide as the host's memory reaches
        case _:
            return NOTHING


def _version(text: str) -> tuple[int, int]:
    match = re.match(r"(\d+)\.(\d+)", text)
    assert match is not None
    return int(match[1]), int(match[2])


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
