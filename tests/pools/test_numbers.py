"""Numbers that no level has, as VMs have them that boot with it."""

from __future__ import annotations

from attrs import evolve

from tests.pools.test_arrival import real
from tests.support.guests import EPYC, ICELAKE, SKYLAKE
from tests.support.pools import HVM, PV, host
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.guests.start import start
from xenops_cpu.guests.toolstacks import XL, Settings
from xenops_cpu.guests.xl import read
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.numbers import Numbers, of_level

BROADWELL = "core-i5-5250u"


def test_what_guests_have_not_what_hosts_say() -> None:
    """Guests see 48 bits of linear addresses everywhere, also where the host has 57."""
    members = [real(ICELAKE), real(BROADWELL)]
    found = of_level(level_of(members, HVM).featureset, members, HVM)
    values = {number.title: number.values for number in found.numbers}
    assert values["linear addresses"] == {ICELAKE: 48, BROADWELL: 48}
    assert values["physical addresses"] == {ICELAKE: 46, BROADWELL: 39}
    assert [number.title for number in found.differing] == [
        "highest subleaf of leaf 7 (max_subleaf)", "physical addresses",
    ]  # fmt: skip
    assert found.unknown == ()
    assert found.several


def test_xls_settings_make_them_alike() -> None:
    """With the strings that are told, a guest of each host has the least of every such number."""
    members = [real(ICELAKE), real(BROADWELL), real(SKYLAKE)]
    level = level_of(members, PV).featureset
    told = [number for number in of_level(level, members, PV).differing if number.xend]
    setting = read([number.xend for number in told], members[0].release)
    assert len(told) == 2
    for member in members:
        xen = member.hypervisor()
        assert xen is not None
        guest = start(xen, Settings(type="pv", setting=setting), XL).domain
        assert guest.policy.leaf(7)[0] == 0
        assert guest.policy.leaf(0x80000008)[0] & 0xFF == 39


def test_saved_state_is_that_of_the_levels_features() -> None:
    """Not of the host's: without AVX-512 in the level its state takes no room."""
    members = [real(SKYLAKE), real("xeon-e5-2696-v4")]
    found = of_level(level_of(members, HVM).featureset, members, HVM)
    (size,) = (number for number in found.numbers if number.title.startswith("bytes of"))
    assert size.least == size.values[SKYLAKE] == 832
    alone = of_level(level_of(members[:1], HVM).featureset, members[:1], HVM)
    (size,) = (number for number in alone.numbers if number.title.startswith("bytes of"))
    assert size.least == 2688
    assert not alone.several
    assert alone.differing == ()


def test_who_is_not_known_is_named() -> None:
    """A host of which features alone are known; one without such guests does not count."""
    members = [real(EPYC), evolve(host("none", "FPU"), offers={}), host("bare", "FPU")]
    found = of_level(level_of(members, HVM).featureset, members, HVM)
    assert found.unknown == ("bare",)
    assert {name for number in found.numbers for name in number.values} == {EPYC}
    nobody = of_level(level_of(members[2:], HVM).featureset, members[2:], HVM)
    assert nobody == Numbers(unknown=("bare",))


def test_what_was_assumed_is_said() -> None:
    """A dump that does not list its saved state gives sizes that are too small."""
    members = [real("core-i7-4930k"), real(SKYLAKE)]
    found = of_level(level_of(members, HVM).featureset, members, HVM)
    assert any(
        text.startswith("core-i7-4930k: the CPU's dump does not say") for text in found.assumed
    )


def test_a_host_that_builds_no_such_guest_is_named() -> None:
    """Where Xen creates no HVM guest at all, and where it refuses the level."""
    member = real(EPYC)
    xen = member.hypervisor()
    assert xen is not None
    level = level_of([member], HVM).featureset
    neither = evolve(xen, hap=False, build=evolve(xen.build, shadow=False))
    no_hvm = evolve(member, hypervisor=lambda: neither)
    assert of_level(level, [no_hvm], HVM) == Numbers(unknown=(EPYC,))
    beyond = Featureset(1 << 30 * 32, 31)
    newest = real(EPYC, "4.20")
    assert of_level(beyond, [newest], HVM) == Numbers(unknown=(EPYC,))


def test_numbers_are_those_of_the_guest_type() -> None:
    """EPYC's encrypted memory takes five bits of an address from PV guests alone."""
    members = [real(EPYC)]
    for guest, bits in ((PV, 43), (HVM, 48)):
        found = of_level(level_of(members, guest).featureset, members, guest)
        values = {number.title: number.values for number in found.numbers}
        assert values["physical addresses"] == {EPYC: bits}
