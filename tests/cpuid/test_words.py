"""xenops_cpu.policy_featureset: policies as featuresets and back."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import example
from tests.support.reports import golden
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.cpuid.words import featureset_policy, guest_featureset, lost, policy_featureset
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.sources.printed import xen_cpuid


def policies(name: str = "epyc-xen-4.17") -> Mapping[str, Policy]:
    """What a real Xen's xen-cpuid -p printed in the boot of the example."""
    return xen_cpuid.parse(golden(f"{name}.xen-cpuid-p.txt"), "golden").parts.policies


@pytest.mark.parametrize("name", ["epyc-xen-4.17", "ivybridge-xen-4.17"])
def test_the_policies_of_a_real_xen_hold_its_featuresets(name: str) -> None:
    """What Xen's sysctl said, but for VERW_CLEAR, which Xen 4.17 has in a leaf beyond its limit."""
    host = example(name)
    differences = {
        key: host.release.names(
            getattr(host.featuresets, key) ^ policy_featureset(policy, host.release)
        )
        for key, policy in policies(name).items()
    }
    assert len(differences) == 6
    verw = ["VERW_CLEAR"] if name.startswith("epyc") else []
    assert differences == {
        **{key: [] for key in differences},
        "pv_max": verw,
        "hvm_max": verw,
    }


def test_a_guests_featureset_has_no_repeated_bits() -> None:
    """On AMD, leaf 80000001h EDX repeats leaf 1 EDX; elsewhere it has bits of its own only."""
    xen = release("4.17")
    leaves = {
        (0, NO_SUBLEAF): (1, 0x68747541, 0x444D4163, 0x69746E65),
        (1, NO_SUBLEAF): (0, 0, 0, 0x00000011),
        (0x80000000, NO_SUBLEAF): (0x80000001, 0, 0, 0),
        (0x80000001, NO_SUBLEAF): (0, 0, 0, 0x20000111),
    }
    repeated = ["FPU", "TSC", "<2*32+0>", "<2*32+4>", "<2*32+8>", "LM"]
    assert xen.names(policy_featureset(Policy(leaves), xen)) == repeated
    assert xen.names(guest_featureset(Policy(leaves), xen)) == ["FPU", "TSC", "<2*32+8>", "LM"]
    leaves[0, NO_SUBLEAF] = (1, 0x756E6547, 0x6C65746E, 0x49656E69)
    assert xen.names(guest_featureset(Policy(leaves), xen)) == repeated


@given(st.sampled_from(RELEASES), st.data())
def test_a_featureset_comes_back_from_its_policy(name: str, data: st.DataObject) -> None:
    """Every bit of a word that CPUID or an MSR has, whatever the limits were before."""
    xen = release(name)
    bits = 0
    for word in xen.words:
        if word.leaf is not None or word.msr is not None:
            bits |= data.draw(st.integers(0, 0xFFFFFFFF)) << word.index * 32
    featureset = Featureset(bits, xen.length)
    # Where leaf 80000001h or 7 has words, their limits are not words.
    made = featureset_policy(featureset, xen)
    assert policy_featureset(made, xen) == featureset
    again = featureset_policy(featureset, xen, made)
    assert again == made


def test_everything_else_is_the_bases() -> None:
    """Family, caches, address sizes and other MSRs stay as they were."""
    host = example()
    base = policies()["hvm_max"]
    made = featureset_policy(host.featuresets.hvm_default, host.release, base)
    assert policy_featureset(made, host.release) == host.featuresets.hvm_default
    for key, registers in base.leaves.items():
        if key[0] not in {word.leaf for word in host.release.words} | {0}:
            assert made.leaves[key] == registers
    assert made.leaves[1, NO_SUBLEAF][:2] == base.leaves[1, NO_SUBLEAF][:2]
    assert made.msrs[0xCE] == base.msrs[0xCE]


def test_a_leaf_beyond_the_limits_counts_as_zero() -> None:
    """A basic leaf, a subleaf of 7, an extended leaf: each has a limit of its own."""
    xen = release("4.17")
    leaves = {
        (0, NO_SUBLEAF): (7, 0, 0, 0),
        (7, 0): (0, 1, 0, 0),
        (7, 1): (0x10, 0, 0, 0),
        (0xD, 1): (1, 0, 0, 0),
        (0x80000000, NO_SUBLEAF): (0x80000001, 0, 0, 0),
        (0x80000001, NO_SUBLEAF): (0, 0, 1, 0),
        (0x80000008, NO_SUBLEAF): (0, 1, 0, 0),
    }
    assert xen.names(policy_featureset(Policy(leaves), xen)) == ["LAHF_LM", "FSGSBASE"]
    leaves[0, NO_SUBLEAF] = (0xD, 0, 0, 0)
    leaves[7, 0] = (1, 1, 0, 0)
    leaves[0x80000000, NO_SUBLEAF] = (0x80000008, 0, 0, 0)
    assert xen.names(policy_featureset(Policy(leaves), xen)) == [
        "LAHF_LM", "XSAVEOPT", "FSGSBASE", "CLZERO", "AVX_VNNI",
    ]  # fmt: skip


def test_what_a_featureset_cannot_hold_is_named() -> None:
    """Each leaf and MSR with something in it that no word has."""
    host = example()
    words = lost(policies()["hvm_max"], host.release)
    for part in (
        "CPUID 0: vendor and highest basic leaf",
        "CPUID 1: family, model and stepping",
        "CPUID d: XSAVE state",
        "CPUID 80000008: address sizes",
        "MSR ce: PLATFORM_INFO",
    ):
        assert any(word.startswith(part) for word in words), (part, words)
    assert lost(Policy(), host.release) == ()


def test_an_msr_is_written_half_by_half() -> None:
    """Each half is a word's; one without bits makes no register, and clears the one there was."""
    xen = release("4.17")
    low, high = xen.featureset(["RDCL_NO"]), xen.featureset(["ITS_NO"])
    number = xen.features["ITS_NO"].number % 32
    assert featureset_policy(low, xen).msrs == {0x10A: 1}
    assert featureset_policy(high, xen).msrs == {0x10A: 1 << 32 + number}
    assert featureset_policy(xen.featureset(["FPU"]), xen).msrs == {}
    full = Policy({}, {0x10A: (1 << 64) - 1, 0xCE: 5})
    assert featureset_policy(low, xen, full).msrs == {0x10A: 1, 0xCE: 5}
    assert featureset_policy(high, xen, full).msrs == {0x10A: 1 << 32 + number, 0xCE: 5}
    assert featureset_policy(xen.featureset([]), xen, full).msrs == {0x10A: 0, 0xCE: 5}


def test_only_leaves_that_are_needed() -> None:
    """A word without bits makes no leaf, but clears the one there was; limits rise with need."""
    xen = release("4.17")
    assert featureset_policy(xen.featureset([]), xen).leaves == {}
    xsave = featureset_policy(xen.featureset(["XSAVEOPT"]), xen).leaves
    assert xsave == {(0xD, 1): (1, 0, 0, 0), (0, NO_SUBLEAF): (0xD, 0, 0, 0)}
    vnni = featureset_policy(xen.featureset(["AVX_VNNI"]), xen).leaves
    assert vnni == {
        (7, 1): (1 << 4, 0, 0, 0), (7, 0): (1, 0, 0, 0), (0, NO_SUBLEAF): (7, 0, 0, 0)
    }  # fmt: skip
    base = Policy({(0, NO_SUBLEAF): (0x16, 1, 2, 3), (7, 0): (2, 4, 5, 6)})
    cleared = featureset_policy(xen.featureset(["AVX_VNNI"]), xen, base).leaves
    assert cleared == {
        (7, 1): (1 << 4, 0, 0, 0), (7, 0): (2, 0, 0, 0), (0, NO_SUBLEAF): (0x16, 1, 2, 3)
    }  # fmt: skip


def test_words_beyond_the_releases_have_no_place() -> None:
    """They are left out, whatever is in them; a shorter featureset has zeros there."""
    xen = release("4.17")
    longer = Featureset.of_words([1] + [0] * 18 + [0xFFFFFFFF] * 4)
    assert featureset_policy(longer, xen) == featureset_policy(Featureset(1, 1), xen)


def policy_of(*leaves: int, **msrs: int) -> Policy:
    values = {int(index[1:], 16): value for index, value in msrs.items()}
    return Policy({(leaf, NO_SUBLEAF): (1, 0, 0, 0) for leaf in leaves}, values)


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (policy_of(0x80000002, 0x80000003, 0x80000004), ["CPUID 80000002: brand string"]),
        (policy_of(0x80000004), ["CPUID 80000004: brand string"]),
        (policy_of(0x80000005, 0x80000006), ["CPUID 80000005: caches and TLBs"]),
        (policy_of(0x80000006), ["CPUID 80000006: caches and TLBs"]),
        (policy_of(0x7, 0x80000001, 0x80000007, 0x80000021), []),
        (policy_of(0x18, 0x3, 0x80000022), ["CPUID 3, 18, 80000022"]),
        (policy_of(0x1, 0x3), ["CPUID 1: family, model and stepping; APIC id, CLFLUSH size",
                               "CPUID 3"]),
        (Policy({(0xD, 0): (7, 0, 0, 0)}), ["CPUID d: XSAVE state components and their sizes"]),
        (Policy({(0xD, 2): (7, 0, 0, 0)}), ["CPUID d: XSAVE state components and their sizes"]),
        (Policy({(0xD, 1): (7, 0, 0, 0)}), []),
        (Policy({(0xD, 0): (0, 7, 7, 7)}), []),
        (policy_of(xCE=1, x10A=3, x140=0, x35=2),
         ["MSR 35", "MSR ce: PLATFORM_INFO (CPUID faulting)"]),
        (Policy({(0x3, NO_SUBLEAF): (0, 0, 0, 0)}), []),
    ],
)  # fmt: skip
def test_what_is_lost_leaf_by_leaf(policy: Policy, said: list[str]) -> None:
    """Leaves that belong together are one line, features are in words, zeros are nothing."""
    assert list(lost(policy, release("4.17"))) == said
