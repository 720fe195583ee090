"""How libxc lays out a guest's topology: vCPU n has APIC id 2n, so that nothing looks like SMT.

XenServer's and XCP-ng's libxc keep an older layout for the sake of their streams, and know
cores-per-socket (patches revert-ca2eee92df44 and libxc-cpuid-cores_per_socket).
"""

from __future__ import annotations

from ..cpuid.identity import INTEL, REPEATING
from ..cpuid.slots import CACHES, EXTENDED, LAST_CACHE
from ..derivation.step import PhaseOf
from .wishes import APPLY_POLICY, LibxcDraft

TOPOLOGY: PhaseOf[LibxcDraft] = PhaseOf("Topology, as libxc lays it out")

_UPSTREAM = "4.13+"
_XENSERVER = "xs8 xs8.2 xsr"
_SIZES = EXTENDED + 8


@TOPOLOGY.step(
    "libxc.pv-topology",
    "all",
    when="PV",
    effect="HTT and CMP_LEGACY are the host's",
    why="a PV guest that executes CPUID may see the real topology, and has to read it right",
    source=APPLY_POLICY,
)
def _pv(draft: LibxcDraft) -> None:
    if not draft.hvm:
        draft.switch("HTT", draft.xen.has_host("HTT"))
        draft.switch("CMP_LEGACY", draft.xen.has_host("CMP_LEGACY"))


@TOPOLOGY.step(
    "libxc.hvm-topology",
    _UPSTREAM,
    when="HVM",
    effect="HTT is set, CMP_LEGACY cleared; twice as many logical CPUs and cores are told: leaf 1 "
    "EBX 23:16 (0 becomes 2 from 4.16 on), on Intel leaf 4, on AMD and Hygon 80000008h ECX",
    why="vCPU n has APIC id 2n, so that twice as many ids are needed",
    source=APPLY_POLICY,
)
def _hvm(draft: LibxcDraft) -> None:
    if not draft.hvm:
        return
    draft.switch("HTT", True)
    draft.switch("CMP_LEGACY", False)
    table = draft.table
    ebx = table.leaf(1)[1]
    count = ebx >> 16 & 0xFF
    if not count and draft.in_libxc("4.16+"):
        count = 2
    elif not count & 0x80:
        count *= 2
    table.set(1, ebx=ebx & ~0xFF0000 | count << 16)
    if table.vendor == INTEL:
        _cores(draft, None)
    elif table.vendor in REPEATING:
        _amd_cores(draft)


def _cores(draft: LibxcDraft, cores: int | None) -> None:
    """Leaf 4: the field of cores as given, doubled where None; of threads that share a cache 0."""
    table = draft.table
    for subleaf in range(LAST_CACHE + 1):
        eax, ebx, ecx, edx = table.leaf(CACHES, subleaf)
        if not eax & 0x1F:
            return
        field = (eax >> 26) * 2 + 1 if cores is None else cores
        eax = eax & 0x00003FFF | (field & 0x3F) << 26
        table.put((CACHES, subleaf), (eax, ebx, ecx, edx))


def _amd_cores(draft: LibxcDraft) -> None:
    ecx = draft.table.leaf(_SIZES)[2]
    cores, size = ecx & 0xFF, ecx >> 12 & 0xF
    if cores < 0x7F:
        if 1 <= size < 7:
            size += 1
        draft.table.set(_SIZES, ecx=ecx & ~0xF0FF | size << 12 | cores * 2 + 1)


@TOPOLOGY.step(
    "libxc.xenserver-topology",
    _XENSERVER,
    when="HVM",
    effect="HTT and CMP_LEGACY are cleared; on Intel the cores and threads of leaf 4 are 0",
    why="XenServer keeps the layout of its older releases",
    source=APPLY_POLICY,
)
def _xenserver(draft: LibxcDraft) -> None:
    if draft.hvm:
        draft.switch("HTT", False)
        draft.switch("CMP_LEGACY", False)
        if draft.table.vendor == INTEL:
            _cores(draft, 0)


@TOPOLOGY.step(
    "libxc.nested-x2apic",
    "xs8.2",
    when="HVM, created with nested virtualisation",
    effect="X2APIC is cleared",
    why="x2APIC and nested virtualisation do not work together there",
    source=APPLY_POLICY,
)
def _nested_x2apic(draft: LibxcDraft) -> None:
    if draft.hvm and draft.domain.config.nested:
        draft.switch("X2APIC", False)


@TOPOLOGY.step(
    "libxc.cores-per-socket",
    _XENSERVER,
    when="HVM, platform:cores-per-socket is given",
    effect="HTT is set; twice as many logical CPUs and cores a socket are told: leaf 1 EBX 23:16, "
    "on Intel leaf 4, on AMD and Hygon 80000008h ECX, with CMP_LEGACY",
    why="vCPU n has APIC id 2n, so that every other core of a socket is missing",
    source=APPLY_POLICY,
)
def _cores_per_socket(draft: LibxcDraft) -> None:
    count = draft.wishes.cores_per_socket
    if not draft.hvm or not count:
        return
    table = draft.table
    draft.switch("HTT", True)
    table.set(1, ebx=table.leaf(1)[1] & ~0xFF0000 | (count * 2 & 0xFF) << 16)
    if table.vendor == INTEL:
        _cores(draft, count * 2 - 1)
    elif table.vendor in REPEATING:
        draft.switch("CMP_LEGACY", True)
        ecx = table.leaf(_SIZES)[2] & ~0xF0FF
        table.set(_SIZES, ecx=ecx | (count * 2 - 1) & 0xFF)
