"""What Xen does with every policy that it is given for a domain (recalculate_cpuid_policy()).

It refuses nothing here: what a domain may not have is cleared without a word. The order is Xen's.
"""

from __future__ import annotations

from ..cpuid.identity import REPEATING
from ..cpuid.slots import BASIC, CACHES, EXTENDED, FEATURES, LAST_BASIC, LAST_CACHE
from ..derivation.policies.misc import MISC
from ..derivation.policies.xstate import XSTATE
from ..derivation.source import policies
from ..derivation.step import PhaseOf
from ..features.release import X87, Release
from .domain import DomainDraft

RECALC: PhaseOf[DomainDraft] = PhaseOf("Every policy of a domain, before leaf dh")
RECALC_END: PhaseOf[DomainDraft] = PhaseOf("Every policy of a domain, after leaf dh")

_SOURCE = policies("recalculate_cpuid_policy()")
# Whose libxc and Xen set topology bits behind each other's back (now in the max sets).
_TOPOLOGY_FORCED = "4.13-4.16 xs8.2 xsr"
_LAST_OF_OTHERS = 8


@RECALC.step(
    "recalc.limits",
    "all",
    when="always",
    effect="the highest leaf and subleaf of leaf 7 are at most those of the maximum",
    why="Xen has no more leaves for this guest type",
    source=_SOURCE,
)
def _limits(draft: DomainDraft) -> None:
    table, most = draft.table, draft.most
    table.set(BASIC, eax=min(table.max_leaf, most.max_leaf))
    table.set(FEATURES, 0, eax=min(table.max_subleaf, most.max_subleaf))


@RECALC.step(
    "recalc.extended-limit",
    "all",
    when="always",
    effect="the highest extended leaf is at most 80000021h (8000001ch in 4.13) where the policy's "
    "vendor is AMD or Hygon, else 80000008h",
    why="other vendors' CPUs have no more extended leaves",
    source=_SOURCE,
)
def _extended_limit(draft: DomainDraft) -> None:
    table = draft.table
    last = table.slots.extended & 0xFFFF if table.vendor in REPEATING else _LAST_OF_OTHERS
    table.set(EXTENDED, eax=EXTENDED | min(table.max_extended & 0xFFFF, last))


@RECALC.step(
    "recalc.max",
    "all",
    when="always",
    effect="features outside the maximum are cleared; MSR 10ah too",
    why="Xen does not offer it to this guest type on this host",
    source=_SOURCE,
)
def _max(draft: DomainDraft) -> None:
    draft.put(draft.features & (draft.most.features(draft.release) | _forced(draft)))


def _forced(draft: DomainDraft) -> int:
    """What older Xen lets a toolstack set whatever the maximum says."""
    xen, config, names = draft.xen, draft.domain.config, []
    if xen.in_release(_TOPOLOGY_FORCED):
        names += ["HTT", "X2APIC", "CMP_LEGACY"]
    stays = not config.migratable or config.vtsc
    if xen.in_release("4.13-4.14 xs8.2 xsr") and stays and xen.has_host("ITSC"):
        names.append("ITSC")
    if xen.in_release("4.13") and xen.tsx_ctrl:
        names += ["HLE", "RTM"]
    if xen.in_release("xs8.2 xsr") and (xen.has_host("HLE") or xen.has_host("RTM")):
        names += ["HLE", "RTM"]
    if xen.in_release("xs8.2 xsr") and draft.domain.kind == "hvm" and xen.mpx:
        names.append("MPX")
    return sum(draft.bit(name) for name in names)


@RECALC.step(
    "recalc.shadow",
    "all",
    when="HVM without nested paging (HAP)",
    effect="features that need nested paging are cleared",
    why="Xen cannot offer it with shadow paging",
    source=_SOURCE,
)
def _shadow(draft: DomainDraft) -> None:
    if draft.domain.kind == "hvm" and not draft.domain.hap:
        mask = draft.release.masks["hvm_shadow_max"].bits | _forced(draft)
        draft.put(draft.features & mask)


@RECALC.step(
    "recalc.nested",
    "all",
    when="HVM that was not created with nested virtualisation",
    effect="VMX and SVM are cleared",
    why="the domain was not created with nested virtualisation",
    source=_SOURCE,
)
def _nested(draft: DomainDraft) -> None:
    if draft.domain.kind == "hvm" and not draft.domain.config.nested:
        draft.put(draft.features & ~(draft.bit("VMX") | draft.bit("SVM")))


@RECALC.step(
    "recalc.pv32",
    "all",
    when="32-bit PV",
    effect="LM is cleared, and SYSCALL where the host's CPU is neither AMD's nor Hygon's",
    why="a 32-bit PV guest cannot use it",
    source=_SOURCE,
)
def _pv32(draft: DomainDraft) -> None:
    if draft.domain.config.type == "pv32":
        lost = draft.bit("LM")
        if draft.xen.vendor not in REPEATING:
            lost |= draft.bit("SYSCALL")
        draft.put(draft.features & ~lost)


@RECALC.step(
    "recalc.xsave",
    "all",
    when="the highest leaf is below dh",
    effect="XSAVE is cleared",
    why="the policy ends before leaf dh, which tells what to save",
    source=_SOURCE,
)
def _xsave(draft: DomainDraft) -> None:
    if draft.table.max_leaf < LAST_BASIC:
        draft.put(draft.features & ~draft.bit("XSAVE"))


@RECALC.step(
    "recalc.sanitise",
    "all",
    when="always",
    effect="features that the release does not know, and dependents of features that are not "
    "there, are cleared",
    why="it depends on a feature that is not there",
    source=policies("sanitise_featureset()"),
)
def _sanitise(draft: DomainDraft) -> None:
    draft.put(sanitised(draft.features & draft.release.masks["known"].bits, draft.release))


def sanitised(features: int, release: Release) -> int:
    """Without what depends on missing features."""
    missing = release.masks["deep_features"].bits & ~features
    for base, dependents in release.deep_deps.items():
        if missing >> base & 1:
            features &= ~dependents.bits
    return features


@RECALC.step(
    "recalc.x87",
    "all",
    when="always",
    effect="FDP_EXCP_ONLY and NO_FPU_SEL are the host's",
    why="how the CPU saves x87 state cannot be hidden from a guest",
    source=_SOURCE,
)
def _x87(draft: DomainDraft) -> None:
    host = draft.xen.host.features(draft.release)
    draft.put(draft.features & ~X87 | host & X87)


@RECALC.step(
    "recalc.clflush",
    "all",
    when="always",
    effect="leaf 1 EBX bits 15:8 are the host's",
    why="the size of a cache line is this CPU's",
    source=_SOURCE,
)
def _clflush(draft: DomainDraft) -> None:
    own, most = draft.table.leaf(1)[1], draft.most.leaf(1)[1]
    draft.table.set(1, ebx=own & ~0xFF00 | most & 0xFF00)


@RECALC.step(
    "recalc.physical-bits",
    "all",
    when="always",
    effect="80000008h EAX bits 7:0 are at most the maximum's and what the domain's paging can do, "
    "and at least 36 with PAE or PSE36, else 32",
    why="this host has no wider addresses for it",
    source=_SOURCE,
)
def _physical_bits(draft: DomainDraft) -> None:
    own, most = draft.table.leaf(EXTENDED + 8)[0], draft.most.leaf(EXTENDED + 8)[0]
    bits = min(own & 0xFF, most & 0xFF, draft.domain.paging_bits & 0xFF)
    bits = max(bits, 36 if draft.has("PAE") or draft.has("PSE36") else 32)
    draft.table.set(EXTENDED + 8, eax=own & ~0xFF | bits)


@RECALC.step(
    "recalc.linear-bits",
    "all",
    when="always",
    effect="80000008h EAX bits 15:8 are 48 with LM, else 32",
    why="Xen has no five-level paging for guests",
    source=_SOURCE,
)
def _linear_bits(draft: DomainDraft) -> None:
    own = draft.table.leaf(EXTENDED + 8)[0]
    bits = 48 if draft.has("LM") else 32
    draft.table.set(EXTENDED + 8, eax=own & ~0xFF00 | bits << 8)


@RECALC_END.step(
    "recalc.caches",
    "all",
    when="always",
    effect="leaf 4 loses reserved bits, and all from the first subleaf on that is no cache",
    why="Xen knows no more of caches",
    source=_SOURCE,
)
def _caches(draft: DomainDraft) -> None:
    table = draft.table
    for subleaf in range(LAST_CACHE + 1):
        eax, ebx, ecx, edx = table.leaf(CACHES, subleaf)
        if not 1 <= eax & 0x1F <= 3:
            table.clear_from(CACHES, subleaf)
            return
        table.put((CACHES, subleaf), (eax & 0xFFFFC3FF, ebx, ecx, edx & 7))


@RECALC_END.step(
    "recalc.pmu",
    "all",
    when="there are no virtual performance counters",
    effect="leaf ah is 0",
    why="guests get no performance counters",
    source=_SOURCE,
)
def _pmu(draft: DomainDraft) -> None:
    if not draft.xen.vpmu:
        draft.table.clear(0xA)


@RECALC_END.step(
    "recalc.svm-leaf",
    "all",
    when="no SVM in the policy",
    effect="8000000ah is 0",
    why="it tells of SVM only",
    source=_SOURCE,
)
def _svm_leaf(draft: DomainDraft) -> None:
    if not draft.has("SVM"):
        draft.table.clear(EXTENDED + 0xA)


@RECALC_END.step(
    "recalc.large-pages",
    "all",
    when="no PAGE1GB in the policy",
    effect="80000019h is 0",
    why="it tells of 1 GiB pages only",
    source=_SOURCE,
)
def _large_pages(draft: DomainDraft) -> None:
    if not draft.has("PAGE1GB"):
        draft.table.clear(EXTENDED + 0x19)


PHASES = (RECALC, XSTATE, MISC, RECALC_END)
