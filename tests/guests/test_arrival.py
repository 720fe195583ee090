"""A VM that arrives: refused limits, silent losses, streams without a policy."""

from __future__ import annotations

import pytest

from tests.support.guests import EPYC, ICELAKE, SKYLAKE, domain, featureset, hypervisor, names
from xenops_cpu.cpuid.fields import FEATURES, STATE
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.guests.arrival import Arrival, arrive
from xenops_cpu.guests.changes import Change
from xenops_cpu.guests.start import start
from xenops_cpu.guests.toolstacks import XAPI, XL, Settings

SAPPHIRE = "xeon-w7-2475x"


def titles(changes: tuple[Change, ...], category: str = FEATURES) -> set[str]:
    return {change.title for change in changes if change.category == category}


def moved(origin: str, target: str, xen: str, *, there: str = "") -> Arrival:
    """From one CPU to another, the second perhaps under another release."""
    return arrive(domain(origin, xen).policy, hypervisor(target, there or xen), origin=release(xen))


def test_home_again() -> None:
    """Where it comes from it finds nothing changed, of every type."""
    for kind in ("pv", "hvm", "pvh"):
        guest = domain(EPYC, "4.20", type=kind)
        arrival = arrive(guest.policy, hypervisor(EPYC, "4.20"), Settings(type=kind))
        assert arrival.refused == ""
        assert arrival.changes == ()


def test_a_policy_without_its_empty_leaves() -> None:
    """xen-cpuid prints none; a stream has them, so they do not become the new host's."""
    guest = domain(EPYC, "4.20")
    leaves = {key: registers for key, registers in guest.policy.leaves.items() if any(registers)}
    leaves.pop((0x80000021, NO_SUBLEAF))
    printed = Policy(leaves, guest.policy.msrs)
    assert len(printed.leaves) < len(guest.policy.leaves)
    arrival = arrive(printed, hypervisor(EPYC, "4.20"))
    assert arrival.domain is not None
    assert arrival.domain.table.leaf(0x80000021) == (0, 0, 0, 0)
    assert arrival.changes == ()


def test_leaves_that_this_xen_has_not() -> None:
    """They are refused with the leaf's number."""
    guest = domain(EPYC, "4.20")
    beyond = Policy({**guest.policy.leaves, (0x80000026, 0): (1, 2, 3, 4)}, guest.policy.msrs)
    arrival = arrive(beyond, hypervisor(EPYC, "4.20"))
    assert arrival.refused.startswith("ERANGE at CPUID 80000026")


@pytest.mark.parametrize(
    ("xen", "refused"),
    [("4.14", ""), ("4.15", "EINVAL at CPUID 7:0"), ("4.16", "EINVAL at CPUID 7:0"), ("4.17", "")],
)
def test_a_subleaf_too_many(xen: str, refused: str) -> None:
    """4.15 and 4.16 refuse a VM of a newer CPU for the highest subleaf of leaf 7."""
    arrival = moved(SAPPHIRE, SKYLAKE, "4.15", there=xen)
    assert arrival.refused.startswith(refused)
    assert bool(arrival.refusal) == bool(refused)
    assert not (refused and arrival.changes)


def test_features_go_without_a_word() -> None:
    """Xen refuses no feature: what the host has not is cleared, and counts as lost."""
    arrival = moved(ICELAKE, SKYLAKE, "4.17")
    assert arrival.refused == ""
    assert {"SHA", "GFNI", "IBRSB"} <= titles(arrival.lost)
    assert arrival.domain is not None
    assert not names(arrival.domain) & titles(arrival.lost)
    assert all(change.why for change in arrival.changes)


def test_bits_of_spec_ctrl_that_go() -> None:
    """They are in no leaf, so they are a change of their own."""
    lost = {change.title: change for change in moved(ICELAKE, SKYLAKE, "4.17").lost}
    change = lost["SPEC_CTRL: bits that may be set"]
    assert (change.before, change.after) == ("7h", "0h")
    assert "not restored" in change.why


def test_identity_travels() -> None:
    """Brand, model and caches are the stream's; nobody checks them before 4.22."""
    there = moved(ICELAKE, SKYLAKE, "4.17").domain
    assert there is not None
    assert there.table.leaf(1)[0] == domain(ICELAKE).table.leaf(1)[0]
    assert moved(ICELAKE, EPYC, "4.21").refused == ""
    assert "vendor" in moved(ICELAKE, EPYC, "4.22").refused


def test_narrower_addresses_are_a_loss() -> None:
    """52 bits become 46; the guest may have put a device there."""
    lost = moved(SAPPHIRE, SKYLAKE, "4.17").lost
    assert "physical addresses" in titles(lost, "address sizes")
    back = moved(SKYLAKE, SAPPHIRE, "4.17")
    assert back.lost == ()


def test_state_that_goes() -> None:
    """A component fewer is a loss, a larger size of what is left is none."""
    lost = titles(moved(EPYC, "opteron-2378", "4.20").lost, STATE)
    assert "components that XCR0 may have (low half)" in lost


def test_a_stream_of_4_13() -> None:
    """It carries no policy: the toolstack makes one, and BHI_CTRL goes with leaf 7's limit."""
    sent = domain(SAPPHIRE, "4.13")
    old = arrive(sent.policy, hypervisor(SAPPHIRE, "4.17"), origin=release("4.13"))
    assert not old.carried
    assert "highest subleaf of leaf 7 (max_subleaf)" in titles(old.lost, "leaf limits")
    assert "BHI_CTRL" in names(domain(SAPPHIRE, "4.17"))
    assert old.domain is not None
    assert "BHI_CTRL" not in names(old.domain)
    assert all(change.why for change in old.changes)


def test_nothing_goes_back_to_4_13() -> None:
    """Its libxc does not read what newer ones write."""
    arrival = moved(SKYLAKE, SKYLAKE, "4.17", there="4.13")
    assert arrival.domain is None
    assert "version 2" in arrival.refused
    assert moved(SKYLAKE, SKYLAKE, "4.13").refused == ""


def test_not_created_there() -> None:
    """Nested virtualisation asks more of AMD's CPUs from 4.19 on."""
    xen = hypervisor("opteron-2378", "4.20")
    settings = Settings(nested=True)
    arrival = arrive(domain("opteron-2378", "4.20").policy, xen, settings)
    assert arrival.domain is None
    assert "nested" in arrival.refused
    anew = arrive(domain("opteron-2378", "4.20").policy, xen, settings, origin=release("4.13"))
    assert anew.refused == arrival.refused


def test_a_featureset_that_is_too_long() -> None:
    """libxc refuses it where it makes the policy anew."""
    xen = hypervisor(SKYLAKE, "4.17")
    long = Featureset(featureset(domain()).bits | 1 << 29 * 32, 30)
    settings = Settings(featureset=long)
    arrival = arrive(domain().policy, xen, settings, origin=release("4.13"), toolstack=XAPI)
    assert arrival.refused.startswith("EOPNOTSUPP")
    assert arrival.changes == ()


# Starts


def test_a_start_of_xl_and_of_xapi() -> None:
    """xl gives no featureset; xapi's replaces the arguments, so nested is ignored."""
    xen = hypervisor(SKYLAKE)
    assert "VMX" in names(start(xen, Settings(nested=True), XL).domain)
    level = featureset(domain())
    assert "VMX" not in names(start(xen, Settings(nested=True, featureset=level), XAPI).domain)
    ng = Settings(nested=True, featureset=level, xcp_ng=True)
    assert "VMX" in names(start(xen, ng, XAPI).domain)


def test_itsc_by_toolstack() -> None:
    """nomigrate gives it: xl by an argument, xenguest in the featureset."""
    xen = hypervisor(SKYLAKE)
    for toolstack in (XL, XAPI):
        assert "ITSC" in names(start(xen, Settings(pinned=True), toolstack).domain)
        assert "ITSC" not in names(start(xen, Settings(), toolstack).domain)


def test_platform_keys_of_xapi() -> None:
    """platform:pae and platform:nx take their features out of the set."""
    guest = start(hypervisor(SKYLAKE), Settings(pae=False, nx=False), XAPI).domain
    assert not names(guest) & {"PAE", "NX", "LM"}


def test_pvh_starts_from_the_pv_set() -> None:
    """xenguest takes the PV default for PVH where it is given no featureset."""
    xen = hypervisor(SKYLAKE)
    pvh = start(xen, Settings(type="pvh"), XAPI).domain
    hvm = start(xen, Settings(), XAPI).domain
    assert names(hvm) - names(pvh) >= {"PCID", "INVPCID"}
