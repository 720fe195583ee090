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
