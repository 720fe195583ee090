"""Machines that cannot be get a note; those that are get none."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.golden_derivation import cpus, record
from xenops_cpu.cpuid.cpu import Cpu
from xenops_cpu.cpuid.identity import LeafKey, Registers
from xenops_cpu.cpus import shipped
from xenops_cpu.derivation import DERIVED_RELEASES, derive
from xenops_cpu.features.release import release

ROME = "inst-authenticamd0830f10-k17-rome-cpuid6"
CASCADE_LAKE = "inst-genuineintel0050657-cascadelakexeon+2019-11"
SAYS_IMPOSSIBLE = ("no CPU", "no vendor", "beyond the maximum", "no LM", "CPUID shows", "XSAVE")


def notes(cpu: Cpu, xen: str = "4.17") -> list[str]:
    """The notes that say that there is no such machine."""
    found = derive(cpu, release(xen)).notes
    return [note for note in found if any(words in note for words in SAYS_IMPOSSIBLE)]


def changed(cpu: Cpu, *leaves: tuple[LeafKey, Registers]) -> Cpu:
    return evolve(cpu, leaves={**cpu.leaves, **dict(leaves)})


def vendor(cpu: Cpu, name: str) -> Cpu:
    ebx, edx, ecx = (int.from_bytes(name[i : i + 4].encode(), "little") for i in (0, 4, 8))
    return changed(cpu, ((0, 0), (cpu.max_basic, ebx, ecx, edx)))


@pytest.mark.parametrize("xen", DERIVED_RELEASES)
def test_shipped_cpus_are_possible(xen: str) -> None:
    """No CPU that is shipped is said to be impossible, under any release."""
    assert not [(cpu.id, notes(cpu.cpu, xen)) for cpu in shipped.every() if notes(cpu.cpu, xen)]


def test_real_dumps_are_possible() -> None:
    """Of the dumps that results are compared on, only made-up ones are."""
    odd = [name for name in cpus() if notes(record(name).cpu)]
    assert all(name.startswith("synthetic") or name.endswith("v") for name in odd), odd


def test_leaves_beyond_the_maximum() -> None:
    """Basic, of leaf 7 and extended, counted in one note; zeros do not count."""
    rome = record(ROME).cpu
    assert notes(changed(rome, ((0x1F, 0), (0, 0, 0, 0)))) == []
    beyond = notes(changed(rome, ((0x14, 0), (1, 0, 0, 0)), ((0x80000026, 0), (1, 0, 0, 0))))
    assert beyond == [
        "the dump has CPUID leaf 14h (the highest is 10h) and 1 more, beyond the maximum: Xen does "
        "not read it"
    ]
    assert "7h subleaf 2 (the highest is 0)" in notes(changed(rome, ((7, 2), (0, 0, 0, 32))))[0]


def test_vendors_and_families() -> None:
    """A family that the vendor never made, and a vendor that Xen has no code for."""
    assert (
        "GenuineIntel is known with family 17h"
        in notes(vendor(record(ROME).cpu, "GenuineIntel"))[0]
    )
    assert 'calls itself "GenuineIotel"' in notes(vendor(record(ROME).cpu, "GenuineIotel"))[0]


def test_not_64_bit() -> None:
    """Xen does not start on a CPU without long mode."""
    rome = record(ROME).cpu
    eax, ebx, ecx, edx = rome.leaf(0x80000001)
    told = notes(changed(rome, ((0x80000001, 0), (eax, ebx, ecx, edx & ~(1 << 29)))))
    assert told[0].startswith("CPUID shows no LM")
    assert "without LM" in told[1]


def test_xsave_without_sse() -> None:
    """Xen stops at an XSAVE that does not save SSE."""
    rome = record(ROME).cpu
    _, ebx, ecx, edx = rome.leaf(0xD)
    told = notes(changed(rome, ((0xD, 0), (1, ebx, ecx, edx))))
    assert told == [
        "CPUID leaf dh says that XSAVE does not save x87 and SSE (1h): Xen stops while it starts "
        "on such a CPU"
    ]


def test_contradictions_that_xen_complains_of() -> None:
    """GDS_CTRL with GDS_NO, RSBA with EIBRS, RRSBA without."""
    cpu = record(CASCADE_LAKE).cpu
    caps = cpu.msrs[0x10A]
    assert caps >> 1 & 1  # EIBRS
    both = notes(cpu.with_msrs({0x10A: caps | 1 << 25 | 1 << 26}))
    assert both == ["CPUID shows GDS_CTRL and GDS_NO, one of which must be wrong: Xen complains"]
    assert "RSBA with EIBRS" in notes(cpu.with_msrs({0x10A: caps | 1 << 2}))[0]
    assert "RRSBA without EIBRS" in notes(cpu.with_msrs({0x10A: caps & ~2 | 1 << 19}))[0]


def test_features_without_their_bases() -> None:
    """Three are named, the rest counted; IBRS, which firmware hides alone, does not count."""
    rome = record(ROME).cpu
    assert not notes(rome)
    eax, ebx, ecx, edx = rome.leaf(1)
    told = notes(changed(rome, ((1, 0), (eax, ebx, ecx, edx & ~(1 << 24 | 1 << 26)))))
    assert len(told) == 1
    assert "SSE without FXSR" in told[0]
    assert "without SSE2" in told[0]
