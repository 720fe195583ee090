"""A CPU policy as a featureset and back: which registers hold the words, and what is lost.

The words' places are those of xen/include/public/arch-x86/cpufeatureset.h (Release.words); the
conversion is xen/include/xen/lib/x86/cpu-policy.h, x86_cpu_policy_to_featureset(), and leaves
beyond a policy's own limits count as zero (lib/x86/cpuid.c,
x86_cpu_policy_clear_out_of_range_leaves()).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import COMMON_1D, Release, Word
from . import identity
from .identity import NOTHING, REGISTERS, LeafKey, Registers
from .policy import NO_SUBLEAF, Policy

_WORD = 0xFFFFFFFF

# What a guest sees in leaves and registers that no word of a featureset has: leaves, and what for.
_ELSEWHERE: tuple[tuple[range, str], ...] = (
    (range(0x1), "vendor and highest basic leaf"),
    (range(0x1, 0x2), "family, model and stepping; APIC id, CLFLUSH size"),
    (range(0x2, 0x3), "cache descriptors"),
    (range(0x4, 0x5), "caches"),
    (range(0x5, 0x6), "MONITOR line sizes"),
    (range(0x6, 0x7), "power and thermal features"),
    (range(0xA, 0xB), "performance counters"),
    (range(0xB, 0xC), "topology"),
    (range(0x14, 0x15), "processor trace"),
    (range(0x19, 0x1A), "key locker"),
    (range(0x1F, 0x20), "topology"),
    (range(0x80000000, 0x80000001), "highest extended leaf"),
    (range(0x80000002, 0x80000005), "brand string"),
    (range(0x80000005, 0x80000007), "caches and TLBs"),
    (range(0x80000008, 0x80000009), "address sizes and core count"),
    (range(0x8000000A, 0x8000000B), "SVM features"),
    (range(0x80000019, 0x8000001A), "TLBs"),
    (range(0x8000001C, 0x8000001D), "LWP"),
    (range(0x8000001D, 0x8000001E), "caches"),
    (range(0x8000001E, 0x8000001F), "topology"),
    (range(0x8000001F, 0x80000020), "memory encryption"),
)


def policy_featureset(policy: Policy, release: Release) -> Featureset:
    """The words of a release's featureset, taken from a policy's leaves and MSRs."""
    return Featureset.of_words(_value(policy, word) for word in release.words)


def guest_featureset(policy: Policy, release: Release) -> Featureset:
    """The featureset behind a guest's policy: what a host has to offer for this guest.

    On AMD and Hygon, CPUID 80000001h EDX repeats bits of leaf 1 EDX. Xen puts the repetition into
    a domain's policy only (arch/x86/cpu-policy.c, recalculate_cpuid_policy()); no featureset that a
    host offers has it.
    """
    featureset = policy_featureset(policy, release)
    if identity.vendor(policy.leaf(0)) not in identity.REPEATING:
        return featureset
    repeated = featureset.bits & COMMON_1D
    return Featureset(featureset.bits & ~(repeated << 2 * WORD_BITS), featureset.length)


def featureset_policy(
    featureset: Featureset, release: Release, base: Policy | None = None
) -> Policy:
    """The policy that has these words, and everything else as in `base` (nothing where None).

    Leaf limits are raised as far as the words need, never lowered. Words beyond the release's have
    no place and are left out.
    """
    leaves = dict(base.leaves) if base is not None else {}
    msrs = dict(base.msrs) if base is not None else {}
    for word, value in zip(release.words, featureset.extended(release.length).words, strict=False):
        if word.msr is not None:
            shift = 32 if word.half == "hi" else 0
            kept = msrs.get(word.msr, 0) & ~(_WORD << shift)
            if value or word.msr in msrs:
                msrs[word.msr] = kept | value << shift
        elif word.leaf is not None and word.register is not None:
            key = word_key(word)
            if value or key in leaves:
                leaves[key] = _with(leaves.get(key, NOTHING), word.register, value)
            if value:
                _raise_limits(leaves, key)
    return Policy(leaves, msrs)


def lost(policy: Policy, release: Release) -> tuple[str, ...]:
    """What this policy says and a featureset of the release cannot hold, in words."""
    return tuple(_lost(policy, release))


def word_key(word: Word) -> LeafKey:
    """The leaf and subleaf of a word that is a register of CPUID."""
    assert word.leaf is not None
    return (word.leaf, NO_SUBLEAF if word.subleaf is None else word.subleaf)


def _within_limits(policy: Policy, leaf: int, subleaf: int | None) -> bool:
    first = leaf & 0xFFFF0000
    if leaf - first > policy.leaf(first)[0] & 0xFFFF:
        return False
    return leaf != 7 or (subleaf or 0) <= policy.leaf(7)[0]


def _value(policy: Policy, word: Word) -> int:
    if word.msr is not None:
        return policy.msrs.get(word.msr, 0) >> (32 if word.half == "hi" else 0) & _WORD
    if word.leaf is None or word.register is None:
        return 0
    if not _within_limits(policy, word.leaf, word.subleaf):
        return 0
    return policy.leaf(word.leaf, word.subleaf)[REGISTERS.index(word.register)]


def _with(registers: Registers, name: str, value: int) -> Registers:
    eax, ebx, ecx, edx = (
        value if register == name else old
        for register, old in zip(REGISTERS, registers, strict=True)
    )
    return eax, ebx, ecx, edx


def _raise_limits(leaves: dict[LeafKey, Registers], key: LeafKey) -> None:
    """So that the leaf counts: the highest leaf of its range, and of leaf 7's subleaves."""
    leaf, subleaf = key
    first = leaf & 0xFFFF0000
    limit = leaves.get((first, NO_SUBLEAF), NOTHING)
    if limit[0] < leaf:
        leaves[first, NO_SUBLEAF] = _with(limit, "eax", leaf)
    if leaf == 7 and subleaf != NO_SUBLEAF:
        limit = leaves.get((7, 0), NOTHING)
        if limit[0] < subleaf:
            leaves[7, 0] = _with(limit, "eax", subleaf)


def _lost(policy: Policy, release: Release) -> Iterator[str]:
    leaves_lost = {leaf for (leaf, _), registers in policy.leaves.items() if any(registers)}
    for leaves, meaning in _ELSEWHERE:
        there = leaves_lost.intersection(leaves)
        if there:
            yield f"CPUID {min(there):x}: {meaning}"
        leaves_lost -= there
    if any(policy.leaf(0xD, subleaf)[0] for subleaf in (0, 2)):
        yield "CPUID d: XSAVE state components and their sizes"
    leaves_lost -= {word.leaf for word in release.words}
    if leaves_lost:
        yield f"CPUID {', '.join(f'{leaf:x}' for leaf in sorted(leaves_lost))}"
    msrs = {word.msr for word in release.words}
    for index, value in sorted(policy.msrs.items()):
        if index not in msrs and value:
            meaning = ": PLATFORM_INFO (CPUID faulting)" if index == 0xCE else ""
            yield f"MSR {index:x}{meaning}"
