"""Whether a VM has a feature, and how that goes with what a host gives."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.explain.presence import Presence, presence
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.pools.vm import Vm

FEATURES = release("4.17").features
GIVES = host("h", "FPU SSE", "RTM")


@pytest.mark.parametrize(
    ("feature", "seen", "why"),
    [
        ("SSE", "SSE", "the host gives it to new HVM guests"),
        ("SSE", "FPU", "the host gives it to new HVM guests: a pool's level or its configuration "
         "left it out, or it was started elsewhere"),
        ("RTM", "RTM", "the host gives it to no new HVM guests by itself, and takes it in: the "
         "VM's configuration asked for it, or the VM came with it"),
        ("RTM", "FPU", "the host gives it to no new HVM guests by itself, and takes it in"),
        ("AVX", "AVX", "the host does not offer it to HVM guests: where such a VM arrives, Xen "
         "clears it"),
        ("AVX", "FPU", "the host does not offer it to HVM guests"),
    ],
)  # fmt: skip
def test_beside_a_host(feature: str, seen: str, why: str) -> None:
    """What the host does with the feature, and what follows for a VM that has it, or has it not."""
    vm = Vm("v", HVM, names(seen))
    number = FEATURES[feature].number
    assert presence(vm, number, GIVES) == Presence(vm, feature == seen, why)
    assert presence(vm, number) == Presence(vm, feature == seen)


def test_a_host_without_such_guests() -> None:
    """It has nothing to do with the feature."""
    only_pv = evolve(GIVES, offers={PV: GIVES.offers[PV]})
    vm = Vm("v", HVM, names("SSE"))
    number = FEATURES["SSE"].number
    assert presence(vm, number, only_pv).why == "the host runs no HVM guests"


def test_what_is_not_told() -> None:
    """A VM that has not booted, and words beyond its record, unless a policy tells them."""
    number = FEATURES["EIBRS"].number
    fresh = Vm("v", HVM, None)
    assert presence(fresh, number) == Presence(fresh, None, "it has seen no features yet")
    short = Vm("v", HVM, Featureset.parse("1-0-0"))
    assert presence(short, number) == Presence(short, None, "its record has 3 words only")
    assert presence(short, 95).present is False
    assert presence(short, 96).present is None
    told = evolve(short, policy=Policy({}, {}))
    assert presence(told, number) == Presence(told, False)
