"""What a level means for the guests' safety."""

from __future__ import annotations

from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host, mixed, real
from xenops_cpu.features.release import release
from xenops_cpu.features.risks import immunities
from xenops_cpu.interface import SecurityKind
from xenops_cpu.pools import registers, security
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.security import Reading, readings

BASE = "FPU MSR APIC IBRSB ARCH_CAPS"


def read(*members: Member) -> dict[str, Reading]:
    """By feature, of which there is a reading at most."""
    found = readings(members, level_of(members, HVM))
    by_name = {item.feature: item for item in found}
    assert len(by_name) == len(found)
    return by_name


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


def test_rsba_of_one_host_is_told_to_its_own_guests_only() -> None:
    """The level has it, and guests that boot elsewhere have it not: no level reaches a register."""
    members = [host("a", f"{BASE} RSBA"), host("b", f"{BASE} EIBRS")]
    found = read(*members)
    assert found["RSBA"].hosts == ("a",)
    assert "trust their returns where they should not" in found["RSBA"].text
    assert found["EIBRS"].kind is SecurityKind.CONTROL
    assert found["EIBRS"].hosts == ("a",)
    assert found["EIBRS"].text == security.UNLEVELLED["EIBRS"]
    changed = read(host("a", f"{BASE} EIBRS RRSBA"), host("b", BASE))
    assert changed["RRSBA"].hosts == ("a",)
    both = read(host("a", f"{BASE} EIBRS RRSBA"), host("b", f"{BASE} RSBA"))
    assert set(both) == {"EIBRS"}


def test_an_immunity_of_some_hosts_makes_their_guests_careless_on_others() -> None:
    """Guests take it along to the hosts that lack it, which are named."""
    found = read(host("a", f"{BASE} MDS_NO"), host("b", BASE))
    assert found["MDS_NO"].kind is SecurityKind.IMMUNITY
    assert found["MDS_NO"].hosts == ("b",)
    assert "take every host to be immune to MDS" in found["MDS_NO"].text
    assert "leave their protection off" in found["MDS_NO"].text


def test_buffers_that_only_some_guests_scrub() -> None:
    """FB_CLEAR is OR-ed into the level, and still guests that boot without it do not scrub."""
    found = read(host("a", f"{BASE} FB_CLEAR"), host("b", BASE))
    assert found["FB_CLEAR"].hosts == ("a",)
    assert found["FB_CLEAR"].text == security.UNLEVELLED["FB_CLEAR"]
    assert "every host" not in found["FB_CLEAR"].text


def test_guests_as_they_boot_are_as_the_reading_says() -> None:
    """Of real hosts: what is told of a register is what booted guests differ in."""
    members = [real("xeon-gold-6240"), real("xeon-gold-6336y+2023-08")]
    level = level_of(members, HVM)
    assert "ARCH_CAPS" in level.names
    booted = registers.booted(level.featureset, members, HVM, level.release).values()
    words = registers.of(level.release)
    differing = {
        level.release.label(number)
        for number in words
        if len({number in featureset for featureset in booted}) > 1
    }
    found = {each.feature for each in readings(members, level)}
    in_words = {level.release.label(number) for number in words}
    assert found & in_words == differing & (set(immunities()) | set(security.UNLEVELLED))
    assert found & set(immunities())


def test_what_no_level_reaches_has_words() -> None:
    """Each control and each sign of extra work that stands in a register."""
    xen = release("master")
    words = registers.of(xen)
    names_told = {"FB_CLEAR", "RFDS_CLEAR", "RSBA", "RRSBA", *security.CONTROLS}
    there = {name for name in names_told if xen.features[name].number in words}
    assert there == set(security.UNLEVELLED)
    assert not any(xen.features[name].number in words for name in security.SPEED)


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
    """RRSBA beside EIBRS is told under its own name."""
    found = read(host("a", f"{BASE} EIBRS RRSBA"), host("b", f"{BASE} EIBRS"))
    assert found["RRSBA"].hosts == ("a",)
    assert "RSBA" not in found


def test_what_goes_with_what_it_depends_on() -> None:
    """No host lacks the feature itself: those are named that lack what it depends on."""
    base = "FPU FXSR SSE SSE2 XSAVE"
    whole = f"{base} IBRSB SSBD AVX AVX2 ARCH_CAPS MDS_NO"
    without_avx = f"{base} IBRSB SSBD AVX2 ARCH_CAPS MDS_NO"
    without_others = f"{base} SSBD AVX AVX2 MDS_NO"
    found = read(host("a", whole), host("b", without_avx), host("c", without_others))
    assert list(found.values()) == [
        Reading(
            SecurityKind.IMMUNITY, "MDS_NO", ("c",),
            "guests will think that they need protection from MDS, on every host",
        ),
        Reading(SecurityKind.CONTROL, "IBRSB", ("c",), security.CONTROLS["IBRSB"]),
        Reading(SecurityKind.CONTROL, "SSBD", ("c",), security.CONTROLS["SSBD"]),
        Reading(SecurityKind.SPEED, "AVX2", ("b",), security.SPEED["AVX2"]),
    ]  # fmt: skip


def test_a_release_that_does_not_know_all_names() -> None:
    """What it has no name for is no reading; what it has is."""
    members = [host("a", "FPU RDRAND", xen="4.7"), host("b", "FPU", xen="4.7")]
    assert "FB_CLEAR" not in members[0].release.features
    assert read(*members).keys() == {"RDRAND"}
