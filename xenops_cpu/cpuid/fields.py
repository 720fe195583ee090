"""What stands where in a CPU policy, beside the features: limits, identity, topology, sizes.

Places: Intel SDM volume 2 (CPUID), AMD APM volume 3 appendix E; PLATFORM_INFO and ARCH_CAPS: Intel
SDM volume 4, and the parts of them that Xen's policies keep (xen/include/xen/lib/x86/cpu-policy.h).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from . import identity
from .identity import BRAND, REGISTERS, Registers, Signature
from .policy import NO_SUBLEAF, Policy

PLATFORM_INFO, ARCH_CAPS = 0xCE, 0x10A
ANY = -1  # a field that each subleaf has

LIMITS, IDENTITY, TOPOLOGY = "leaf limits", "identity", "topology"
ADDRESSES, CACHES, STATE = "address sizes", "caches", "saved state"
MSRS, OTHER = "MSRs", "other leaves"
FEATURES = "features"  # beside these: what no field tells, for it has a name of its own
CATEGORIES = (LIMITS, IDENTITY, TOPOLOGY, ADDRESSES, CACHES, STATE, MSRS, OTHER)


class Field(NamedTuple):
    """`width` bits of a register from bit `low` on; `show` makes them text."""

    category: str
    title: str
    leaf: int
    subleaf: int
    register: str
    low: int = 0
    width: int = 32
    show: Callable[[int], str] = str

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.low

    def value(self, registers: Registers) -> int:
        return (registers[REGISTERS.index(self.register)] & self.mask) >> self.low


def _hex(value: int) -> str:
    return f"{value:x}h"


def _bits(value: int) -> str:
    return f"{value} bits"


def _one_more(value: int) -> str:
    return str(value + 1)


def _lines(value: int) -> str:
    return f"{value * 8} bytes"


_N = NO_SUBLEAF
FIELDS = (
    Field(LIMITS, "highest leaf", 0, _N, "eax", show=_hex),
    Field(LIMITS, "highest subleaf of leaf 7 (max_subleaf)", 7, 0, "eax"),
    Field(LIMITS, "highest extended leaf", 0x80000000, _N, "eax", show=_hex),
    Field(TOPOLOGY, "logical CPUs of a package (leaf 1)", 1, _N, "ebx", 16, 8),
    Field(TOPOLOGY, "APIC id (leaf 1)", 1, _N, "ebx", 24, 8),
    Field(CACHES, "line that CLFLUSH writes back", 1, _N, "ebx", 8, 8, show=_lines),
    Field(TOPOLOGY, "threads that share cache {subleaf}", 4, ANY, "eax", 14, 12, _one_more),
    Field(TOPOLOGY, "cores of a package, at most (leaf 4)", 4, ANY, "eax", 26, 6, _one_more),
    Field(TOPOLOGY, "shift of the APIC id at level {subleaf} (leaf bh)", 0xB, ANY, "eax", 0, 5),
    Field(TOPOLOGY, "logical CPUs at level {subleaf} (leaf bh)", 0xB, ANY, "ebx", 0, 16),
    Field(TOPOLOGY, "kind of level {subleaf} (leaf bh)", 0xB, ANY, "ecx", 8, 8),
    Field(TOPOLOGY, "x2APIC id (leaf bh)", 0xB, ANY, "edx"),
    Field(TOPOLOGY, "shift of the APIC id at level {subleaf} (leaf 1fh)", 0x1F, ANY, "eax", 0, 5),
    Field(TOPOLOGY, "logical CPUs at level {subleaf} (leaf 1fh)", 0x1F, ANY, "ebx", 0, 16),
    Field(TOPOLOGY, "kind of level {subleaf} (leaf 1fh)", 0x1F, ANY, "ecx", 8, 8),
    Field(TOPOLOGY, "x2APIC id (leaf 1fh)", 0x1F, ANY, "edx"),
    Field(STATE, "components that XCR0 may have (low half)", 0xD, 0, "eax", show=_hex),
    Field(STATE, "components that XCR0 may have (high half)", 0xD, 0, "edx", show=_hex),
    Field(STATE, "bytes of all components (XSAVE)", 0xD, 0, "ecx"),
    Field(STATE, "supervisor components (low half)", 0xD, 1, "ecx", show=_hex),
    Field(IDENTITY, "signature as AMD repeats it", 0x80000001, _N, "eax", show=_hex),
    Field(ADDRESSES, "physical addresses", 0x80000008, _N, "eax", 0, 8, _bits),
    Field(ADDRESSES, "linear addresses", 0x80000008, _N, "eax", 8, 8, _bits),
    Field(ADDRESSES, "physical addresses of guests", 0x80000008, _N, "eax", 16, 8, _bits),
    Field(TOPOLOGY, "cores of a package (leaf 80000008h)", 0x80000008, _N, "ecx", 0, 8, _one_more),
    Field(TOPOLOGY, "bits of the APIC id (leaf 80000008h)", 0x80000008, _N, "ecx", 12, 4),
    Field(TOPOLOGY, "threads of a core (leaf 8000001eh)", 0x8000001E, _N, "ebx", 8, 8, _one_more),
    Field(TOPOLOGY, "core id (leaf 8000001eh)", 0x8000001E, _N, "ebx", 0, 8),
    Field(TOPOLOGY, "nodes of a package (leaf 8000001eh)", 0x8000001E, _N, "ecx", 8, 3, _one_more),
)  # fmt: skip

# MSRs whose bits have names of their own; those of ARCH_CAPS are features (words m10Al, m10Ah).
MSR_FIELDS = {
    PLATFORM_INFO: {31: "CPUID faulting (a kernel can make CPUID fault in user code)"},
}
MSR_NAMES = {PLATFORM_INFO: "PLATFORM_INFO", ARCH_CAPS: "ARCH_CAPS"}

_TITLES = {
    0x0: "highest leaf, vendor",
    0x1: "family, model, stepping; features",
    0x2: "cache descriptors",
    0x4: "caches",
    0x5: "MONITOR",
    0x6: "power and thermal",
    0x7: "features",
    0xA: "performance counters",
    0xB: "topology",
    0xD: "XSAVE state",
    0xF: "cache monitoring",
    0x10: "cache allocation",
    0x12: "SGX",
    0x14: "processor trace",
    0x15: "TSC and crystal clock",
    0x16: "frequencies",
    0x1A: "kind of core",
    0x1D: "AMX tiles",
    0x1E: "AMX multiplication",
    0x1F: "topology",
    0x80000000: "highest extended leaf, vendor",
    0x80000001: "features",
    0x80000002: "brand string",
    0x80000003: "brand string",
    0x80000004: "brand string",
    0x80000005: "first-level caches and TLBs",
    0x80000006: "second-level caches and TLBs",
    0x80000007: "power management; features",
    0x80000008: "address sizes, core count; features",
    0x8000000A: "SVM",
    0x80000019: "TLBs of 1 GiB pages",
    0x8000001A: "speed hints",
    0x8000001D: "caches",
    0x8000001E: "topology",
    0x8000001F: "memory encryption",
    0x80000021: "features",
}


def title(leaf: int) -> str:
    """What a leaf is about, "" where it is not known here."""
    return _TITLES.get(leaf, "")


def fields_of(leaf: int, subleaf: int) -> Iterator[Field]:
    """The fields of one leaf."""
    same = (0, NO_SUBLEAF)
    for known in FIELDS:
        if known.leaf == leaf and (
            known.subleaf in (ANY, subleaf) or (known.subleaf in same and subleaf in same)
        ):
            yield known


def vendor(policy: Policy) -> str:
    """The vendor string of leaf 0, "" where there is none."""
    return _printable(identity.vendor(policy.leaf(0)).rstrip("\0"))


def brand(policy: Policy) -> str:
    """The brand string, "" where there is none."""
    return _printable(identity.brand(policy.leaf(leaf) for leaf in range(BRAND[0], BRAND[1] + 1)))


def signature(policy: Policy) -> Signature:
    """Family, model, stepping of leaf 1."""
    return Signature.of(policy.leaf(1)[0])


def _printable(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
