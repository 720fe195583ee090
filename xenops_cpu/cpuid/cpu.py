"""One CPU as software sees it: CPUID leaves, model-specific registers, microcode revision.

Leaves are a mapping (leaf, subleaf) -> (eax, ebx, ecx, edx); a leaf without subleaves has subleaf
0, and a leaf that is not there reads as zeros.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from attrs import evolve, field, frozen

from ..errors import Error
from . import identity
from .identity import BRAND, HYPERVISOR_BIT, NOTHING, REGISTERS, LeafKey, Registers, Signature
from .policy import NO_SUBLEAF, Policy


class CpuError(Error):
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


@frozen(slots=False)  # its cached properties need a place, which attrs gives since 23.2
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
        return self.leaves.get((leaf, subleaf), NOTHING)

    @cached_property
    def vendor(self) -> str:
        """The twelve characters of leaf 0, in EBX, EDX, ECX; exactly as they stand."""
        return identity.vendor(self.leaf(0))

    @cached_property
    def signature(self) -> int:
        """EAX of leaf 1."""
        return self.leaf(1)[0]

    @cached_property
    def identity(self) -> Signature:
        """Family, model and stepping."""
        return Signature.of(self.signature)

    @property
    def family(self) -> int:
        return self.identity.family

    @property
    def model(self) -> int:
        return self.identity.model

    @property
    def stepping(self) -> int:
        return self.identity.stepping

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
        return bool(self.leaf(1)[2] & HYPERVISOR_BIT)

    @cached_property
    def brand(self) -> str:
        """The brand string of leaves 80000002h to 80000004h, `` where there is none."""
        if self.max_extended < BRAND[1]:
            return ""
        return identity.brand(self.leaf(leaf) for leaf in range(BRAND[0], BRAND[1] + 1))

    def with_msrs(self, msrs: Mapping[int, int]) -> Cpu:
        """This CPU with some registers known, or known otherwise."""
        return evolve(self, msrs={**self.msrs, **msrs}) if msrs else self

    def __str__(self) -> str:
        return self.name or self.brand or f"{self.vendor} {self.signature:08x}"


def cpu_of(policy: Policy) -> Cpu:
    """The CPU that a raw policy describes. Raises CpuError."""
    leaves = {
        (leaf, 0 if subleaf == NO_SUBLEAF else subleaf): registers
        for (leaf, subleaf), registers in policy.leaves.items()
    }
    return Cpu(leaves=leaves, msrs=dict(policy.msrs))
