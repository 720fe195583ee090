"""Differences of CPU policies: each is said, in words, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import example
from xenops_cpu.cpuid.identity import LeafKey, Registers
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.explain.policies import policies
from xenops_cpu.features.release import release

U32 = st.integers(0, 0xFFFFFFFF)
KEYS = st.sampled_from(
    [
        *((leaf, NO_SUBLEAF) for leaf in (0, 1, 2, 6, 0x80000000, 0x80000001, 0x80000002)),
        *((leaf, NO_SUBLEAF) for leaf in (0x80000007, 0x80000008, 0x8000001E, 0x80000021)),
        *((leaf, subleaf) for leaf in (4, 7, 0xB, 0xD, 0x1F) for subleaf in (0, 1, 2)),
    ]
)
POLICIES = st.builds(
    Policy,
    st.dictionaries(KEYS, st.tuples(U32, U32, U32, U32), max_size=6),
    st.dictionaries(st.sampled_from([0xCE, 0x10A, 0x123]), st.integers(0, 2**64 - 1), max_size=3),
)


def said(a: Policy, b: Policy) -> list[str]:
    return [f"{statement.category}: {statement}" for statement in policies(a, b).statements]


def leaf(key: LeafKey, registers: Registers, msrs: dict[int, int] | None = None) -> Policy:
    """A small policy whose limits let every leaf count."""
    limits: dict[LeafKey, Registers] = {
        (0, NO_SUBLEAF): (0x20, 0, 0, 0),
        (7, 0): (2, 0, 0, 0),
        (0x80000000, NO_SUBLEAF): (0x80000021, 0, 0, 0),
    }
    return Policy(limits | {key: registers}, msrs or {})


def without_zeros(policy: Policy) -> dict[LeafKey, Registers]:
    return {key: registers for key, registers in policy.leaves.items() if any(registers)}


@given(POLICIES, POLICIES)
def test_no_difference_goes_unsaid(a: Policy, b: Policy) -> None:
    """Two policies are called the same just when their leaves and MSRs are (zero is nothing)."""
    same = without_zeros(a) == without_zeros(b) and a.msrs == b.msrs
    assert policies(a, b).same == same


@given(POLICIES)
def test_a_policy_is_the_same_as_itself(policy: Policy) -> None:
    """Nothing is said of two equal policies."""
    assert policies(policy, policy).same


def test_max_subleaf() -> None:
    """The limit of leaf 7, which keeps VMs out whose features would all fit."""
    assert said(leaf((7, 0), (2, 0, 0, 0)), leaf((7, 0), (0, 0, 0, 0))) == [
        "leaf limits: highest subleaf of leaf 7 (max_subleaf): 2 → 0"
    ]


def test_limits_address_sizes_and_topology() -> None:
    """Each has its own category, and numbers as people read them."""
    key = (0x80000008, NO_SUBLEAF)
    a, b = leaf(key, (0x3027, 0, 3, 0)), leaf(key, (0x302E, 0, 7, 0))
    assert said(a, b) == [
        "topology: cores of a package (leaf 80000008h): 4 → 8",
        "address sizes: physical addresses: 39 bits → 46 bits",
    ]
    key = (0x80000000, NO_SUBLEAF)
    a, b = leaf(key, (0x80000008, 0, 0, 0)), leaf(key, (0x80000021, 0, 0, 0))
    assert said(a, b) == ["leaf limits: highest extended leaf: 80000008h → 80000021h"]


def test_features_by_name() -> None:
    """Feature bits are in the set difference, named as the release names them."""
    found = policies(leaf((7, 0), (2, 1 << 4 | 1 << 11, 0, 0)), leaf((7, 0), (2, 1 << 11, 0, 0)))
    assert not found.statements
    assert found.features.release.names(found.features.only_in_a) == ["HLE"]


def test_msr_fields_by_name() -> None:
    """ARCH_CAPS and PLATFORM_INFO by field; others by bit; an MSR that one policy lacks is told."""
    key, nothing = (1, NO_SUBLEAF), (0, 0, 0, 0)
    a = leaf(key, nothing, {0x10A: 1 | 1 << 62, 0xCE: 1 << 31, 0x123: 2})
    b = leaf(key, nothing, {0x10A: 0, 0xCE: 0})
    assert said(a, b) == [
        "MSRs: PLATFORM_INFO CPUID faulting (a kernel can make CPUID fault in user code): yes → no",
        "MSRs: ARCH_CAPS RDCL_NO: yes → no",
        "MSRs: ARCH_CAPS ITS_NO: yes → no",
        "MSRs: MSR 123: 0000000000000002 → not in the policy",
        "MSRs: MSR 123 bit 1: yes → no",
    ]


def test_bits_of_arch_caps_without_a_name_are_told_by_number() -> None:
    """In either word of the register, beside those that have one."""
    bits = 1 << 0 | 1 << 22 | 1 << 63
    a, b = (Policy(example().policies["host"].leaves, {0x10A: value}) for value in (0, bits))
    assert said(a, b) == [
        "MSRs: ARCH_CAPS RDCL_NO: no → yes",
        "MSRs: ARCH_CAPS bit 22: no → yes",
        "MSRs: ARCH_CAPS bit 63: no → yes",
    ]


def test_what_has_no_name_is_told_by_register() -> None:
    """A leaf that nothing is known of is told by its register and value."""
    assert said(leaf((2, NO_SUBLEAF), (1, 0, 0, 0)), leaf((2, NO_SUBLEAF), (2, 0, 0, 0))) == [
        "other leaves: CPUID 2 eax (cache descriptors): 00000001 → 00000002"
    ]


def test_two_real_cpus() -> None:
    """Vendor, brand, family and model stand before everything else that differs."""
    a, b = (example(name).policies["host"] for name in ("epyc-xen-4.17", "skylake-server-xen-4.17"))
    lines = [str(statement) for statement in policies(a, b, release("4.17")).statements]
    assert lines[:4] == [
        "highest extended leaf: 8000001eh → 80000008h",
        "vendor: AuthenticAMD → GenuineIntel",
        "brand: AMD EPYC Processor → Intel Xeon Processor (Skylake)",
        "family: 23 → 6",
    ]
