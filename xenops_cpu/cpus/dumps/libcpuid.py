"""libcpuid's own raw dumps (cpuid_serialize_raw_data(), `cpuid_tool --save`).

    version=0.7.0
    _________________ Logical CPU #0 _________________
    basic_cpuid[0]=00000016 756e6547 6c65746e 49656e69
    ext_cpuid[1]=00000000 00000000 00000121 2c100800
    intel_fn4[1]=3c004122 01c0003f 0000003f 00000000

An array is a leaf's subleaves or a range of leaves; there is none for the subleaves of 7 and 0dh.
Test files of the project go on after the last CPU with results, which are passed over; those that
hold lines `CPUID LEAF: ...` are read as InstLatx64 dumps.
"""

from __future__ import annotations

import re

from ...cpuid.identity import LeafKey, Registers
from .dump import Dump, DumpError, finish

FORMAT = "libcpuid"

_SUBLEAVES = {
    "intel_fn4": 0x4,
    "intel_fn11": 0xB,
    "intel_fn12h": 0x12,
    "intel_fn14h": 0x14,
    "amd_fn8000001dh": 0x8000001D,
}
_RANGES = {"basic_cpuid": 0, "ext_cpuid": 0x80000000}

_LINE = re.compile(r"\s*(\w+)\[(\d{1,3})\]\s*=\s*" + r"\s+".join(["([0-9A-Fa-f]{8})"] * 4) + r"\s*")
_ANY_LINE = re.compile(rf"\s*(?:{'|'.join([*_RANGES, *_SUBLEAVES])})\[")
_ARM = re.compile(r"^[ \t]*arm_midr=", re.MULTILINE)


def recognises(text: str) -> bool:
    return bool(_ARM.search(text)) or any(_ANY_LINE.match(line) for line in text.splitlines())


def parse(text: str, name: str) -> list[Dump]:
    """One dump, of the first CPU. Raises DumpError."""
    if _ARM.search(text):
        raise DumpError(f"{name}: this is the dump of an ARM CPU; an x86 CPU is wanted")
    cpus: list[dict[LeafKey, Registers]] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            if _ANY_LINE.match(line) and len(cpus) < 2:
                raise DumpError(
                    f'{name}, line {number}: "{line.strip()[:60]}" is not '
                    "NAME[INDEX]=EAX EBX ECX EDX, 8 hex digits each"
                )
            continue
        array, index = match[1], int(match[2])
        if array in _RANGES:
            key = (_RANGES[array] + index, 0)
        elif array in _SUBLEAVES:
            key = (_SUBLEAVES[array], index)
        else:
            continue
        if key == (0, 0):
            cpus.append({})
        elif not cpus:
            raise DumpError(
                f"{name}, line {number}: {array}[{index}] comes before basic_cpuid[0], "
                "with which each CPU begins"
            )
        eax, ebx, ecx, edx = (int(part, 16) for part in match.groups()[2:])
        cpus[-1].setdefault(key, (eax, ebx, ecx, edx))
    if not cpus:
        raise DumpError(f"{name}: no line basic_cpuid[0]=EAX EBX ECX EDX is in it")
    return [finish(name, FORMAT, cpus, {})]
