"""Differences of featuresets and hosts: like with like, and a VM's way from one to the other."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import EXAMPLES, example, made, names
from xenops_cpu.explain import differences
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES, release

SETS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=20).map(Featureset.of_words)


@given(SETS, SETS)
def test_both_sides_and_what_is_common(a: Featureset, b: Featureset) -> None:
    """What each has alone and what both have is all there is."""
    found = differences.featuresets(a, b, release("4.17"))
    common = a & b
    assert (found.only_in_a | common).bits == a.bits
    assert (found.only_in_b | common).bits == b.bits
    assert found.same == (a.bits == b.bits)


@given(SETS, st.sampled_from(RELEASES))
def test_groups_have_every_feature_once(numbers: Featureset, name: str) -> None:
    """Grouping loses nothing, and says what each loss means."""
    groups = differences.groups(numbers, release(name))
    assert sorted(number for group in groups for number in group.numbers) == list(numbers)
    assert all(group.title for group in groups)


def test_boot_with_boot_and_migration_with_migration() -> None:
    """The sets of two hosts are compared with sets of their kind."""
    a, b = made("FPU SSE", "FPU SSE HLE"), made("FPU", "FPU SSE RTM")
    found = differences.hosts(a, b)
    only = {
        kind: (found.release.names(d.only_in_a), found.release.names(d.only_in_b))
        for kind, d in found.sets.items()
    }
    assert only["pv_boot"] == (["SSE"], [])
    assert only["pv_migration"] == (["HLE"], ["RTM"])
    assert list(only) == list(differences.KINDS)


def test_a_vm_s_way() -> None:
    """What a VM saw at boot is compared with what the other host takes in."""
    a, b = made("FPU SSE", "FPU SSE HLE"), made("FPU", "FPU SSE RTM")
    ways = {(j.guest, j.origin, j.target): j for j in differences.hosts(a, b, ("a", "b")).journeys}
    assert not ways["PV", "a", "b"].missing  # SSE is accepted, though not given at boot
    c = made("FPU SSE HLE", "FPU SSE HLE")
    there = {(j.guest, j.origin): j for j in differences.hosts(c, b, ("c", "b")).journeys}
    assert list(there["HVM", "c"].missing) == [release("4.17").features["HLE"].number]
    assert not there["HVM", "b"].missing


def test_no_such_guests() -> None:
    """Where a host runs no HVM guests, none can go there: that is no missing feature."""
    a, b = example("epyc-xen-4.17"), example("skylake-server-xen-4.17")
    ways = {(j.guest, j.target): j for j in differences.hosts(a, b, ("a", "b")).journeys}
    assert ways["PV", "b"].possible
    assert not ways["HVM", "b"].possible
    assert not ways["HVM", "a"].possible


def test_sets_that_nobody_told() -> None:
    """They are left out of the comparison; they are not empty sets."""
    a, b = made(), made("FPU")
    untold = evolve(b, featuresets=evolve(b.featuresets, raw=Featureset(), pv_max=Featureset()))
    assert "raw" in differences.hosts(a, b).sets
    assert "raw" not in differences.hosts(a, untold).sets


def test_a_host_and_itself() -> None:
    """Nothing differs."""
    for name in EXAMPLES:
        found = differences.hosts(example(name), example(name))
        assert found.same
        assert not any(journey.possible and journey.missing for journey in found.journeys)


def test_the_later_release_names_the_bits() -> None:
    """It knows more names."""
    found = differences.hosts(example("epyc-xen-4.20"), example("epyc-xen-4.17"))
    assert found.release.name == "4.20"


def test_a_vm_arrives() -> None:
    """A remembered featureset is compared with the migration sets of both guest types."""
    seen = names("FPU SSE HLE AVX")
    ways = differences.arrival(seen, made("FPU SSE", "FPU SSE HLE"), "vm", "host")
    assert [j.guest for j in ways] == ["PV", "HVM"]
    assert [release("4.17").names(j.missing) for j in ways] == [["AVX"], ["AVX"]]
