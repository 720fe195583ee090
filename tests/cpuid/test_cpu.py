"""xenops_cpu.cpuid: identification of a CPU from its leaves."""

from __future__ import annotations

import pytest

from xenops_cpu.cpuid.cpu import Cpu, CpuError
from xenops_cpu.cpuid.identity import AMD, INTEL, Registers


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
