"""The level of hosts and what each costs it."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.pools import HVM, PV, host, mixed, real
from xenops_cpu.cpus.shipped import every
from xenops_cpu.derivation import derive
from xenops_cpu.features.release import release
from xenops_cpu.hosts import compat_bits
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.level import Kind, kinds, level_of
from xenops_cpu.pools.levelling import level
from xenops_cpu.pools.member import Member, member_of_record, release_of_pool
from xenops_cpu.text.notebook import table

XEN = release("4.17")


def test_who_lacks_what_and_who_alone() -> None:
    """`lacks`: what another host has; `alone`: what all others have."""
    found = level_of([host("a", "FPU SSE AVX"), host("b", "FPU AVX"), host("c", "FPU SSE")], HVM)
    names = XEN.names
    assert found.names == ["FPU"]
    assert {cost.host: names(cost.lacks) for cost in found.costs} == {
        "a": [], "b": ["SSE"], "c": ["AVX"],
    }  # fmt: skip
    assert {cost.host: names(cost.alone) for cost in found.costs} == {
        "a": [], "b": ["SSE"], "c": ["AVX"],
    }  # fmt: skip
    (sse, avx) = found.losses
    assert (sse.name, sse.hosts, sse.reason) == ("SSE", ("b",), "not on b")
    assert (avx.name, avx.hosts) == ("AVX", ("c",))


def test_two_that_lack_the_same_cost_it_together() -> None:
    """Neither is alone in it."""
    found = level_of([host("a", "FPU SSE"), host("b", "FPU"), host("c", "FPU")], HVM)
    assert all(not cost.alone for cost in found.costs)
    assert found.losses[0].hosts == ("b", "c")


def test_hosts_that_give_the_same_are_a_kind() -> None:
    """In the order of the first of each kind, with what that one costs the level."""
    members = [host("a", "FPU SSE"), host("b", "FPU"), host("c", "FPU SSE")]
    level = level_of(members, HVM)
    assert kinds(level, members) == (
        Kind(members[0].boot(HVM), level.costs[0], ("a", "c")),
        Kind(members[1].boot(HVM), level.costs[1], ("b",)),
    )


def test_a_dependent_is_lost_for_its_base() -> None:
    """A feature that all hosts have goes when what it depends on is not on one of them."""
    found = level_of([host("a", "FPU XSAVE AVX"), host("b", "FPU AVX")], HVM)
    reasons = {loss.name: loss.reason for loss in found.losses}
    assert reasons["AVX"] == "it depends on XSAVE, which the level lacks"
    assert reasons["XSAVE"] == "not on b"


def test_an_ored_feature_is_brought_not_lost() -> None:
    """One host that needs VERW brings MD_CLEAR to the level; who lacks it costs nothing."""
    found = level_of([host("a", "FPU MD_CLEAR"), host("b", "FPU")], HVM)
    assert found.names == ["FPU", "MD_CLEAR"]
    assert found.brought == {XEN.features["MD_CLEAR"].number: ("a",)}
    assert not any(cost.lacks for cost in found.costs)
    assert found.losses == ()


def test_rsba_is_no_cost() -> None:
    """A host without RSBA does not keep anything useful away; the level says it in one form."""
    base = "FPU MSR APIC IBRSB ARCH_CAPS"
    found = level_of([host("a", f"{base} EIBRS RRSBA"), host("b", f"{base} RSBA")], HVM)
    assert "RSBA" in found.names
    reasons = {loss.name: loss.reason for loss in found.losses}
    assert reasons["RRSBA"] == "the level says it in the other form (RSBA or RRSBA, by EIBRS)"
    assert [XEN.names(cost.lacks) for cost in found.costs] == [[], ["EIBRS"]]
    without = level_of([host("a", f"{base} RSBA"), host("b", "FPU MSR")], HVM)
    reasons = {loss.name: loss.reason for loss in without.losses}
    assert reasons["RSBA"] == "the level has no ARCH_CAPS, without which it means nothing"


def test_hosts_without_such_guests_do_not_count() -> None:
    """HVM is levelled over the hosts that run HVM, PV over all."""
    both = member_of_record({"features_pv": "3-1-1-1", "features_hvm": "7-1-1-1"}, "both")
    only = member_of_record({"features_pv": "1-1-1-1"}, "only-pv")
    found = level_of([both, only], HVM)
    assert (found.hosts, found.skipped) == (("both",), ("only-pv",))
    assert found.featureset == both.boot(HVM)
    assert level_of([both, only], PV).hosts == ("both", "only-pv")


def test_no_hosts_at_all() -> None:
    """The level of nothing is the set without words."""
    found = level_of([], PV)
    assert found.featureset.length == 0
    assert (found.costs, found.losses, found.brought) == ((), (), {})


def test_real_hosts_and_their_reasons() -> None:
    """Each loss names hosts and the derivation's reason; every lost feature is among the losses."""
    members = mixed()
    found = level_of(members, HVM)
    assert found.featureset == level([member.boot(HVM) for member in members], XEN)
    reasons = {loss.name: loss for loss in found.losses}
    assert reasons["AVX512F"].hosts[0] == "xeon-e5-2696-v3"
    assert "CPUID 0x00000007:0.ebx bit 16 is 0" in reasons["AVX512F"].reason
    assert reasons["IBRSB"].hosts == ("xeon-gold-6154+as-dumped",)
    assert [cost.host for cost in found.costs] == [member.name for member in members]


def test_the_longest_featureset_decides_the_rules() -> None:
    """In a rolling upgrade the newer host's libxc combines."""
    old = host("old", "FPU", xen="4.13")
    assert release_of_pool([old, host("new", "FPU")]).name == "4.17"
    assert release_of_pool([old]).name == "4.13"
    assert level_of([old, host("new", "FPU SSE")], HVM).featureset.length == 19


FEATURES = st.lists(st.sampled_from(["FPU", "SSE", "AVX", "XSAVE", "MD_CLEAR"]), max_size=5)


@given(st.lists(FEATURES.map(" ".join), min_size=1, max_size=5))
def test_costs_add_up_to_losses(features: list[str]) -> None:
    """A lost feature is lacked by the hosts that its loss names; alone is what one host lacks."""
    members = [host(str(index), text or "FPU") for index, text in enumerate(features)]
    found = level_of(members, HVM)
    for loss in found.losses:
        lacking = {cost.host for cost in found.costs if loss.number in cost.lacks}
        if loss.name != "MD_CLEAR":
            assert lacking == set(loss.hosts)
        alone = {cost.host for cost in found.costs if loss.number in cost.alone}
        assert alone == (lacking if len(lacking) == 1 else set())


@pytest.mark.parametrize("xen", ["4.13", "4.15", "4.17", "4.18", "xenserver-8"])
@pytest.mark.parametrize("guest", list(GuestType))
def test_every_host_takes_in_the_level(xen: str, guest: GuestType) -> None:
    """Of each two shipped CPUs of a vendor: a VM that boots with their level may go to both."""
    hosts = [real(cpu.id, xen) for cpu in every()]
    for one, other in combinations([one for one in hosts if guest in one.offers], 2):
        if one.vendor == other.vendor:
            found = level([one.boot(guest), other.boot(guest)], release(xen))
            assert found <= one.migration(guest) & other.migration(guest)


def test_a_feature_that_is_ored_and_not_taken_in() -> None:
    """From 4.19 on FS_GS_NS is OR-ed, and hosts that lack it do not take it in: they are named."""
    found = level_of([real("opteron-2347-he", "4.19"), real("epyc-9654", "4.19")], HVM)
    (one,) = found.refused
    assert (one.name, one.hosts) == ("FS_GS_NS", ("opteron-2347-he",))


def test_on_xenserver_8_2_libxc_makes_hosts_take_in_the_level() -> None:
    """Its Xen has one set a guest type; with what libxc adds to max, no host refuses the level."""
    xen = release("xenserver-8.2")
    hosts = []
    for cpu in every():
        sets = derive(cpu.cpu, xen).featuresets
        raw, own, default = sets["raw"], sets["host"], sets["hvm_default"]
        assert raw is not None
        assert own is not None
        assert default is not None
        most = compat_bits.published(xen, "hvm_max", cpu.cpu.vendor, raw, own, default)
        offer = Offer(GuestType.HVM, default, default | most)
        if default:
            hosts.append(Member(cpu.id, cpu.cpu.vendor, xen, {HVM: offer}))
    for one, other in combinations(hosts, 2):
        if one.vendor == other.vendor:
            found = level([one.boot(HVM), other.boot(HVM)], xen)
            assert found <= one.migration(HVM) & other.migration(HVM)


def test_a_feature_that_some_host_refuses_word_for_word() -> None:
    """Which, who, and why it is in the level all the same."""
    number = XEN.features["MD_CLEAR"].number
    found = level_of([host("a", "FPU MD_CLEAR"), host("b", "FPU")], HVM)
    assert found.guest is HVM
    (refused,) = found.refused
    assert (refused.number, refused.name, refused.hosts) == (number, "MD_CLEAR", ("b",))
    assert refused.reason == (
        "in the level because another host has it, and not in what these hosts take in"
    )


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("b", "not on b"),
        ("bcd", "not on b, c, d"),
        ("bcde", "not on b, c, d and 1 more"),
        ("bcdef", "not on b, c, d and 2 more"),
    ],
)
def test_of_those_that_lack_a_feature_three_are_named(lacking: str, reason: str) -> None:
    """In the reason; the record has them all."""
    members = [host("a", "FPU SSE"), *(host(name, "FPU") for name in lacking)]
    (loss,) = level_of(members, HVM).losses
    assert (loss.reason, loss.hosts) == (reason, tuple(lacking))


def test_all_that_a_feature_depends_on_is_named() -> None:
    """AVX2 needs AVX, and that XSAVE; every host has the first, and none of them all the others."""
    found = level_of([host("a", "FPU AVX2 AVX"), host("b", "FPU AVX2 XSAVE")], HVM)
    reasons = {loss.name: loss.reason for loss in found.losses}
    assert reasons == {
        "XSAVE": "not on a",
        "AVX": "not on b",
        "AVX2": "it depends on XSAVE, AVX, which the level lacks",
    }


def test_a_level_for_notebooks() -> None:
    """How many give how much, and a row for each feature that is lost."""
    found = level_of([host("a", "FPU SSE"), host("b", "FPU")], HVM)
    assert found._repr_html_() == table(
        "HVM guests: 2 hosts give 1 features (Xen 4.17)", ("lost", "because"), [("SSE", "not on b")]
    )
