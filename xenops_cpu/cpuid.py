"""One CPU as software sees it: CPUID leaves, model-specific registers, microcode revision.

Leaves are a mapping (leaf, subleaf) -> (eax, ebx, ecx, edx); a leaf without subleaves has subleaf
0, and a leaf that is not there reads as zeros. How a CPU is identified: Xen's
xen/arch/x86/cpu/common.c get_cpu_vendor() and generic_identify(), the same in 4.13 to 4.22.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from attrs import evolve, field, frozen

Registers = tuple[int, int, int, int]
LeafKey = tuple[int, int]

INTEL: Final = "GenuineIntel"
AMD: Final = "AuthenticAMD"
HYGON: Final = "HygonGenuine"
CENTAUR: Final = "CentaurHauls"
SHANGHAI: Final = "  Shanghai  "
# Vendors that Xen has code of its own for; it calls every other one unknown.
KNOWN_VENDORS: Final = frozenset({INTEL, AMD, HYGON, CENTAUR, SHANGHAI})

REGISTERS: Final = ("eax", "ebx", "ecx", "edx")
_NOTHING: Final[Registers] = (0, 0, 0, 0)
_HYPERVISOR_BIT = 1 << 31


class CpuError(ValueError):
    """Leaves or registers that no CPU has; the message names the one."""


def _check_leaves(_instance: object, _attribute: object, leaves: object) -> None:
    assert isinstance(leaves, Mapping)
    if (1, 0) not in leaves:
        raise CpuError("CPUID leaf 1 is missing: family, model and the first words are in it")
    for (leaf, subleaf), registers in leaves.items():
        if len(registers) != len(REGISTERS):
            raise CpuError(f"CPUID leaf {leaf:#x}:{subleaf:#x} has {len(registers)} registers")
        for name, value in zip(REGISTERS, registers, strict=True):
            if not 0 <= value < 1 << 32:
                raise CpuError(
                    f"CPUID leaf {leaf:#x}:{subleaf:#x} {name}: {value:#x} is not a 32-bit number"
                )


@frozen
class Cpu:
    """`msrs`: index -> 64-bit value, only those known. `microcode`: revision, None if unknown.

    `name` is for people. Raises CpuError for leaves that cannot be.
    """

    leaves: Mapping[LeafKey, Registers] = field(validator=_check_leaves, repr=False)
    msrs: Mapping[int, int] = field(factory=dict, repr=False)
    microcode: int | None = None
    name: str = ""

    def leaf(self, leaf: int, subleaf: int = 0) -> Registers:
        """EAX, EBX, ECX, EDX; zeros where there is no such leaf."""
        return self.leaves.get((leaf, subleaf), _NOTHING)

    @cached_property
    def vendor(self) -> str:
        """The twelve characters of leaf 0, in EBX, EDX, ECX; exactly as they stand."""
        _, ebx, ecx, edx = self.leaf(0)
        return b"".join(r.to_bytes(4, "little") for r in (ebx, edx, ecx)).decode("latin-1")

    @cached_property
    def signature(self) -> int:
        """EAX of leaf 1."""
        return self.leaf(1)[0]

    @cached_property
    def family(self) -> int:
        """The extended family counts only where the base family is 15."""
        family = self.signature >> 8 & 0xF
        return family + (self.signature >> 20 & 0xFF) if family == 0xF else family

    @cached_property
    def model(self) -> int:
        """The extended model counts from family 6 on."""
        model = self.signature >> 4 & 0xF
        return model | (self.signature >> 16 & 0xF) << 4 if self.family >= 6 else model

    @property
    def stepping(self) -> int:
        return self.signature & 0xF

    @property
    def max_basic(self) -> int:
        """The highest basic leaf."""
        return self.leaf(0)[0]

    @property
    def max_extended(self) -> int:
        """The highest extended leaf; 0 if 80000000h does not answer as one."""
        maximum = self.leaf(0x80000000)[0]
        return maximum if maximum >> 16 == 0x8000 else 0

    @property
    def hypervisor(self) -> bool:
        """CPUID says that this is a virtual machine."""
        return bool(self.leaf(1)[2] & _HYPERVISOR_BIT)

    @cached_property
    def brand(self) -> str:
        """The brand string of leaves 80000002h to 80000004h, `` where there is none."""
        if self.max_extended < 0x80000004:
            return ""
        text = b"".join(
            register.to_bytes(4, "little")
            for leaf in range(0x80000002, 0x80000005)
            for register in self.leaf(leaf)
        )
        return " ".join(text.split(b"\0")[0].decode("latin-1").split())

    def with_msrs(self, msrs: Mapping[int, int]) -> Cpu:
        """This CPU with some registers known, or known otherwise."""
        return evolve(self, msrs={**self.msrs, **msrs}) if msrs else self

    def __str__(self) -> str:
        return self.name or self.brand or f"{self.vendor} {self.signature:08x}"
