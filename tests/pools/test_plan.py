"""What a join, a leave or an update would do."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host, mixed
from xenops_cpu.features.release import release
from xenops_cpu.interface import Verdict
from xenops_cpu.pools.plan import Plan, Touched, joined, left, plan, started_at_level
from xenops_cpu.pools.vm import Vm

A, B = host("a", "FPU RDRAND XSAVE AVX"), host("b", "FPU RDRAND XSAVE AVX")
OLD = host("old", "FPU RDRAND XSAVE")


def vm(features: str, name: str = "v") -> Vm:
    return Vm(name, HVM, names(features), "GenuineIntel")


def test_an_older_host_joins() -> None:
    """The level loses by name, for both kinds of guest, and running VMs are refused by it."""
    found = plan([A, B], joined([A, B], OLD), [vm("FPU AVX", "seen"), vm("FPU", "plain")])
    assert [(change.guest, change.lost, change.gained) for change in found.changes] == [
        (PV, ("AVX",), ()),
        (HVM, ("AVX",), ()),
    ]
    (touched,) = found.vms
    assert (touched.vm.name, touched.closed, touched.opened, touched.stranded) == (
        "seen",
        (),
        (),
        False,
    )
    (refusal,) = touched.refusals
    assert (refusal.host.name, refusal.verdict) == ("old", Verdict.ONLY_BY_FORCE)
    assert [item.name for item in refusal.missing] == ["AVX"]
    assert not found.harmless


def test_the_oldest_host_leaves() -> None:
    """The level gains, and nothing is lost for anybody."""
    found = plan([A, OLD], left([A, OLD], "old"), [vm("FPU RDRAND")])
    assert found.changes[1].gained == ("AVX",)
    assert found.changes[1].lost == ()
    assert found.vms == ()
    assert found.harmless


def test_the_only_host_that_takes_a_vm_in_leaves() -> None:
    """The VM is stranded, and each host that stays says why."""
    (touched,) = plan([A, OLD], left([A, OLD], "a"), [vm("FPU AVX")]).vms
    assert (touched.closed, touched.stranded) == ((), True)
    assert [answer.host.name for answer in touched.refusals] == ["old"]


def test_what_could_never_go_is_told_apart() -> None:
    """A VM that no host took in before is not what the change did."""
    seen = vm("FPU AVX512F")
    planned = plan([A, OLD], left([A, OLD], "a"), [seen])
    assert (planned.vms, planned.homeless) == ((), (seen,))
    refused = plan([A, OLD], joined([A, OLD], host("old", "FPU RDRAND")), [vm("FPU AVX")])
    assert refused.vms == ()  # the old host refused it before as well


def test_the_last_host_of_a_guest_type_leaves() -> None:
    """All that such guests had is lost, and nothing is said to be the same."""
    only_pv = evolve(A, name="pv", offers={PV: A.offers[PV]})
    planned = plan([A, only_pv], [only_pv])
    assert planned.changes[1].lost == ("FPU", "XSAVE", "AVX", "RDRAND")
    assert not planned.changes[1].after.hosts
    assert not planned.harmless


def test_an_update_takes_a_feature_away() -> None:
    """The hosts that close are named, and a VM that has nowhere to go is stranded."""
    after = joined([A, B], host("b", "FPU RDRAND XSAVE"))
    found = plan([A, B], after, [vm("FPU AVX")])
    assert found.changes[1].lost == ("AVX",)
    assert found.vms[0].closed == ("b",)
    assert not found.vms[0].stranded
    (touched,) = plan([A, B], joined(after, host("a", "FPU RDRAND XSAVE")), [vm("FPU AVX")]).vms
    assert touched.closed == ("a", "b")
    assert touched.stranded


def test_an_update_opens_a_host() -> None:
    """A host that will take a VM in at last is named as opened."""
    (touched,) = plan(
        [A, OLD], joined([A, OLD], host("old", "FPU RDRAND XSAVE AVX")), [vm("AVX")]
    ).vms
    assert (touched.opened, touched.closed, touched.refusals) == (("old",), (), ())


def test_nothing_changes() -> None:
    """The same pool is harmless and touches nobody."""
    found = plan([A, OLD], [A, OLD], [vm("FPU AVX"), vm("FPU")])
    assert found.harmless
    assert found.vms == ()


def test_the_first_host_is_no_loss() -> None:
    """All that it gives is gained."""
    first = plan([], [A])
    assert [change.lost for change in first.changes] == [(), ()]
    assert {change.gained for change in first.changes} == {("FPU", "XSAVE", "AVX", "RDRAND")}
    assert first.harmless


def test_leaving_takes_a_member() -> None:
    """Somebody who is not in the pool cannot leave it; joining replaces a namesake in place."""
    with pytest.raises(KeyError, match="nobody"):
        left([A], "nobody")
    assert [member.name for member in joined([A, B], host("a", "FPU"))] == ["a", "b"]


def test_real_hosts() -> None:
    """Ice Lake alone against Ice Lake with a Skylake: what is lost is the difference of levels."""
    members = mixed()
    found = plan(members[-1:], [members[-1], members[1]])
    change = found.changes[1]
    lost = change.before.release.names(change.before.featureset - change.after.featureset)
    assert list(change.lost) == lost
    assert "IBRSB" in lost


def test_several_vms_are_each_looked_at() -> None:
    """A VM that no host takes in, and one that nothing changes for, do not end the list."""
    homeless, same, touched = vm("FPU SHA", "none"), vm("FPU", "same"), vm("FPU AVX", "seen")
    found = plan([A, B], joined([A, B], OLD), [homeless, same, touched])
    assert [each.vm.name for each in found.vms] == ["seen"]
    assert found.homeless == (homeless,)


def test_the_rules_that_are_told_count() -> None:
    """Both levels are by the same release: 4.13 does not OR what 4.17 does."""
    hosts = [host("a", "FPU MD_CLEAR"), host("b", "FPU")]
    for xen, features in (("4.13", ["FPU"]), ("4.17", ["FPU", "MD_CLEAR"])):
        change = plan(hosts, [*hosts, host("c", "FPU")], (), release(xen)).changes[1]
        assert change.before.names == change.after.names == features


@pytest.mark.parametrize(
    ("closed", "stranded", "harmless"),
    [((), False, True), (("a",), False, False), ((), True, False), (("a",), True, False)],
)
def test_what_is_harmless(closed: tuple[str, ...], stranded: bool, harmless: bool) -> None:
    """No host may close, and no VM be stranded."""
    touched = Touched(vm("FPU"), closed, (), (), stranded)
    assert Plan((), (touched,)).harmless is harmless


def test_a_vm_at_the_present_level() -> None:
    """It has seen the level, by the rules that are told, and the vendor where all have one."""
    hosts = [host("a", "FPU MD_CLEAR"), host("b", "FPU")]
    assert started_at_level(hosts, HVM) == Vm(
        "a VM started at the present level (HVM)", HVM, names("FPU MD_CLEAR"), "GenuineIntel"
    )
    old = started_at_level(hosts, HVM, release("4.13"))
    assert old is not None
    assert old.features == names("FPU")
    amd = host("c", "FPU", vendor="AuthenticAMD")
    mixed_vendors = started_at_level([*hosts, amd], PV)
    assert mixed_vendors is not None
    assert mixed_vendors.vendor == ""
    assert started_at_level([], HVM) is None
    assert started_at_level([evolve(amd, offers={})], HVM) is None
