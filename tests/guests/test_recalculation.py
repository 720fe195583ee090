"""What Xen does with every policy that it is given, by release and kind of domain."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.guests import EPYC, ICELAKE, SKYLAKE, domain, hypervisor, names
from xenops_cpu.cpuid.policy import NO_SUBLEAF
from xenops_cpu.cpuid.slots import CACHES, EXTENDED, STATE
from xenops_cpu.derivation.releases import span
from xenops_cpu.guests.domain import Config, Domain
from xenops_cpu.guests.reasons import steps
from xenops_cpu.guests.recalculation import PHASES
from xenops_cpu.guests.setting import create, set_policy

SIZES = EXTENDED + 8


def sizes(guest: Domain) -> tuple[int, int]:
    eax = guest.table.leaf(SIZES)[0]
    return eax & 0xFF, eax >> 8 & 0xFF


def with_sizes(guest: Domain, eax: int) -> Domain:
    _, b, c, d = guest.table.leaf(SIZES)
    return set_policy(guest, [((SIZES, NO_SUBLEAF), (eax, b, c, d))])


def test_address_width_has_a_lower_bound() -> None:
    """20 bits asked for give 36, because the guest has PAE; 60 give what the host has."""
    guest = domain()
    assert sizes(guest) == (46, 48)
    assert sizes(with_sizes(guest, 20)) == (36, 48)
    assert sizes(with_sizes(guest, 60)) == (46, 48)
    assert sizes(with_sizes(guest, 40)) == (40, 48)


def test_no_five_level_paging() -> None:
    """An Ice Lake has 57 bits of linear addresses, its guests 48."""
    assert hypervisor(ICELAKE).raw.leaf(SIZES)[0] >> 8 & 0xFF == 57
    assert sizes(domain(ICELAKE))[1] == 48


def test_shadow_paging_has_44_bits() -> None:
    """Without nested paging frame numbers have 32 bits."""
    assert sizes(create(hypervisor(SKYLAKE), Config(hap=False)))[0] == 44
    assert sizes(create(hypervisor(EPYC), Config(hap=False)))[0] == 43  # less: see below
    assert "PCID" not in names(create(hypervisor(SKYLAKE), Config(hap=False)))
    assert "PCID" in names(create(hypervisor(SKYLAKE)))


def test_memory_encryption_takes_bits_from_pv() -> None:
    """80000001fh tells how many; guests under nested paging keep theirs, and 4.13 knew nothing."""
    new, old = hypervisor(EPYC), hypervisor(EPYC, "4.13")
    taken = new.raw.leaf(EXTENDED + 0x1F)[1] >> 6 & 0x3F
    assert taken
    assert new.physical_bits == 48 - taken
    assert old.physical_bits == 48
    assert sizes(create(new, Config(type="pv")))[0] == 48 - taken
    assert sizes(create(new))[0] == 48


def test_extended_leaves_follow_the_vendor() -> None:
    """A domain of another vendor gains or loses leaves here."""
    guest = domain(EPYC, "4.20")
    assert guest.table.max_extended == 0x80000021
    intel = set_policy(guest, [((0, NO_SUBLEAF), (0xD, 0x756E6547, 0x6C65746E, 0x49656E69))])
    assert intel.table.max_extended == 0x80000008


def test_x87_behaviour_is_the_hosts() -> None:
    """It is not in the default policy, and cannot be hidden."""
    assert {"FDP_EXCP_ONLY", "NO_FPU_SEL"} <= names(domain(SKYLAKE))
    assert not {"FDP_EXCP_ONLY", "NO_FPU_SEL"} & names(domain(EPYC))


def test_saved_state_is_made_of_features() -> None:
    """What a policy says of leaf dh does not count."""
    guest = set_policy(domain(EPYC), [((STATE, 0), (0xFFFF, 1, 2, 3))])
    assert guest.table.leaf(STATE, 0) == domain(EPYC).table.leaf(STATE, 0)


def test_caches_lose_what_is_reserved() -> None:
    """Up to the first subleaf that is no cache."""
    leaves = [((CACHES, 0), (0xFFFFFFE1, 1, 2, 0xFF)), ((CACHES, 1), (0, 1, 1, 1))]
    guest = set_policy(domain(), leaves)
    assert guest.table.leaf(CACHES, 0) == (0xFFFFC3E1, 1, 2, 7)
    assert not any(guest.table.leaf(CACHES, 1))
    assert not any(guest.table.leaf(CACHES, 2))


def test_leaves_that_need_features() -> None:
    """SVM's leaf needs SVM, the TLBs of large pages need large pages."""
    guest = domain(EPYC, nested=True)
    assert not any(guest.table.leaf(EXTENDED + 0xA))
    assert any(guest.table.leaf(EXTENDED + 0x19))
    a, b, c, d = guest.table.leaf(EXTENDED + 1)
    both = set_policy(guest, [((EXTENDED + 1, NO_SUBLEAF), (a, b, c | 4, d & ~(1 << 26)))])
    assert "SVM" in names(both)
    assert not any(both.table.leaf(EXTENDED + 0x19))


def test_pv32_has_no_long_mode() -> None:
    """And SYSCALL on AMD only."""
    assert not {"LM", "SYSCALL"} & names(domain(SKYLAKE, type="pv32"))
    amd = names(domain(EPYC, type="pv32"))
    assert "SYSCALL" in amd
    assert "LM" not in amd


@pytest.mark.parametrize(("xen", "there"), [("4.16", True), ("4.17", False)])
def test_topology_bits_that_old_xen_took(xen: str, there: bool) -> None:
    """Up to 4.16 a PV guest could be given X2APIC on a CPU without it; since, it is in max."""
    host = hypervisor(EPYC, xen)
    assert host.maximum("pv").features(host.release) >> 1 * 32 + 21 & 1 == (not there)
    guest = create(host, Config(type="pv"))
    a, b, c, d = guest.table.leaf(1)
    after = set_policy(guest, [((1, NO_SUBLEAF), (a, b, c | 1 << 21, d))])
    assert "X2APIC" in names(after)


def test_counters_with_vpmu() -> None:
    """Only where vpmu= is on and Xen knows the counters."""
    assert not any(create(hypervisor(SKYLAKE)).table.leaf(0xA))
    assert any(create(hypervisor(SKYLAKE, cmdline="vpmu=1")).table.leaf(0xA))


def test_an_old_xeon_that_says_too_much() -> None:
    """Two steppings of the Pentium 4 tell more address bits than they have."""
    host = hypervisor(SKYLAKE)
    raw = host.raw.copy()
    raw.set(1, eax=0xF34)
    assert evolve(host, tables={**host.tables, "raw": raw}).physical_bits == 36


def test_every_step_has_words_and_releases() -> None:
    """So that every change can be told."""
    for phase in PHASES:
        for step in phase.steps:
            assert steps()[step.id]
            assert span(step.releases)
            assert all((step.when, step.effect, step.source))
