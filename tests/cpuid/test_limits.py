"""The highest leaves of policies, which no feature tells."""

from __future__ import annotations

from tests.support.hosts import example
from xenops_cpu.cpuid.limits import LeafLimits
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy


def test_leaf_limits_of_policies() -> None:
    """Highest basic leaf, subleaf of leaf 7 and extended leaf, with or without a subleaf 0."""
    real = LeafLimits.of(example("skylake-server-xen-4.17").policies["host"])
    assert real == LeafLimits(basic=0xD, subleaf7=0, extended=0x80000008)
    text = (
        "00000000:00000000->00000016:0:0:0;00000007:00000000->00000002:0:0:0;"
        "80000000:00000000->80000021:0:0:0"
    ).replace(":0:0:0", ":00000000:00000000:00000000")
    assert LeafLimits.of(Policy.parse(text)) == LeafLimits(0x16, 2, 0x80000021)


def test_limits_beyond_the_hosts() -> None:
    """Each limit that is too high is a sentence, and none that is not."""
    host = LeafLimits(0xD, 0, 0x80000008)
    assert list(LeafLimits(0xD, 0, 0x80000008).beyond(host)) == []
    assert list(LeafLimits(0x16, 2, 0x80000021).beyond(host)) == [
        "the VM's highest CPUID leaf is 0x16, the host's 0xd",
        "the VM's highest subleaf of CPUID leaf 7 is 0x2, the host's 0x0",
        "the VM's highest extended CPUID leaf is 0x80000021, the host's 0x80000008",
    ]


def test_a_policy_without_leaves_has_no_limits() -> None:
    """What is not there counts as zero."""
    assert LeafLimits.of(Policy()) == LeafLimits(0, 0, 0)


def test_a_policy_that_ends_before_leaf_7_has_no_subleaf_of_it() -> None:
    """Xen clears what a policy's own limit puts out of range before it compares."""
    leaves = {(0, NO_SUBLEAF): (6, 0, 0, 0), (7, 0): (2, 0, 0, 0)}
    assert LeafLimits.of(Policy(leaves, {})) == LeafLimits(6, 0, 0)
    leaves[0, NO_SUBLEAF] = (7, 0, 0, 0)
    assert LeafLimits.of(Policy(leaves, {})) == LeafLimits(7, 2, 0)
