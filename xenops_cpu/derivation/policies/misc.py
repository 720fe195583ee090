"""Leaves that guests do not see, or not as the CPU has them (recalculate_misc())."""

from __future__ import annotations

from ...cpuid.identity import INTEL, REPEATING
from ...cpuid.slots import BASIC, CACHES, EXTENDED, TOPOLOGY
from ...features.release import COMMON_1D
from ..source import policies
from ..step import PhaseOf
from .draft import Draft

_SOURCE = policies("recalculate_misc()")

MISC: PhaseOf[Draft] = PhaseOf(
    "Hidden and repeated leaves: in host up to 4.21, in the max policies"
)


@MISC.step(
    "misc.processor-type",
    "all",
    when="always",
    effect="leaf 1 EAX keeps family, model and stepping",
    why="the processor type of old Intel CPUs is no concern of guests",
    source=_SOURCE,
)
def _processor_type(draft: Draft) -> None:
    draft.table.set(1, eax=draft.table.leaf(1)[0] & 0x0FFF0FFF)


@MISC.step(
    "misc.apic-id",
    "all",
    when="always",
    effect="the APIC id of leaf 1 EBX is 0",
    why="it differs from vCPU to vCPU and is filled in when a guest asks",
    source=_SOURCE,
)
def _apic_id(draft: Draft) -> None:
    draft.table.set(1, ebx=draft.table.leaf(1)[1] & 0x00FFFFFF)


@MISC.step(
    "misc.monitor",
    "all",
    when="always",
    effect="leaf 5 is 0",
    why="guests may not use MONITOR",
    source=_SOURCE,
)
def _monitor(draft: Draft) -> None:
    draft.table.clear(0x5)


@MISC.step(
    "misc.thermal",
    "all",
    when="always",
    effect="leaf 6 is 0",
    why="power and heat are the host's business",
    source=_SOURCE,
)
def _thermal(draft: Draft) -> None:
    draft.table.clear(0x6)


@MISC.step(
    "misc.reserved",
    "all",
    when="always",
    effect="leaves 8 and ch are 0",
    why="they are reserved",
    source=_SOURCE,
)
def _reserved(draft: Draft) -> None:
    draft.table.clear(0x8, 0xC)


@MISC.step(
    "misc.topology",
    "all",
    when="always",
    effect="leaf bh is 0",
    why="Xen has no topology for guests there yet; the x2APIC id is filled in when a guest asks",
    source=_SOURCE,
)
def _topology(draft: Draft) -> None:
    draft.table.clear(TOPOLOGY)


@MISC.step(
    "misc.common-1d",
    "all",
    when="always",
    effect="80000001h EDX repeats bits of leaf 1 EDX on AMD and Hygon, and has none of them "
    "elsewhere",
    why="AMD's CPUs repeat these bits there, Intel's do not",
    source=_SOURCE,
)
def _common_1d(draft: Draft) -> None:
    table = draft.table
    own = table.leaf(EXTENDED + 1)[3] & ~COMMON_1D
    if table.vendor in REPEATING:
        own |= table.leaf(1)[3] & COMMON_1D
    table.set(EXTENDED + 1, edx=own)


@MISC.step(
    "misc.power",
    "all",
    when="always",
    effect="80000007h keeps EDX only",
    why="the rest is about power and errors of the host",
    source=_SOURCE,
)
def _power(draft: Draft) -> None:
    draft.table.set(EXTENDED + 7, eax=0, ebx=0, ecx=0)


@MISC.step(
    "misc.rdpru",
    "all",
    when="always",
    effect="80000008h EDX is 0",
    why="limits of INVLPGB and RDPRU, which guests do not have",
    source=_SOURCE,
)
def _rdpru(draft: Draft) -> None:
    draft.table.set(EXTENDED + 8, edx=0)


@MISC.step(
    "misc.intel",
    "all",
    when="the policy's vendor is Intel",
    effect="leaf 2 AL is 1; leaves 3 and 9 and 80000005h are 0; 80000000h EBX, ECX, EDX and "
    "80000001h EAX, EBX are 0; 80000006h keeps ECX only",
    why="serial number and direct cache access are hidden, the rest is reserved on Intel",
    source=_SOURCE,
)
def _intel(draft: Draft) -> None:
    table = draft.table
    if table.vendor != INTEL:
        return
    table.set(2, eax=table.leaf(2)[0] & ~0xFF | 1)
    table.clear(0x3, 0x9, EXTENDED + 5)
    table.set(EXTENDED, ebx=0, ecx=0, edx=0)
    table.set(EXTENDED + 1, eax=0, ebx=0)
    table.set(EXTENDED + 6, eax=0, ebx=0, edx=0)


@MISC.step(
    "misc.amd",
    "all",
    when="the policy's vendor is AMD or Hygon",
    effect="leaves 2, 3, 4, 9 and ah are 0; 80000000h and 80000001h EAX repeat leaves 0 and 1; "
    "80000001h EBX loses bits 23:16",
    why="these are Intel's leaves, and AMD repeats vendor and signature",
    source=_SOURCE,
)
def _amd(draft: Draft) -> None:
    table = draft.table
    if table.vendor not in REPEATING:
        return
    table.clear(0x2, 0x3, CACHES, 0x9, 0xA)
    _, ebx, ecx, edx = table.leaf(BASIC)
    table.set(EXTENDED, ebx=ebx, ecx=ecx, edx=edx)
    table.set(EXTENDED + 1, eax=table.leaf(1)[0], ebx=table.leaf(EXTENDED + 1)[1] & 0xFF00FFFF)


@MISC.step(
    "misc.address-sizes",
    "all",
    when="the policy's vendor is Intel, AMD or Hygon",
    effect="80000008h EAX keeps the widths of addresses; ECX is 0 on Intel and keeps the counts of "
    "cores on AMD",
    why="the width that AMD gives for guests of guests is hidden",
    source=_SOURCE,
)
def _address_sizes(draft: Draft) -> None:
    table = draft.table
    eax, _, ecx, _ = table.leaf(EXTENDED + 8)
    if table.vendor == INTEL:
        table.set(EXTENDED + 8, eax=eax & 0xFFFF, ecx=0)
    elif table.vendor in REPEATING:
        table.set(EXTENDED + 8, eax=eax & 0xFFFF, ecx=ecx & 0x3F0FF)


@MISC.step(
    "misc.amd-hidden",
    "all",
    when="the policy's vendor is AMD or Hygon",
    effect="80000009h, 8000000bh to 18h and 1bh to 20h are 0 (IBS, LWP, caches, topology, memory "
    "encryption, quality of service)",
    why="Xen does not offer them to guests",
    source=_SOURCE,
)
def _amd_hidden(draft: Draft) -> None:
    table = draft.table
    if table.vendor in REPEATING:
        hidden = (0x9, *range(0xB, 0x19), *range(0x1B, 0x21))
        table.clear(*(EXTENDED + leaf for leaf in hidden))


@MISC.step(
    "misc.amd-21",
    "4.17+ xs8",
    when="the policy's vendor is AMD or Hygon",
    effect="80000021h keeps the feature words EAX and ECX",
    why="the rest is not known",
    source=_SOURCE,
)
def _amd_21(draft: Draft) -> None:
    if draft.table.vendor in REPEATING:
        draft.table.set(EXTENDED + 0x21, ebx=0, edx=0)
