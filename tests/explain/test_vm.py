"""From what a host decides on one VM: its own policies, or the raw one."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.guests import domain
from tests.support.hosts import example, made
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.cpus.shipped import get
from xenops_cpu.explain.vm import Why, hypervisor_of, story
from xenops_cpu.features.release import release
from xenops_cpu.guests.hypervisor import NoPolicies, of_host
from xenops_cpu.guests.setting import set_policy
from xenops_cpu.sources.simulated import Simulated, other_cpu

DERIVED = "its policies are derived from the raw one, not read"


def test_measured_policies_come_first() -> None:
    """A host that answered all of them decides from those, and nothing is said of a derivation."""
    host = example()
    hypervisor = hypervisor_of(host, None)
    assert hypervisor == of_host(host)
    assert DERIVED not in hypervisor.notes


def test_the_raw_policy_alone_is_derived_from() -> None:
    """What the host lacks is made by Xen's steps, which is said, with what that rests on."""
    source = Simulated(other_cpu(get("xeon-gold-6154").cpu), release("4.17"))
    host, derivation = source.explained()
    bare = evolve(host, policies={"raw": host.policies["raw"]})
    hypervisor = hypervisor_of(bare, None)
    assert hypervisor.notes[-1] == DERIVED
    assert "derivation made again from the raw CPU policy" in hypervisor.notes[0]
    simulated = hypervisor_of(host, derivation)
    assert DERIVED not in simulated.notes
    for kind in ("pv", "hvm"):
        features = simulated.maximum(kind).features(release("4.17"))
        assert hypervisor.maximum(kind).features(release("4.17")) == features


def test_without_any_policy_nobody_knows() -> None:
    """The error names the host, the policies that are missing, and where they are to be had."""
    message = r"made up: its policies raw, host, pv_default, .* are not known; what xen-cpuid -p"
    with pytest.raises(NoPolicies, match=message):
        hypervisor_of(made(), None)


def test_what_goes_with_another_feature() -> None:
    """Xen clears what depends on a feature that a VM's policy lacks: the story names that."""
    guest = domain()
    features = guest.hypervisor.release.features
    key = 1, NO_SUBLEAF
    a, b, c, d = guest.table.leaves[key]
    without = set_policy(guest, [(key, (a, b, c & ~(1 << 26), d))])
    assert story(without, features["XSAVE"].number, None) == (
        Why("set.given", "the policy that was set says so", False),
    )
    assert story(without, features["XSAVEOPT"].number, None) == (
        Why("recalc.sanitise", "it depends on XSAVE, which the VM has not", False),
    )
    assert story(without, features["SSE"].number, None) == ()
