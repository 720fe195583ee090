"""What a level does not reach."""

from __future__ import annotations

from tests.support.hosts import names
from tests.support.pools import HVM, host, real
from xenops_cpu.guests.start import start
from xenops_cpu.guests.toolstacks import Settings
from xenops_cpu.pools import registers, words
from xenops_cpu.pools.level import level_of

BASE = "FPU MSR APIC ARCH_CAPS"


def test_what_vms_have_otherwise_by_host() -> None:
    """More where they boot with an immunity that the level lacks; hosts that agree are one."""
    members = [host("a", f"{BASE} MDS_NO"), host("b", BASE), host("c", f"{BASE} MDS_NO")]
    level = level_of(members, HVM)
    (own,) = registers.own(level.featureset, members, HVM, level.release)
    assert own == registers.Own(("a", "c"), names("MDS_NO"), names(""))
    assert list(words.registers((own,), level.release)) == [
        "registers are not levelled: a VM that boots on a, c has also MDS_NO"
    ]


def test_without_arch_caps_there_is_nothing_to_level() -> None:
    """A level without ARCH_CAPS hides the whole register, everywhere."""
    members = [host("a", f"{BASE} MDS_NO"), host("b", "FPU MSR APIC")]
    level = level_of(members, HVM)
    assert registers.own(level.featureset, members, HVM, level.release) == ()


def test_guests_that_are_started_have_it_so() -> None:
    """A guest made with the level on each real host has the registers that are told."""
    members = [real("xeon-gold-6240", "4.19"), real("xeon-gold-6154", "4.19")]
    level = level_of(members, HVM)
    told = registers.booted(level.featureset, members, HVM, level.release)
    mask = registers.of(level.release)
    for member in members:
        hypervisor = member.hypervisor()
        assert hypervisor is not None
        domain = start(hypervisor, Settings(featureset=level.featureset), "xapi").domain
        has = domain.table.features(level.release)
        assert has & mask.bits == told[member.name].bits & mask.bits
