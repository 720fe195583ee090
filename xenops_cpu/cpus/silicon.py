"""Silicon: what of a CPU no microcode and no firmware setting changes, and where those show.

A dump shows a part at one revision under one firmware. Silicon is that dump with what is known of
the part itself: its signature, whether it has TSX (some are sold with it fused off), whether it has
efficient cores. The words in which microcode and firmware show are called as in a featureset (7d0
is CPUID 7.0 EDX); any other name is the index of an MSR in hex.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

from attrs import evolve, frozen

from ..cpuid.cpu import Cpu
from ..cpuid.identity import NOTHING, LeafKey, Registers

# Leaf, subleaf, and the register's place among eax, ebx, ecx, edx.
WORDS: Final[Mapping[str, tuple[int, int, int]]] = {
    "7b0": (7, 0, 1),
    "7d0": (7, 0, 3),
    "7d2": (7, 2, 3),
    "e1c": (0x80000001, 0, 2),
    "e8b": (0x80000008, 0, 1),
    "e21a": (0x80000021, 0, 0),
}

# CPUID 7.0 EBX and EDX, MSR 10ah.
SGX: Final = 1 << 2
HLE_RTM: Final = 1 << 4 | 1 << 11
HYBRID: Final = 1 << 15
ARCH_CAPS: Final = 1 << 29
TSX_CTRL: Final = 1 << 7
GDS_CTRL: Final = 1 << 25

_ARCH_CAPS_MSR = 0x10A


@frozen(slots=False)  # its cached properties need a place, which attrs gives since 23.2
class Silicon:
    """One part, as it was dumped."""

    dumped: Cpu

    @property
    def revision(self) -> int | None:
        """The microcode that the dump was made with, None where it does not tell."""
        return self.dumped.microcode

    @cached_property
    def tsx(self) -> bool:
        """The part has TSX: the dump shows it, or the register that hides it.

        Not known to be absent where it is False: microcode may have taken it before the dump.
        """
        return bool(word(self.dumped, "7b0") & HLE_RTM or word(self.dumped, "10a") & TSX_CTRL)

    @property
    def ecores(self) -> bool:
        """Hybrid: it has efficient cores beside the others (CPUID 7.0 EDX[15])."""
        return bool(word(self.dumped, "7d0") & HYBRID)

    def has(self, trait: str) -> bool:
        """Whether a condition on parts (microcode.Condition.needs) is met."""
        return {"tsx": self.tsx, "ecores": self.ecores}[trait]


def word(cpu: Cpu, name: str) -> int:
    """A word or register of a CPU; 0 where it is not there or not known."""
    if name in WORDS:
        leaf, subleaf, place = WORDS[name]
        limit = cpu.max_extended if leaf >> 31 else cpu.max_basic
        return cpu.leaf(leaf, subleaf)[place] if leaf <= limit else 0
    if name == "10a" and not word(cpu, "7d0") & ARCH_CAPS:
        return 0
    return cpu.msrs.get(int(name, 16), 0)


def with_words(cpu: Cpu, words: Mapping[str, int]) -> Cpu:
    """The CPU with some words and registers reading otherwise.

    Words of leaves beyond the CPU's limits stay as they are. Leaf 7's own limit follows its
    subleaf 2, and MSR 10ah is there just where CPUID says so.
    """
    leaves: dict[LeafKey, Registers] = dict(cpu.leaves)
    msrs = dict(cpu.msrs)
    for name, value in words.items():
        if name not in WORDS:
            msrs[int(name, 16)] = value
            continue
        leaf, subleaf, place = WORDS[name]
        if leaf > (cpu.max_extended if leaf >> 31 else cpu.max_basic):
            continue
        registers = list(leaves.get((leaf, subleaf), NOTHING))
        registers[place] = value
        leaves[leaf, subleaf] = (registers[0], registers[1], registers[2], registers[3])
    if "7d2" in words and cpu.max_basic >= 7:
        _limit_leaf7(leaves, bool(words["7d2"]))
    changed = evolve(cpu, leaves=leaves, msrs=msrs)
    if not word(changed, "7d0") & ARCH_CAPS and _ARCH_CAPS_MSR in msrs:
        del msrs[_ARCH_CAPS_MSR]
        changed = evolve(changed, msrs=msrs)
    return changed


def _limit_leaf7(leaves: dict[LeafKey, Registers], second: bool) -> None:
    """EAX of leaf 7, the highest subleaf: 2 with anything in subleaf 2, else what there is."""
    eax, ebx, ecx, edx = leaves.get((7, 0), NOTHING)
    if second:
        eax = max(eax, 2)
        leaves.setdefault((7, 1), NOTHING)
    elif not any(leaves.get((7, 2), NOTHING)):
        leaves.pop((7, 2), None)
        eax = min(eax, 1 if any(leaves.get((7, 1), NOTHING)) else 0)
    leaves[7, 0] = (eax, ebx, ecx, edx)
