"""host -> the policies of PV and HVM guests, maximum and default."""

from __future__ import annotations

from ...cpuid.fields import PLATFORM_INFO
from ...cpuid.slots import BASIC, EXTENDED, FEATURES, LAST_BASIC
from ..source import Source, policies
from ..step import PhaseOf
from .host import FAULTING, SVM_CLEAN_BITS, SVM_HARDWARE, SVM_LEAF, put_words
from .system_draft import SystemDraft

MAX_START: PhaseOf[SystemDraft] = PhaseOf("Guests, maximum: limits")
MAX: PhaseOf[SystemDraft] = PhaseOf("Guests, maximum: features")
MAX_END: PhaseOf[SystemDraft] = PhaseOf("Guests, maximum, after leaf dh")
DEFAULT: PhaseOf[SystemDraft] = PhaseOf("Guests, default")

_MAX_SOURCE = policies("calculate_pv_max_policy(), calculate_hvm_max_policy()")
_DEFAULT_SOURCE = policies("calculate_pv_def_policy(), calculate_hvm_def_policy()")
# All three limits are raised from here on (fa2d831803, October 2024), first of all leaf 7's
# (a2330b51df, May 2024); both as the branches' heads and XenServer's builds have them.
ALL_LIMITS = "4.18+ xs8/4.17.5-6+"
SUBLEAF_LIMIT = "4.17 xs8/4.17.4-2+"


@MAX_START.step(
    "max.subleaf",
    SUBLEAF_LIMIT,
    when="always",
    effect="the highest subleaf of leaf 7 is the last that Xen knows",
    why="VMs that saw a higher one than this CPU has may come in",
    source=_MAX_SOURCE,
)
def _subleaf(draft: SystemDraft) -> None:
    draft.table.set(FEATURES, 0, eax=draft.table.slots.features)


@MAX_START.step(
    "max.limits",
    ALL_LIMITS,
    when="always",
    effect="the highest leaf, extended leaf and subleaf of leaf 7 are the last that Xen knows",
    why="VMs that saw higher ones may come in, and Xen can make up leaves that the CPU lacks",
    source=policies("guest_common_max_leaves()"),
)
def _limits(draft: SystemDraft) -> None:
    table = draft.table
    table.set(BASIC, eax=LAST_BASIC)
    table.set(FEATURES, 0, eax=table.slots.features)
    table.set(EXTENDED, eax=table.slots.extended)


@MAX.step(
    "max.svm",
    "4.19+",
    when="HVM, SVM in the host policy",
    effect="8000000ah EDX keeps NPT, LBRV, NRIPS, DECODEASSISTS, PAUSEFILTER, and gets VMCBCLEAN",
    why="the first need hardware, the other is emulated for nested guests",
    source=policies("calculate_hvm_max_policy()"),
)
def _svm(draft: SystemDraft) -> None:
    if draft.guest == "hvm" and draft.has("SVM"):
        kept = draft.table.leaf(SVM_LEAF)[3] & SVM_HARDWARE
        draft.table.set(SVM_LEAF, edx=kept | SVM_CLEAN_BITS)


@MAX.step(
    "max.features",
    "all",
    when="always",
    effect="the registers with features are the words of the maximum featureset, MSR 10ah too",
    why="the featureset has the reasons for each of them",
    source=_MAX_SOURCE,
)
def _features(draft: SystemDraft) -> None:
    put_words(draft)


@MAX_END.step(
    "max.no-svm",
    "all",
    when="PV",
    effect="8000000ah is 0",
    why="PV guests cannot run virtual machines",
    source=policies("calculate_pv_max_policy()"),
)
def _no_svm(draft: SystemDraft) -> None:
    if draft.guest == "pv":
        draft.table.clear(SVM_LEAF)


@MAX_END.step(
    "max.faulting",
    "all",
    when="HVM",
    effect="MSR ceh has bit 31",
    why="Xen emulates the faulting of CPUID for HVM guests on every CPU",
    source=Source(
        "cpu-policy.c calculate_hvm_max_policy()",
        {"4.13 xsr": "msr.c calculate_hvm_max_policy()"},
    ),
)
def _faulting(draft: SystemDraft) -> None:
    if draft.guest == "hvm":
        draft.table.put_msr(PLATFORM_INFO, draft.table.msrs.get(PLATFORM_INFO, 0) | FAULTING)


@DEFAULT.step(
    "default.subleaf",
    SUBLEAF_LIMIT,
    when="always",
    effect="the highest subleaf of leaf 7 is the host's again",
    why="a new guest gets no more than the CPU has",
    source=_DEFAULT_SOURCE,
)
def _default_subleaf(draft: SystemDraft) -> None:
    draft.table.set(FEATURES, 0, eax=draft.host.max_subleaf)


@DEFAULT.step(
    "default.limits",
    ALL_LIMITS,
    when="always",
    effect="the highest leaf, extended leaf and subleaf of leaf 7 are the host's again",
    why="a new guest gets no more than the CPU has",
    source=policies("guest_common_default_leaves()"),
)
def _default_limits(draft: SystemDraft) -> None:
    table, host = draft.table, draft.host
    table.set(BASIC, eax=host.max_leaf)
    table.set(FEATURES, 0, eax=host.max_subleaf)
    table.set(EXTENDED, eax=host.max_extended)


@DEFAULT.step(
    "default.features",
    "4.14+ xs8",
    when="always",
    effect="the registers with features are the words of the default featureset, MSR 10ah too",
    why="the featureset has the reasons for each of them",
    source=_DEFAULT_SOURCE,
)
def _default_features(draft: SystemDraft) -> None:
    put_words(draft)
