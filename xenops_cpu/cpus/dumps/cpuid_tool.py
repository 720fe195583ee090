"""What the program cpuid prints with `-r` (raw): the Linux package cpuid, by Todd Allen.

    CPU 0:
       0x00000000 0x00: eax=0x00000016 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69

With `-1` the heading is `CPU:`. It reads no registers.
"""

from __future__ import annotations

import re

from ...cpuid.identity import LeafKey, Registers
from .dump import Dump, DumpError, finish

FORMAT = "cpuid -r"

_LEAF = r"\s*0x([0-9a-fA-F]{8})\s+0x([0-9a-fA-F]{1,8}):\s*"
_VALUES = r"\s+".join(rf"{name}=0x([0-9a-fA-F]{{8}})" for name in ("eax", "ebx", "ecx", "edx"))
_LINE = re.compile(_LEAF + _VALUES + r"\s*")
_ANY_LINE = re.compile(_LEAF + "e")


def recognises(text: str) -> bool:
    return any(_ANY_LINE.match(line) for line in text.splitlines())


def parse(text: str, name: str) -> list[Dump]:
    """One dump, of the first CPU. Raises DumpError."""
    cpus: list[dict[LeafKey, Registers]] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            if _ANY_LINE.match(line) and len(cpus) < 2:
                raise DumpError(
                    f'{name}, line {number}: "{line.strip()[:60]}" is not LEAF SUBLEAF: '
                    "eax=0x… ebx=0x… ecx=0x… edx=0x…, 8 hex digits each"
                )
            continue
        leaf, subleaf, eax, ebx, ecx, edx = (int(part, 16) for part in match.groups())
        if (leaf, subleaf) == (0, 0):
            cpus.append({})
        elif not cpus:
            raise DumpError(
                f"{name}, line {number}: leaf {leaf:x} comes before leaf 0, "
                "with which each CPU begins"
            )
        cpus[-1].setdefault((leaf, subleaf), (eax, ebx, ecx, edx))
    if not cpus:
        raise DumpError(f"{name}: no leaf 0 is in it, with which each CPU begins")
    return [finish(name, FORMAT, cpus, {})]
