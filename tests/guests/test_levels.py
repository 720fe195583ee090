"""Levels: MSR 10ah as the boot host gives it, limits by release, numbers that nobody levels."""

from __future__ import annotations

import errno

import pytest

from tests.support.guests import EPYC, ICELAKE, SKYLAKE, domain, featureset, hypervisor
from tests.support.hosts import example, made
from xenops_cpu.cpuid.limits import LeafLimits
from xenops_cpu.derivation import DERIVED_RELEASES
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.guests import limits
from xenops_cpu.guests.hypervisor import NoPolicies, of_host
from xenops_cpu.guests.levels import as_booted
from xenops_cpu.guests.libxc import apply
from xenops_cpu.guests.numbers import numbers
from xenops_cpu.guests.wishes import Wishes
from xenops_cpu.guests.xl import read

SAPPHIRE = "xeon-w7-2475x"
HOSTS = {name: hypervisor(name).default_lists["hvm"] for name in (SKYLAKE, ICELAKE, EPYC)}


@pytest.mark.parametrize("xen", DERIVED_RELEASES)
@pytest.mark.parametrize("kind", ["pv", "hvm"])
def test_arch_caps_is_the_boot_hosts(xen: str, kind: str) -> None:
    """What is promised of the words of MSR 10ah is what libxc and Xen make of a level."""
    guest, names = domain(ICELAKE, xen, type=kind), release(xen)
    registers = Featureset(
        sum(0xFFFFFFFF << 32 * word.index for word in names.words if word.msr is not None),
        names.length,
    )
    default = featureset(guest)
    for level in (
        default,
        default - registers,
        default & featureset(domain(SKYLAKE, xen, type=kind)),
        default - names.featureset(n for n in ("ARCH_CAPS",) if n in names.features),
    ):
        booted, refusal = apply(guest, Wishes(featureset=level))
        assert refusal is None
        assert as_booted(level, default, names) & registers == featureset(booted) & registers


def test_a_level_without_bits_that_the_host_gives() -> None:
    """A level without RDCL_NO, as with an older host: who boots on the newer one has it."""
    own, xen = featureset(domain(SAPPHIRE, "4.20")), release("4.20")
    level = own - xen.featureset(["RDCL_NO"])
    assert "RDCL_NO" in xen.names(as_booted(level, own, xen))
    without = level - xen.featureset(["ARCH_CAPS"])
    assert "RDCL_NO" not in xen.names(as_booted(without, own, xen))


def test_numbers_of_a_pool() -> None:
    """The least of each, and by which host."""
    found = {number.title: number for number in numbers(HOSTS)}
    assert found["physical addresses"].least == 46
    assert found["physical addresses"].values[EPYC] == 48
    assert not found["physical addresses"].same
    assert found["highest leaf"].same
    assert found["bytes of all components (XSAVE)"].xend == ""
    assert found["bytes of all components (XSAVE)"].why_not
    assert numbers({}) == ()


@pytest.mark.parametrize("host", [SKYLAKE, ICELAKE, EPYC])
def test_settings_for_the_least(host: str) -> None:
    """xl's strings give a guest of every host the least numbers, and nothing else changes."""
    plain, _ = apply(domain(host), Wishes())
    strings = [number.xend for number in numbers(HOSTS) if number.xend]
    setting = read(strings, release("4.17"))
    assert not setting.complaints
    guest, refusal = apply(domain(host), Wishes(xend=setting.xend))
    assert refusal is None
    own = {number.title: number.least for number in numbers({host: guest.policy})}
    for number in numbers(HOSTS):
        assert not number.xend or own[number.title] == number.least
    before = {key: value for key, value in plain.policy.leaves.items() if key[0] < 0x80000000}
    after = {key: value for key, value in guest.policy.leaves.items() if key[0] < 0x80000000}
    assert before == after


# Limits


@pytest.mark.parametrize(
    ("xen", "places"),
    [
        ("4.13", ["CPUID 0", "CPUID 80000000"]),
        ("4.14", ["CPUID 0", "CPUID 80000000"]),
        ("xenserver-8.2", ["CPUID 0", "CPUID 80000000"]),
        ("4.15", ["CPUID 0", "CPUID 7:0", "CPUID 80000000"]),
        ("xenserver-8", ["CPUID 0", "CPUID 7:0", "CPUID 80000000"]),
        ("4.22", ["CPUID 0", "CPUID 7:0", "CPUID 80000000"]),
    ],
)
def test_which_limits_are_compared(xen: str, places: list[str]) -> None:
    """The subleaf of leaf 7 from 4.15 on; each is EINVAL at its leaf."""
    high, low = LeafLimits(0xE, 3, 0x80000022), LeafLimits(0xD, 2, 0x80000021)
    found = list(limits.of_limits(high, low, release(xen)))
    assert [refusal.place for refusal in found] == places
    assert {refusal.errno for refusal in found} == {errno.EINVAL}
    assert list(limits.of_limits(low, high, release(xen))) == []


def test_the_vendor_from_4_22_on() -> None:
    """Older Xen takes another vendor's policy."""
    two = "GenuineIntel", "AuthenticAMD"
    assert list(limits.of_vendor(*two, release("4.21"))) == []
    assert len(list(limits.of_vendor(*two, release("4.22")))) == 1
    assert list(limits.of_vendor(two[0], two[0], release("4.22"))) == []


# Hosts that answered


def test_a_host_that_answered() -> None:
    """A domain of a booted Xen's own policies is like the default policy, recalculated."""
    xen = of_host(example())
    assert xen.release.name == "4.17"
    assert any("nested paging" in note for note in xen.notes)
    assert xen.vendor == "AuthenticAMD"


def test_a_host_of_which_too_little_is_known() -> None:
    """It says which policies are missing."""
    with pytest.raises(NoPolicies, match="raw, host, pv_default, hvm_default"):
        of_host(made())
