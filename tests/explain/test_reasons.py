"""Reasons: of a derivation, of one made again, and where there is none."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import example, made
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.cpus.shipped import get
from xenops_cpu.explain.reasons import reasons, rederive, story
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.host import Host, Xen
from xenops_cpu.sources.simulated import Simulated, other_cpu


def test_the_reason_from_a_derivation() -> None:
    """What decided comes first, and what it depends on after it."""
    xen = release("4.17")
    host, derivation = Simulated(other_cpu(get("xeon-gold-6154").cpu), xen).explained()
    explain = reasons(host, lambda: derivation)
    assert explain is not None
    text = explain("hvm_max", xen.features["AVX512F"].number)
    assert "depends on" in text or "GDS" in text
    assert "CPUID 0x80000001.ecx bit 6 is 0" in explain("hvm_max", xen.features["SSE4A"].number)


def test_a_captured_host_is_derived_again() -> None:
    """A reason is told where the derivation agrees with Xen, and none where it does not."""
    host = example("skylake-server-xen-4.17")
    explain = reasons(host)
    assert explain is not None
    number = host.release.features["SSE4A"].number
    assert "bit 6 is 0" in explain("hvm_max", number)
    most = host.featuresets.hvm_max
    assert most is not None
    sets = evolve(host.featuresets, hvm_max=Featureset(most.bits | 1 << number, most.length))
    other = evolve(host, featuresets=sets)
    wrong = reasons(other)
    assert wrong is not None
    assert wrong("hvm_max", number) == "Xen has decided so; why is not known here"


def test_a_release_without_max_sets() -> None:
    """XenServer 8.2 has one set a guest type: max is told by it, or by what libxc adds to it."""
    xen = release("xenserver-8.2")
    host, derivation = Simulated(other_cpu(get("xeon-gold-6154").cpu), xen).explained()
    explain = reasons(host, lambda: derivation)
    assert explain is not None
    assert "Xen 4.7 showed it falsely" in explain("hvm_max", xen.features["IBS"].number)
    assert "bit 6 is 0" in explain("hvm_max", xen.features["SSE4A"].number)


def test_a_word_that_the_release_has_not() -> None:
    """A feature of a newer release is no reason to fail."""
    xen = release("4.13")
    host, derivation = Simulated(other_cpu(get("xeon-gold-6154").cpu), xen).explained()
    explain = reasons(host, lambda: derivation)
    assert explain is not None
    assert explain("hvm_max", 18 * 32 + 1) == "Xen 4.13 has no word for it"


def test_nobody_knows_without_a_raw_policy() -> None:
    """A host of which only sets are known has no reasons."""
    assert reasons(made()) is None


@pytest.mark.parametrize(
    ("host", "note"),
    [
        (
            evolve(example("epyc-xen-4.17"), xen=Xen("4.12.1")),
            "no reasons: what Xen 4.12 derives is not known here",
        ),
        (
            evolve(example("epyc-xen-4.17"), policies={"raw": Policy({(0, 0): (1, 2, 3, 4)})}),
            "no reasons: CPUID leaf 1 is missing: family, model and the first words are in it",
        ),
        (
            evolve(example("epyc-xen-4.17"), xen=Xen("4.17.1", commandline="tsx=1\n")),
            "no reasons: command line: '\\n' cannot stand in it",
        ),
    ],
)
def test_why_there_are_no_reasons(host: Host, note: str) -> None:
    """A release that is not known, a raw policy that is no CPU's, a command line that is none."""
    assert rederive(host) == (None, (note,))


def test_a_host_whose_policy_is_no_cpu() -> None:
    """It is asked for reasons and has none to tell; a release not known here is not even asked."""
    broken = evolve(example(), policies={"raw": Policy({(0, 0): (1, 2, 3, 4)})})
    explain = reasons(broken)
    assert explain is not None
    assert explain("hvm_max", 0) == "Xen has decided so; why is not known here"
    assert reasons(evolve(example(), xen=Xen("4.12.1"))) is None


def test_a_story_ends_with_the_words() -> None:
    """A bit beyond the release's words has no story; the last bit within has one."""
    xen = release("4.17")
    _, derivation = Simulated(other_cpu(get("xeon-gold-6154").cpu), xen).explained()
    assert story(derivation, "raw", xen.length * 32) == ()
    assert story(derivation, "raw", xen.length * 32 - 1)


def test_max_of_a_release_with_one_set() -> None:
    """Its story is that of the only set of the guest type."""
    xen = release("4.13")
    _, derivation = Simulated(other_cpu(get("xeon-gold-6154").cpu), xen).explained()
    assert story(derivation, "pv_max", 0) == story(derivation, "pv_default", 0)
    assert story(derivation, "hvm_max", 0) == story(derivation, "hvm_default", 0)
    assert story(derivation, "pv_max", 0) != story(derivation, "hvm_max", 0)
