"""xenops_cpu.cpuid: identification of a CPU from its leaves."""

from __future__ import annotations

import pytest

from xenops_cpu.cpuid.cpu import Cpu, CpuError, cpu_of
from xenops_cpu.cpuid.identity import AMD, INTEL, Registers
from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy


def cpu(signature: int, vendor: str = INTEL, **leaves: Registers) -> Cpu:
    raw = vendor.encode()
    ebx, edx, ecx = (int.from_bytes(raw[i : i + 4], "little") for i in (0, 4, 8))
    table = {(0, 0): (0xD, ebx, ecx, edx), (1, 0): (signature, 0, 0, 0)}
    table.update({(int(key[1:], 16), 0): value for key, value in leaves.items()})
    return Cpu(table)


@pytest.mark.parametrize(
    ("signature", "vendor", "family", "model", "stepping"),
    [
        (0x000306C3, INTEL, 6, 0x3C, 3),
        (0x00050654, INTEL, 6, 0x55, 4),
        (0x00000F65, INTEL, 0x0F, 0x06, 5),
        (0x00830F10, AMD, 0x17, 0x31, 0),
        (0x00A00F11, AMD, 0x19, 0x01, 1),
        (0x00B00F81, AMD, 0x1A, 0x08, 1),
        (0x0001055A, AMD, 5, 5, 0xA),
    ],
)
def test_signature(signature: int, vendor: str, family: int, model: int, stepping: int) -> None:
    """Extended family counts with family 15 only, extended model from family 6 on."""
    found = cpu(signature, vendor)
    assert (found.vendor, found.family, found.model, found.stepping) == (
        vendor, family, model, stepping,
    )  # fmt: skip


def test_missing_leaf_is_zeros() -> None:
    """A leaf that is not there reads as zeros, as beyond the end of a table."""
    assert cpu(0x50654).leaf(0x1D, 3) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("eax", "maximum"), [(0x80000008, 0x80000008), (0, 0), (0x0000000D, 0), (0x80010008, 0)]
)
def test_extended_maximum(eax: int, maximum: int) -> None:
    """Leaf 80000000h announces extended leaves with 8000h in its upper half or not at all."""
    assert cpu(0x50654, x80000000=(eax, 0, 0, 0)).max_extended == maximum


def test_hypervisor_and_brand() -> None:
    """The hypervisor bit and the brand string are read from their leaves, blanks squeezed."""
    text = b"  Intel(R)   Xeon(R) Gold 6240 \0".ljust(48, b"\0")
    parts = [int.from_bytes(text[i : i + 4], "little") for i in range(0, 48, 4)]
    table = {(0x80000002 + i, 0): tuple(parts[4 * i : 4 * i + 4]) for i in range(3)}
    leaves = {
        (0, 0): (0xD, 0, 0, 0),
        (1, 0): (0x50654, 0, 1 << 31, 0),
        (0x80000000, 0): (0x80000008, 0, 0, 0),
        **table,
    }
    found = Cpu(leaves)  # type: ignore[arg-type]
    assert found.hypervisor
    assert found.brand == str(found) == "Intel(R) Xeon(R) Gold 6240"


def test_with_msrs_keeps_the_others() -> None:
    """Registers given anew win over those known, which stay."""
    found = Cpu({(1, 0): (0, 0, 0, 0)}, {0x10A: 1, 0x35: 2}).with_msrs({0x10A: 3})
    assert found.msrs == {0x10A: 3, 0x35: 2}


def test_leaf_1_is_needed() -> None:
    """Without leaf 1 there is no CPU to speak of."""
    with pytest.raises(CpuError, match="leaf 1 is missing"):
        Cpu({(0, 0): (0xD, 0, 0, 0)})


def test_register_out_of_range_is_named() -> None:
    """An error names the leaf and the register."""
    with pytest.raises(CpuError, match=r"leaf 0x7:0x1 ecx: 0x100000000 is not a 32-bit number"):
        Cpu({(1, 0): (0, 0, 0, 0), (7, 1): (0, 0, 1 << 32, 0)})


def test_messages_word_for_word() -> None:
    """What is missing, or how many registers a leaf has."""
    with pytest.raises(CpuError) as refused:
        Cpu({})
    assert str(refused.value) == (
        "CPUID leaf 1 is missing: family, model and the first words are in it"
    )
    with pytest.raises(CpuError) as refused:
        Cpu({(1, 0): (0, 0, 0, 0), (7, 1): (0, 0, 0)})  # type: ignore[dict-item]
    assert str(refused.value) == "CPUID leaf 0x7:0x1 has 3 registers"


def test_maxima_and_hypervisor() -> None:
    """The highest basic leaf is EAX of leaf 0; only bit 31 of leaf 1 ECX tells of a hypervisor."""
    plain = Cpu({(0, 0): (0x16, 1, 2, 3), (1, 0): (9, 8, 0x7FFFFFFF, 7)})
    assert plain.max_basic == 0x16
    assert not plain.hypervisor
    assert Cpu({(1, 0): (0, 0, 1 << 31, 0)}).hypervisor


@pytest.mark.parametrize(("maximum", "brand"), [(0x80000003, ""), (0x80000004, "A" * 48)])
def test_a_brand_is_announced(maximum: int, brand: str) -> None:
    """All three leaves have to be within the maximum; what comes after them is no part of it."""
    letters = 0x41414141
    same = dict.fromkeys([(0x80000002 + i, 0) for i in range(4)], (letters,) * 4)
    found = Cpu({(1, 0): (0, 0, 0, 0), (0x80000000, 0): (maximum, 0, 0, 0), **same})
    assert found.brand == brand


def test_no_registers_change_nothing() -> None:
    """The CPU itself comes back."""
    plain = cpu(0x50654)
    assert plain.with_msrs({}) is plain


def test_extended_family_counts_with_family_15_only() -> None:
    """Whatever stands in those bits of another family."""
    assert cpu(0x0FF00650).family == 6


def test_the_cpu_of_a_policy() -> None:
    """Subleaf 0 and none are told apart in a policy alone; nothing else changes."""
    policy = Policy(
        {(0, NO_SUBLEAF): (0xD, 1, 2, 3), (1, NO_SUBLEAF): (4, 5, 6, 7), (4, 0): (1, 1, 1, 1),
         (7, 0): (2, 2, 2, 2), (0x18, 0): (3, 3, 3, 3), (0x18, 1): (4, 4, 4, 4)},
        {0x10A: 5},
    )  # fmt: skip
    assert cpu_of(policy) == Cpu(
        {(0, 0): (0xD, 1, 2, 3), (1, 0): (4, 5, 6, 7), (4, 0): (1, 1, 1, 1), (7, 0): (2, 2, 2, 2),
         (0x18, 0): (3, 3, 3, 3), (0x18, 1): (4, 4, 4, 4)},
        {0x10A: 5},
    )  # fmt: skip
    with pytest.raises(CpuError, match="leaf 1 is missing"):
        cpu_of(Policy({(0, NO_SUBLEAF): (0, 0, 0, 0)}))
