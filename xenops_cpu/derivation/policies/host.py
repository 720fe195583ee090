"""raw -> host: what Xen reads of the CPU, and what it makes of that for itself."""

from __future__ import annotations

from ...cpuid.fields import PLATFORM_INFO
from ...cpuid.identity import INTEL, NOTHING, REPEATING, Registers
from ...cpuid.policy import NO_SUBLEAF
from ...cpuid.slots import (
    BASIC,
    CACHES,
    EXTENDED,
    FEATURES,
    LAST_BASIC,
    LAST_CACHE,
    LAST_STATE,
    LAST_TOPOLOGY,
    STATE,
    TOPOLOGY,
)
from ...features.featureset import WORD_BITS
from ..boot import NATIVE
from ..releases import span
from ..source import Source
from ..step import PhaseOf
from .system_draft import SystemDraft
from .xstate import XSAVEC, compressed_size, uncompressed_size

_RAW = Source(
    "cpu-policy.c calculate_raw_cpu_policy()",
    {
        "4.13 xsr": "cpuid.c calculate_raw_policy()",
        "4.14-4.17": "cpu-policy.c calculate_raw_policy()",
    },
)
_HOST = Source(
    "cpu-policy.c calculate_host_policy()",
    {
        "4.13 xsr": "cpuid.c calculate_host_policy()",
        "4.22+": "cpu-policy.c calculate_host_cpu_policy()",
    },
)

RAW: PhaseOf[SystemDraft] = PhaseOf("Raw")
HOST: PhaseOf[SystemDraft] = PhaseOf("Host")
HOST_END: PhaseOf[SystemDraft] = PhaseOf("Host, after its leaf dh and hidden leaves")

FAULTING = 1 << 31
SVM_LEAF = EXTENDED + 0xA
# NPT, LBRV, NRIPS, DECODEASSISTS, PAUSEFILTER: what nested SVM needs of the hardware.
SVM_HARDWARE = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 7 | 1 << 10
SVM_TSC_RATE, SVM_CLEAN_BITS = 1 << 4, 1 << 5
_WITH_SUBLEAVES = (EXTENDED + 0x1D, EXTENDED + 0x20)


@RAW.step(
    "raw.leaves",
    "all",
    when="always",
    effect="the leaves as CPUID gives them on the boot CPU, as far as a policy has slots; leaves 4 "
    "and bh up to the first empty subleaf, leaf dh for components that exist",
    why="it is what the silicon says",
    source=NATIVE,
)
def _leaves(draft: SystemDraft) -> None:
    table, cpu = draft.table, draft.cpu
    table.put((BASIC, NO_SUBLEAF), cpu.leaf(BASIC))
    tables = (CACHES, FEATURES, TOPOLOGY, STATE)
    for leaf in range(1, min(cpu.max_basic, LAST_BASIC) + 1):
        if leaf not in tables:
            table.put((leaf, NO_SUBLEAF), cpu.leaf(leaf))
    if cpu.max_basic >= CACHES:
        _until_none(draft, CACHES, LAST_CACHE, 0, 0x1F)
    if cpu.max_basic >= FEATURES:
        last = min(cpu.leaf(FEATURES)[0], table.slots.features)
        for subleaf in range(last + 1):
            table.put((FEATURES, subleaf), cpu.leaf(FEATURES, subleaf))
    if cpu.max_basic >= TOPOLOGY:
        _until_none(draft, TOPOLOGY, LAST_TOPOLOGY, 2, 0xFF00)
    if cpu.max_basic >= STATE:
        _state(draft)
    # Xen does not look whether 80000000h answers as an extended leaf.
    table.put((EXTENDED, NO_SUBLEAF), cpu.leaf(EXTENDED))
    last = min(cpu.leaf(EXTENDED)[0] & 0xFFFF, table.slots.extended & 0xFFFF)
    for leaf in range(EXTENDED + 1, EXTENDED + last + 1):
        table.put((leaf, NO_SUBLEAF), _extended(draft, leaf))


def _until_none(draft: SystemDraft, leaf: int, last: int, register: int, mask: int) -> None:
    for subleaf in range(last + 1):
        registers = draft.cpu.leaf(leaf, subleaf)
        if not registers[register] & mask:
            return
        draft.table.put((leaf, subleaf), registers)


def _state(draft: SystemDraft) -> None:
    table, cpu = draft.table, draft.cpu
    table.put((STATE, 0), cpu.leaf(STATE, 0))
    table.put((STATE, 1), cpu.leaf(STATE, 1))
    states = table.states
    for number in range(2, LAST_STATE + 1):
        if states >> number & 1:
            table.put((STATE, number), cpu.leaf(STATE, number))


def _extended(draft: SystemDraft, leaf: int) -> Registers:
    """Xen asks for extended leaves without a subleaf, so for the one that ECX happens to hold: in
    8000001dh and 80000020h, which have subleaves, it is the leaf before that left its ECX there.
    """
    if leaf not in _WITH_SUBLEAVES:
        return draft.cpu.leaf(leaf)
    subleaf = draft.table.leaf(leaf - 1)[2]
    return draft.cpu.leaves.get((leaf, subleaf), NOTHING)


@RAW.step(
    "raw.features",
    "all",
    when="always",
    effect="the registers with features are the words of the raw featureset, MSR 10ah too",
    why="the featureset has the reasons for each of them",
    source=_RAW,
)
def _raw_features(draft: SystemDraft) -> None:
    put_words(draft)


@RAW.step(
    "raw.state-size-on",
    "4.13-4.17 xs8/4.17.3-4 xs8.2 xsr",
    when="XSAVE in the host set",
    effect="leaf dh subleaf 0 EBX is the size of all state that Xen switches on; subleaf 1 EBX, "
    "with XSAVEC, the compacted size",
    why="the policy is read when Xen has switched XSAVE on already",
    source="xstate.c xstate_init()",
)
def _state_size_on(draft: SystemDraft) -> None:
    table = draft.table
    if not draft.host_words >> feature_number(draft, "XSAVE") & 1:
        return
    eax, _, _, edx = table.leaf(STATE, 0)
    states = (eax | edx << 32) & _SWITCHED_ON
    table.set(STATE, 0, ebx=uncompressed_size(table, states))
    if table.leaf(STATE, 1)[0] & XSAVEC:
        table.set(STATE, 1, ebx=compressed_size(table, states))


# xen/arch/x86/include/asm/xstate.h XCNTXT_MASK: x87, SSE, AVX, MPX, AVX-512, PKU.
_SWITCHED_ON = 0x2FF


@RAW.step(
    "raw.state-size",
    "4.18+ xs8/4.17.4-2+",
    when="always",
    effect="leaf dh subleaves 0 and 1 EBX are 0",
    why="they change with what is switched on and say nothing of the CPU",
    source=_RAW,
)
def _state_size(draft: SystemDraft) -> None:
    draft.table.set(STATE, 0, ebx=0)
    draft.table.set(STATE, 1, ebx=0)


@RAW.step(
    "raw.faulting",
    "all",
    when="Intel, or Xen runs in a VM of AMD or Hygon (4.17 on: Intel family fh in a VM only)",
    effect="MSR ceh has bit 31 where the CPU's has it, and nothing else",
    why="CPUID can be made to fault in user code",
    source="cpu/common.c probe_cpuid_faulting()",
)
def _faulting(draft: SystemDraft) -> None:
    cpu = draft.cpu
    old = cpu.vendor == INTEL and cpu.family == 0xF and draft.release.name in span("4.17+ xs8")
    if (cpu.vendor == INTEL and not old) or (cpu.hypervisor and cpu.vendor in {INTEL, *REPEATING}):
        draft.table.put_msr(PLATFORM_INFO, cpu.msrs.get(PLATFORM_INFO, 0) & FAULTING)


def feature_number(draft: SystemDraft, name: str) -> int:
    """Of a feature; where the release does not know it, one that no featureset has."""
    feature = draft.release.features.get(name)
    return feature.number if feature else draft.release.length * WORD_BITS


def put_words(draft: SystemDraft) -> None:
    """Every feature register as in the featureset of this policy."""
    draft.table.put_features(draft.release, draft.words)


@HOST.step(
    "host.limits",
    "all",
    when="always",
    effect="the highest leaf is at most dh, the highest subleaf of leaf 7 and the highest extended "
    "leaf at most the last that the release knows",
    why="Xen knows nothing beyond",
    source=_HOST,
)
def _limits(draft: SystemDraft) -> None:
    table = draft.table
    table.set(BASIC, eax=min(table.max_leaf, LAST_BASIC))
    table.set(FEATURES, 0, eax=min(table.max_subleaf, table.slots.features))
    highest = table.max_extended
    if draft.words >> feature_number(draft, "LFENCE_DISPATCH") & 1:
        highest = max(highest, EXTENDED + 0x21)
        draft.detail = "80000021h has to be there for LFENCE_DISPATCH"
    table.set(EXTENDED, eax=EXTENDED | min(highest & 0xFFFF, table.slots.extended & 0xFFFF))


@HOST.step(
    "host.features",
    "all",
    when="always",
    effect="the registers with features are the words of the host featureset, MSR 10ah too",
    why="the featureset has the reasons for each of them",
    source=_HOST,
)
def _host_features(draft: SystemDraft) -> None:
    put_words(draft)


@HOST_END.step(
    "host.pmu",
    "all",
    when="vpmu= is off, or Xen has no virtual performance counters for the CPU",
    effect="leaf ah is 0",
    why="guests get no performance counters",
    source=_HOST,
)
def _pmu(draft: SystemDraft) -> None:
    if not vpmu_works(draft):
        draft.table.clear(0xA)


def vpmu_works(draft: SystemDraft) -> bool:
    """Whether vpmu= is on and Xen knows the counters: Intel family 6 with version 2 to 5 (arch/x86/
    cpu/vpmu_intel.c core2_vpmu_init()); on AMD leaf ah is 0 in any case.
    """
    cpu = draft.cpu
    return (
        draft.options.vpmu
        and not draft.options.watchdog
        and cpu.vendor == INTEL
        and cpu.family == 6
        and cpu.max_basic >= 0xA
        and 2 <= cpu.leaf(0xA)[0] & 0xFF <= 5
    )


@HOST_END.step(
    "host.svm",
    "4.13-4.18 xs8 xs8.2 xsr",
    when="SVM in the policy",
    effect="8000000ah EDX keeps NPT, LBRV, NRIPS, DECODEASSISTS, PAUSEFILTER, and gets VMCBCLEAN "
    "and TSCRATEMSR",
    why="the first need hardware, the others are emulated for nested guests",
    source=_HOST,
)
def _svm(draft: SystemDraft) -> None:
    if draft.has("SVM"):
        kept = draft.table.leaf(SVM_LEAF)[3] & SVM_HARDWARE
        draft.table.set(SVM_LEAF, edx=kept | SVM_CLEAN_BITS | SVM_TSC_RATE)
