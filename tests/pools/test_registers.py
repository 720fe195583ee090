"""What a level does not reach."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host, real
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.guests.start import start
from xenops_cpu.guests.toolstacks import Settings
from xenops_cpu.pools import registers, words
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.vm import Vm

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


def test_which_words_are_registers() -> None:
    """Both halves of MSR 10ah whole, and nothing else, in as many words as the release has."""
    halves = [0xFFFFFFFF if index in (16, 17) else 0 for index in range(19)]
    assert registers.of(release("4.17")) == Featureset.of_words(halves)
    assert registers.of(release("4.12")) == Featureset(0, release("4.12").length)


def test_only_hosts_with_such_guests_count() -> None:
    """A host that runs no guests of the type is no place to boot, before others or after them."""
    none = evolve(host("none", f"{BASE} MDS_NO"), offers={PV: host("x", "FPU").offers[PV]})
    xen = none.release
    members = [none, host("b", f"{BASE} RDCL_NO"), none]
    assert registers.booted(names(BASE), members, HVM, xen) == {"b": names(f"{BASE} RDCL_NO")}
    assert [own.hosts for own in registers.own(names(BASE), members, HVM, xen)] == [("b",)]


def test_what_vms_have_less() -> None:
    """Of the level's registers alone; hosts that differ from it in other ways stand apart."""
    level = names(f"{BASE} SSE MDS_NO")
    members = [host("a", BASE), host("b", f"{BASE} RDCL_NO"), host("c", f"{BASE} MDS_NO")]
    assert registers.own(level, members, HVM, members[0].release) == (
        registers.Own(("a",), names(""), names("MDS_NO")),
        registers.Own(("b",), names("RDCL_NO"), names("MDS_NO")),
    )


def test_who_has_a_feature_and_who_has_not() -> None:
    """Each host is in one of the two lists, in order."""
    sets = {"a": names("SSE"), "b": names("FPU"), "c": names("SSE FPU")}
    assert registers.apart(25, sets) == (["a", "c"], ["b"])


MORE = "no level reaches registers: booted on b, it has also RDCL_NO"
REMEMBERED = ", whatever it remembers"
CLEARED = "; of that Xen here clears RDCL_NO without a word"
UNTOLD = (
    "what it remembers is what its toolstack asked for: of ARCH_CAPS it has what the host gave "
    "where it booted, which is not known"
)


@pytest.mark.parametrize(
    ("seen", "target", "texts"),
    [
        (BASE, f"{BASE} RDCL_NO", [f"{MORE}{REMEMBERED}"]),
        (BASE, BASE, [f"{MORE}{REMEMBERED}{CLEARED}"]),
        (f"{BASE} MDS_NO", BASE, [f"{MORE}, not MDS_NO{REMEMBERED}{CLEARED}"]),
        (f"{BASE} RDCL_NO", BASE, []),
        ("FPU", BASE, []),
    ],
)
def test_registers_beside_what_is_remembered(seen: str, target: str, texts: list[str]) -> None:
    """What the VM has more and less by the host where it booted, and what is cleared on its way."""
    vm, booted_on = Vm("v", HVM, names(seen)), host("b", f"{BASE} RDCL_NO")
    assert list(registers.beside(vm, host("t", target), booted_on)) == texts


def test_registers_that_are_only_less() -> None:
    """What the host gave where it booted lacks what is remembered: nothing is there to clear."""
    vm = Vm("v", HVM, names(f"{BASE} MDS_NO RDCL_NO"))
    assert list(registers.beside(vm, host("t", BASE), host("b", BASE))) == [
        f"no level reaches registers: booted on b, it has not RDCL_NO MDS_NO{REMEMBERED}"
    ]


def test_where_a_vm_booted_is_not_known() -> None:
    """Nor can it have booted where no such guests run; one that boots has nothing to be said of."""
    vm, there = Vm("v", HVM, names(BASE)), host("t", BASE)
    only_pv = evolve(there, offers={PV: there.offers[PV]})
    assert list(registers.beside(vm, there, None)) == [UNTOLD]
    assert list(registers.beside(vm, there, only_pv)) == [UNTOLD]
    assert list(registers.beside(evolve(vm, halted=True), there, None)) == []
