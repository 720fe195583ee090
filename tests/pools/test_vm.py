"""VMs and what they remember: read, put in order, taken as another type, started on a host."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import host
from xenops_cpu.cpuid.limits import LeafLimits
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import X87, release
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.vm import (
    TYPE_NOT_TOLD,
    Vm,
    as_type,
    of_flags,
    of_words,
    started_on,
    type_name,
    with_policy,
)

PV, HVM = GuestType.PV, GuestType.HVM
# Leaf 1 EDX of every CPU that Xen runs on, with and without more.
_1D, _1C = 0xBFEBFBFF, 0x0098E3FD
XENS = Featureset.of_words([_1D, _1C, 0x20100800, 1])
OLD = Featureset.of_words([_1C, _1D, 1, 0x20100800])
BOTH = Featureset.of_words([_1D, _1D, 0x20100800, 1])
NEITHER = Featureset.of_words([1, 2, 3, 4])


def test_a_record_with_all_there_is() -> None:
    """Vendor, features and type, as they stand; nothing is noted."""
    vm = of_flags({"vendor": "GenuineIntel", "features": "1-2"}, "v", PV)
    assert vm == Vm("v", PV, Featureset.of_words([1, 2]), "GenuineIntel")


def test_a_record_with_nothing() -> None:
    """It has seen nothing; a type that is not told is HVM, and that is noted."""
    assert of_flags({}, "v", PV) == Vm("v", PV)
    untold = of_flags({}, "v", None)
    assert untold == Vm("v", HVM, typed=False, notes=(TYPE_NOT_TOLD,))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("", 'v: features: featureset word 0: "x" is not 1 to 8 hex digits'),
        ("a.xml", 'a.xml: v: features: featureset word 0: "x" is not 1 to 8 hex digits'),
    ],
)
def test_a_featureset_that_is_none(where: str, message: str) -> None:
    """The error says where the record stood, if it stood anywhere, and whose it is."""
    with pytest.raises(InputError) as refused:
        of_flags({"features": "x"}, "v", HVM, where)
    assert str(refused.value) == message
    with pytest.raises(InputError, match=r"^v: features"):
        of_flags({"features": "x"}, "v", HVM)


def test_words_in_xens_order() -> None:
    """They are taken as they stand, and nothing is noted."""
    assert of_words(XENS, Vm("v", HVM, vendor="x")) == Vm("v", HVM, XENS, "x")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (BOTH, "can be read in two orders"),
        (NEITHER, "make sense in no order that is known"),
    ],
)
def test_words_whose_order_is_not_sure(words: Featureset, said: str) -> None:
    """They are taken as xapi takes them today, and the whole note says so; other notes stay."""
    vm = of_words(words, Vm("v", HVM, notes=("before",)), recorded=True)
    note = (
        f"its four words {said}, Xen's (1d, 1c, e1d, e1c) and XenServer 6's (1c, 1d, e1c, e1d): "
        "taken in Xen's, as xapi 22.7 and later compare them"
    )
    assert vm == Vm("v", HVM, words, notes=("before", note))


@pytest.mark.parametrize("guest", [PV, HVM])
def test_words_of_xenserver_6(guest: GuestType) -> None:
    """Put in order, less what Xen offers to no such guest; both notes in full, after the others."""
    xen = release("master")
    mask = xen.masks["pv_max" if guest is PV else "hvm_hap_max"].cut(4)
    vm = of_words(OLD, Vm("v", guest, notes=("before",)), recorded=True)
    never = XENS - mask
    assert (vm.features, vm.stored) == (XENS & mask, OLD)
    assert vm.notes == (
        "before",
        "its four words are XenServer 6's (leaf 1 ECX and EDX, leaf 80000001h ECX and EDX): what "
        "other features were seen is not known, and not checked",
        f"left out, because Xen offers them to no {guest.name} guest and XenServer 6 recorded the "
        f"host's bits: {' '.join(xen.names(never))}",
    )
    assert ("VME" in xen.names(never)) is (guest is PV)


def test_words_of_xenserver_6_that_are_no_record() -> None:
    """What is no record of xapi's is not compared as it stands; with nothing left out, no note."""
    assert of_words(OLD, Vm("v", HVM)).stored is None
    offered = release("master").masks["hvm_hap_max"].cut(4)
    plain = Featureset.of_words([offered.words[index] for index in (1, 0, 3, 2)])
    vm = of_words(plain, Vm("v", HVM), recorded=True)
    assert vm.features == offered
    assert len(vm.notes) == 1


def test_a_policy_tells_limits_and_vendor() -> None:
    """A vendor that is known already counts before the policy's."""
    policy = Policy(
        {
            (0, NO_SUBLEAF): (0xD, 0x756E6547, 0x6C65746E, 0x49656E69),
            (7, 0): (2, 0, 0, 0),
            (0x80000000, NO_SUBLEAF): (0x80000008, 0, 0, 0),
        }
    )
    vm = with_policy(Vm("v", PV, names("FPU")), policy)
    limits = LeafLimits(0xD, 2, 0x80000008)
    assert vm == Vm("v", PV, names("FPU"), "GenuineIntel", policy, limits)
    assert vm.policy is policy
    assert with_policy(Vm("v", PV, vendor="known"), policy).vendor == "known"


def test_a_vm_started_on_a_host() -> None:
    """It has seen what its guest type gets at boot, within the host's default limits."""
    limits = {HVM: LeafLimits(0xD, 0, 0x80000008), PV: LeafLimits(7, 0, 0x80000001)}
    member = evolve(host("h", "FPU SSE", "AVX"), boot_limits=limits)
    assert started_on(member, HVM) == Vm(
        "a VM started on h",
        HVM,
        names("FPU SSE"),
        "GenuineIntel",
        limits=limits[HVM],
        origin="4.17",
    )
    assert started_on(member, HVM).started is member
    assert started_on(member, HVM, level=names("FPU")).features == names("FPU")
    assert started_on(member, PV, "web").name == "web"
    assert started_on(member, PV).limits == limits[PV]


def test_taken_as_another_type() -> None:
    """The caller's word counts; a contradiction is noted, and what else was noted stays."""
    vm = Vm("v", PV, names("FPU"), notes=("before",))
    assert as_type(vm, PV) == vm
    assert as_type(vm, HVM) == evolve(
        vm, guest=HVM, notes=("before", "its record says PV: taken for HVM as was asked")
    )
    untold = evolve(vm, typed=False, notes=("before", TYPE_NOT_TOLD))
    assert as_type(untold, HVM) == evolve(vm, guest=HVM)


def test_old_words_are_masked_anew_for_another_type() -> None:
    """What PV guests do not get, an HVM guest may have seen: the stored words tell."""
    pv = of_words(OLD, Vm("v", PV), recorded=True)
    hvm = of_words(OLD, Vm("v", HVM), recorded=True)
    assert pv.features != hvm.features
    again = as_type(pv, HVM)
    assert (again.features, again.stored, again.guest) == (hvm.features, OLD, HVM)
    assert again.notes[-1] == hvm.notes[-1]
    assert len(again.notes) == len(set(again.notes))
    assert as_type(hvm, HVM) == hvm


def test_a_vm_that_is_shut_down_has_seen_nothing() -> None:
    """Whatever it remembers, it boots anew."""
    assert Vm("v", HVM, names("FPU"), halted=True).seen is None
    assert Vm("v", HVM, names("FPU")).seen == names("FPU")


def test_how_the_cpu_saves_x87_state_is_no_matter() -> None:
    """No host can hide it: of a policy it is not compared. Of a record it is, as xapi compares."""
    x87 = names("FPU") | Featureset(X87, names("FPU").length)
    vm = Vm("v", HVM, x87)
    assert vm.seen == x87
    with_its_own = evolve(vm, policy=Policy({(1, 0): (1, 0, 0, 0)}))
    assert with_its_own.seen == names("FPU")
    assert evolve(with_its_own, halted=True).seen is None
    assert evolve(with_its_own, features=None).seen is None


def test_where_a_vm_is_and_whether_it_may_leave() -> None:
    """One that runs is at home; one that is bound and runs may not leave."""
    home, other = evolve(host("a", "FPU"), uuid="u1"), evolve(host("b", "FPU"), uuid="u2")
    vm = Vm("v", HVM, home="u1", immobile="it uses nested virtualisation")
    assert vm.here(home)
    assert not vm.here(other)
    assert not evolve(vm, halted=True).here(home)
    assert not evolve(vm, home="").here(evolve(home, uuid=""))
    assert vm.bound
    assert not evolve(vm, immobile="").bound
    assert not evolve(vm, halted=True).bound
    assert not evolve(vm, suspended=True).bound


def test_a_record_of_xenserver_6_is_compared_as_it_stands() -> None:
    """xapi's flags keep the words that today's xapi compares."""
    vm = of_flags({"features": str(OLD)}, "v", HVM)
    assert vm.stored == OLD


def test_the_release_where_a_vm_started() -> None:
    """It is known where the host itself says which it is."""
    sure = host("h", "FPU")
    assert started_on(sure, HVM).origin == "4.17"
    assert started_on(evolve(sure, certain=False), HVM).origin == ""


@pytest.mark.parametrize(
    ("domain_type", "guest", "current", "name"),
    [
        ("hvm", HVM, "", "HVM"),
        (" PVH ", HVM, "", "PVH"),
        ("pv", HVM, "pv_in_pvh", "PV in PVH"),
        ("unspecified", PV, "unspecified", "PV"),
        ("", None, "", ""),
    ],
)
def test_what_a_type_is_called(
    domain_type: str, guest: GuestType | None, current: str, name: str
) -> None:
    """How it runs counts before how it will boot; else the sets that count for it; else nothing."""
    assert type_name(domain_type, guest, current) == name
    if current == "":
        assert type_name(domain_type, guest) == name


def test_a_type_that_was_asked_for_has_no_other_name() -> None:
    """A VM that is taken for another type is not called by that which it runs as."""
    vm = Vm("v", HVM, runs_as="PVH")
    assert as_type(vm, HVM).runs_as == "PVH"
    assert as_type(vm, PV).runs_as == ""
