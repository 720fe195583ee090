"""Differences of featuresets and hosts: like with like, and a VM's way from one to the other."""

from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import EXAMPLES, example, made
from xenops_cpu.explain import differences, sets
from xenops_cpu.explain.sets import SetDifference
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.hosts.host import Host
from xenops_cpu.interface import GuestType, Verdict
from xenops_cpu.pools.verdict import Answer

PV, HVM = GuestType.PV, GuestType.HVM
SETS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=20).map(Featureset.of_words)


@given(SETS, SETS)
def test_both_sides_and_what_is_common(a: Featureset, b: Featureset) -> None:
    """What each has alone and what both have is all there is."""
    found = SetDifference(a, b, release("4.17"))
    common = a & b
    assert (found.only_in_a | common).bits == a.bits
    assert (found.only_in_b | common).bits == b.bits
    assert found.same == (a.bits == b.bits)


@given(SETS, st.sampled_from(RELEASES))
def test_groups_have_every_feature_once(numbers: Featureset, name: str) -> None:
    """Grouping loses nothing, and says what each loss means."""
    groups = sets.groups(numbers, release(name))
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


Way = tuple[GuestType, str]


def ways(a: Host, b: Host) -> dict[Way, Answer]:
    """By guest type and target."""
    found = differences.hosts(a, b, ("a", "b"))
    return {(answer.vm.guest, answer.host.name): answer for answer in found.journeys}


def test_a_vm_s_way() -> None:
    """What a VM saw at boot is compared with what the other host takes in."""
    b = made("FPU", "FPU SSE RTM")
    # SSE is accepted, though not given at boot.
    assert ways(made("FPU SSE", "FPU SSE HLE"), b)[PV, "b"].verdict is Verdict.ONLY_BY_MAX
    there = ways(made("FPU SSE HLE", "FPU SSE HLE"), b)
    assert [lack.name for lack in there[HVM, "b"].missing] == ["HLE"]
    assert there[HVM, "a"].verdict is Verdict.MIGRATES


def test_another_vendor() -> None:
    """However alike the features are, no VM may move: the vendor counts."""
    a = made("FPU")
    b = evolve(a, processor=evolve(a.processor, vendor="AuthenticAMD"))
    assert not differences.hosts(a, b).same
    assert {answer.verdict for answer in ways(a, b).values()} == {Verdict.IMPOSSIBLE}


def test_no_such_guests() -> None:
    """Where a host runs no HVM guests, none can go there: that is no missing feature."""
    to = ways(example("epyc-xen-4.17"), example("skylake-server-xen-4.17"))
    assert to[HVM, "b"].problems == ("the host runs no HVM guests",)
    assert (PV, "b") in to
    assert (HVM, "a") not in to


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
        assert all(answer.verdict is Verdict.MIGRATES for answer in found.journeys)


def test_the_later_release_names_the_bits() -> None:
    """It knows more names."""
    found = differences.hosts(example("epyc-xen-4.20"), example("epyc-xen-4.17"))
    assert found.release.name == "4.20"
