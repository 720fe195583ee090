"""Who a CPU is, from the registers of CPUID that say so.

Places: Intel SDM volume 2 (CPUID), AMD APM volume 3 appendix E. The rules are Xen's own, the same
in 4.13 to 4.22 (xen/arch/x86/cpu/common.c, get_cpu_vendor(), generic_identify(),
get_cpu_family()).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

Registers = tuple[int, int, int, int]
LeafKey = tuple[int, int]

REGISTERS: Final = ("eax", "ebx", "ecx", "edx")
NOTHING: Final[Registers] = (0, 0, 0, 0)

INTEL: Final = "GenuineIntel"
AMD: Final = "AuthenticAMD"
HYGON: Final = "HygonGenuine"
CENTAUR: Final = "CentaurHauls"
SHANGHAI: Final = "  Shanghai  "
# Vendors that Xen has code of its own for; it calls every other one unknown.
KNOWN_VENDORS: Final = frozenset({INTEL, AMD, HYGON, CENTAUR, SHANGHAI})
# Whose leaf 80000001h EDX repeats bits of leaf 1 EDX.
REPEATING: Final = frozenset({AMD, HYGON})

# Leaf 1 ECX: this is a virtual machine.
HYPERVISOR_BIT: Final = 1 << 31
# The leaves of the brand string, first and last.
BRAND: Final = (0x80000002, 0x80000004)


class Signature(NamedTuple):
    """EAX of leaf 1, taken apart."""

    family: int
    model: int
    stepping: int

    @classmethod
    def of(cls, eax: int) -> Signature:
        """The extended family counts where the base family is 15, the extended model from family 6
        on.
        """
        base = eax >> 8 & 0xF
        family = base + (eax >> 20 & 0xFF) if base == 0xF else base
        model = eax >> 4 & 0xF
        return cls(family, model | (eax >> 16 & 0xF) << 4 if family >= 6 else model, eax & 0xF)


def vendor(leaf0: Registers) -> str:
    """The twelve characters of leaf 0, in EBX, EDX, ECX; exactly as they stand."""
    _, ebx, ecx, edx = leaf0
    return _text((ebx, edx, ecx))


def brand(leaves: Iterable[Registers]) -> str:
    """The brand string of leaves 80000002h to 80000004h, blanks run together."""
    text = _text(register for leaf in leaves for register in leaf)
    return " ".join(text.split("\0")[0].split())


def _text(registers: Iterable[int]) -> str:
    return b"".join(register.to_bytes(4, "little") for register in registers).decode("latin-1")
