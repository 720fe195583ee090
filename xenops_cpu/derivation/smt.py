"""Second threads: how many a core has, and whether Xen finds SMT switched on.

xen/arch/x86/cpu/common.c detect_ht(), cpu/amd.c amd_get_topology(), spec_ctrl.c
check_smt_enabled(). Only the hardware counts, not smt= on the command line.
"""

from __future__ import annotations

from ..cpuid.cpu import Cpu
from ..cpuid.identity import AMD, HYGON, INTEL
from .releases import span
from .state import State


def count_siblings(s: State) -> None:
    """After the vendor's code: threads a core."""
    s.siblings = siblings(
        s.cpu,
        s.host,
        htt=s.bit["HTT"],
        cmp_legacy=s.bit["CMP_LEGACY"],
        topoext=s.bit["TOPOEXT"],
    )


def judge_smt(s: State) -> None:
    """Before the speculation code: some core has a second thread."""
    if s.siblings < 2:
        s.smt = False
        return
    any_family = s.plan.release.name in span("4.13-4.16 xs8.2 xsr")
    if s.intel and not s.virtualised and (any_family or s.family != 0x0F):
        register = s.hardware.smt_register()
        if register is not None:
            s.smt = register >> 16 & 0xFFFF != register & 0xFFFF
            return
    if s.hardware.machine.smt is not None:
        s.smt = s.hardware.machine.smt
    else:
        alone = s.options.nosmp or (s.options.maxcpus or 2) < 2
        s.smt = not alone and not s.hardware.inert


def siblings(cpu: Cpu, host: int, *, htt: int, cmp_legacy: int, topoext: int) -> int:
    """Threads a core, as Xen counts them (detect_ht() and amd_get_topology() in arch/x86/cpu).

    `host` is the set after the vendor's code; the others are the features' bits in it.
    """
    if cpu.vendor == INTEL:
        return _siblings_0b(cpu) or _siblings_ht(cpu, host, htt, cmp_legacy)
    if cpu.vendor not in (AMD, HYGON):
        return 1
    cores = (cpu.leaf(0x80000008)[2] & 0xFF) + 1 if cpu.max_extended >= 0x80000008 else 1
    if cores == 1:
        return 1
    # An AMD CPU answers zeros beyond its maximum, whatever a dump lists there (APM 3, CPUID).
    ebx = cpu.leaf(0x8000001E)[1] if cpu.max_extended >= 0x8000001E else 0
    if cpu.vendor == HYGON:
        return (ebx >> 8 & 3) + 1
    if not host & topoext:
        return 1
    return _siblings_0b(cpu) or (ebx >> 8 & 0xFF) + 1


def _siblings_0b(cpu: Cpu) -> int:
    """From leaf 0bh; 0 where that says nothing."""
    if cpu.max_basic < 0xB:
        return 0
    eax, ebx, ecx, _ = cpu.leaf(0xB)
    return 1 << (eax & 0x1F) if ebx and ecx >> 8 & 0xFF == 1 else 0


def _siblings_ht(cpu: Cpu, host: int, htt: int, cmp_legacy: int) -> int:
    if not host & htt or host & cmp_legacy:
        return 1
    threads = cpu.leaf(1)[1] >> 16 & 0xFF
    eax = cpu.leaf(4)[0] if cpu.max_basic >= 4 else 0
    cores = (eax >> 26) + 1 if eax & 0x1F else 1
    return threads if threads < 2 else threads // cores
