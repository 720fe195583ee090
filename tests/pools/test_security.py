"""What a level means for the guests' safety."""

from __future__ import annotations

from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host, mixed
from xenops_cpu.features.release import release
from xenops_cpu.interface import SecurityKind
from xenops_cpu.pools import security
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.security import Reading, readings

BASE = "FPU MSR APIC IBRSB ARCH_CAPS"


def read(*members: Member) -> dict[str, Reading]:
    return {item.feature: item for item in readings(members, level_of(members, HVM))}


def test_one_host_forces_verw_on_all() -> None:
    """MD_CLEAR of one host is in the level, and that host is named."""
    found = read(host("a", "FPU MD_CLEAR"), host("b", "FPU"))
    assert found["MD_CLEAR"].kind is SecurityKind.FORCED
    assert found["MD_CLEAR"].hosts == ("a",)
    assert "scrub" in found["MD_CLEAR"].text


def test_what_all_have_is_forced_by_nobody() -> None:
    """Hosts that are alike have no findings."""
    both = f"{BASE} MD_CLEAR RSBA"
    assert read(host("a", both), host("b", both)) == {}


def test_one_host_forces_rsba_on_all() -> None:
    """Also when it says so in the other form."""
    found = read(host("a", f"{BASE} RSBA"), host("b", f"{BASE} EIBRS"))
    assert found["RSBA"].hosts == ("a",)
    assert found["EIBRS"].kind is SecurityKind.CONTROL
    changed = read(host("a", f"{BASE} EIBRS RRSBA"), host("b", BASE))
    assert changed["RSBA"].hosts == ("a",)


def test_a_lost_immunity_names_the_hosts_that_lack_it() -> None:
    """And the problem that guests will think they have."""
    found = read(host("a", f"{BASE} MDS_NO"), host("b", BASE))
    assert found["MDS_NO"].kind is SecurityKind.IMMUNITY
    assert found["MDS_NO"].hosts == ("b",)
    assert "protection from MDS" in found["MDS_NO"].text


def test_an_immunity_lost_with_its_register() -> None:
    """Without ARCH_CAPS on one host all its bits go, because of that host."""
    found = read(host("a", f"{BASE} MDS_NO"), host("b", "FPU MSR APIC IBRSB"))
    assert found["MDS_NO"].hosts == ("b",)


def test_the_order_and_a_real_pool() -> None:
    """Forced, immunities, controls; every finding has hosts, features are of the release."""
    members = mixed()
    found = readings(members, level_of(members, HVM))
    kinds = [item.kind for item in found]
    assert kinds == sorted(kinds, key=list(SecurityKind).index)
    assert all(item.hosts for item in found)
    by_name = {item.feature: item for item in found}
    assert by_name["IBRSB"].hosts == ("xeon-gold-6154+as-dumped",)
    assert "RDCL_NO" in by_name


def test_every_name_is_a_feature() -> None:
    """A control that no release knows would never be found."""
    assert set(security.CONTROLS) | set(security.SPEED) <= set(release("master").features)


def test_a_loss_of_speed() -> None:
    """What guests miss in time is told after what they miss in safety."""
    (one,) = read(host("a", "FPU RDRAND"), host("b", "FPU")).values()
    assert (one.kind, one.feature, one.hosts) == (SecurityKind.SPEED, "RDRAND", ("b",))


def test_hosts_without_such_guests_cause_nothing() -> None:
    """Only hosts that run the guest type are named, in every kind of reading."""
    pv_only = evolve(host("pv", "FPU"), offers={PV: host("pv", "FPU").offers[PV]})
    found = read(host("a", f"{BASE} MD_CLEAR PCID SSBD RDCL_NO"), host("b", BASE), pv_only)
    assert {name: reading.hosts for name, reading in found.items()} == {
        "MD_CLEAR": ("a",),
        "RDCL_NO": ("b",),
        "SSBD": ("b",),
        "PCID": ("b",),
    }


def test_what_no_host_has_is_forced_by_none() -> None:
    """A VERW feature that a level has without any host's is no reading of this kind."""
    hosts = [host("a", "FPU"), host("b", "FPU")]
    level = evolve(level_of(hosts, HVM), featureset=names("FPU MD_CLEAR"))
    assert [each for each in readings(hosts, level) if each.feature == "MD_CLEAR"] == []


def test_each_form_is_looked_at() -> None:
    """A level with RRSBA and without RSBA has a reading of the former."""
    found = read(host("a", f"{BASE} EIBRS RRSBA"), host("b", f"{BASE} EIBRS"))
    assert found["RRSBA"].hosts == ("a",)
    assert "RSBA" not in found
