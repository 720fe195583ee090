"""CPUID dumps as the collection InstLatx64 has them: made by AIDA64, EVEREST and others.

    ------[ Logical CPU #0 ]------
    CPUID 00000000: 00000016-756E6547-6C65746E-49656E69 [GenuineIntel]
    CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00]
    ------[ MSR Registers ]------
    MSR 0000008B: 0000-0042-0000-0000
    MSR 000001AC: < FAILED >

Headings differ from program to program and may be missing, so they are not relied on: a CPU begins
where leaf 0 is listed. Subleaves without [SL n] are numbered in their order; those of leaf 0dh by
the state components that the CPU has. A register may be listed several times, as sampled or for
each CPU; the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...cpuid.identity import LeafKey, Registers
from .dump import Dump, DumpError, finish

FORMAT = "InstLatx64"

_HEX8 = "([0-9A-Fa-f]{8})"
_CPUID = re.compile(rf"\s*CPUID\s+{_HEX8}\s*:\s*{_HEX8}-{_HEX8}-{_HEX8}-{_HEX8}(?![\w-])(.*)")
_ANY_CPUID = re.compile(r"\s*CPUID\s+[0-9A-Fa-f]{1,8}\s*:")
_SUBLEAF = re.compile(r"\[SL\s+([0-9A-Fa-f]{1,8})\]")
_MSR = re.compile(rf"\s*MSR\s+{_HEX8}\s*:\s*((?:[0-9A-Fa-f]{{4}}-?){{4}})(?![\w-])")

Lines = dict[int, list[tuple[int | None, Registers]]]


def recognises(text: str) -> bool:
    return any(_ANY_CPUID.match(line) for line in text.splitlines())


def parse(text: str, name: str) -> list[Dump]:
    """One dump, of the first CPU. Raises DumpError."""
    cpus: list[Lines] = []
    msrs: dict[int, int] = {}
    notes: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if match := _CPUID.match(line):
            leaf, *registers = (int(part, 16) for part in match.groups()[:5])
            if leaf == 0:
                cpus.append({})
            elif not cpus:
                raise DumpError(
                    f"{name}, line {number}: CPUID leaf {leaf:x} comes before leaf 0, "
                    "with which each CPU begins"
                )
            label = _SUBLEAF.search(match[6])
            eax, ebx, ecx, edx = registers
            cpus[-1].setdefault(leaf, []).append(
                (int(label[1], 16) if label else None, (eax, ebx, ecx, edx))
            )
        elif _ANY_CPUID.match(line):
            if len(cpus) > 1:
                notes.append(f"line {number}, of a later CPU, is damaged")
                break
            raise DumpError(
                f'{name}, line {number}: "{line.strip()[:60]}" is not '
                "CPUID LEAF: EAX-EBX-ECX-EDX, 8 hex digits each"
            )
        elif match := _MSR.match(line):
            msrs.setdefault(int(match[1], 16), int(match[2].replace("-", ""), 16))
    if not cpus:
        raise DumpError(f"{name}: no line CPUID 00000000: EAX-EBX-ECX-EDX is in it")
    return [finish(name, FORMAT, [_numbered(lines) for lines in cpus], msrs, notes)]


def _numbered(lines: Lines) -> dict[LeafKey, Registers]:
    leaves: dict[LeafKey, Registers] = {}
    for leaf, listed in lines.items():
        numbers: Iterable[int] = range(len(listed))
        if leaf == 0xD and len(listed) > 2:
            numbers = _components(listed[0][1], listed[1][1], len(listed))
        for number, (label, registers) in zip(numbers, listed, strict=False):
            leaves.setdefault((leaf, number if label is None else label), registers)
    return leaves


def _components(first: Registers, second: Registers, count: int) -> list[int]:
    """Subleaf numbers for `count` lines of leaf 0dh: 0, 1, and one for each state component."""
    known = (first[3] | second[3]) << 32 | first[0] | second[2]
    numbers = [0, 1, *(bit for bit in range(2, 63) if known >> bit & 1)]
    return numbers + [63 + extra for extra in range(count - len(numbers))]
