"""The words of a featureset as a CPU has them (xen/lib/x86/cpuid.c, arch/x86/cpu/common.c)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..cpuid.cpu import Cpu
from ..cpuid.identity import REGISTERS
from ..features.release import Release

_7D0_ARCH_CAPS = 1 << 29
_REGISTER: Mapping[str, int] = {name: index for index, name in enumerate(REGISTERS)}


class Readable(NamedTuple):
    """The words as CPUID and MSR 10a have them, and which of them Xen reads."""

    silicon: int
    host: int
    raw: int


def unread(xen: Release) -> frozenset[int]:
    """The words of a release that it does not fill, whatever the CPU has.

    The retrofit has a word for leaf 80000021h, which lies beyond the end of its tables.
    """
    if xen.name != "xenserver-8.2-retrofit":
        return frozenset()
    return frozenset(word.index for word in xen.words if (word.leaf or 0) > 0x8000001C)


def read_words(cpu: Cpu, xen: Release, arch_caps: int) -> Readable:
    """All words of a release's featureset, and the masks of those that Xen gets to see.

    A leaf beyond the maximum reads as 0. For the host set the extended leaves must announce
    themselves with 8000h; raw looks at the low half of their maximum only.
    """
    silicon = host = raw = 0
    ignored = unread(xen)
    extended = cpu.leaf(0x80000000)[0]
    leaf7_max = cpu.leaf(7)[0] if cpu.max_basic >= 7 else -1
    enumerated = bool(cpu.leaf(7)[3] & _7D0_ARCH_CAPS) and leaf7_max >= 0
    for word in xen.words:
        shift = word.index * 32
        if word.msr is not None:
            if enumerated:
                half = arch_caps >> 32 if word.half == "hi" else arch_caps & 0xFFFFFFFF
                silicon |= half << shift
                host |= 0xFFFFFFFF << shift
                raw |= 0xFFFFFFFF << shift
            continue
        if word.leaf is None or word.register is None:
            continue
        leaf, subleaf = word.leaf, word.subleaf or 0
        if leaf >= 0x80000000:
            reads_raw = extended & 0xFFFF >= leaf & 0xFFFF and word.index not in ignored
            reads_host = reads_raw and extended >> 16 == 0x8000
        elif leaf == 7:
            reads_raw = reads_host = leaf7_max >= subleaf
        else:
            reads_raw = cpu.max_basic >= leaf
            reads_host = reads_raw or leaf == 1
        if reads_raw or reads_host:
            silicon |= cpu.leaf(leaf, subleaf)[_REGISTER[word.register]] << shift
            raw |= (0xFFFFFFFF << shift) if reads_raw else 0
            host |= (0xFFFFFFFF << shift) if reads_host else 0
    return Readable(silicon, host, raw)
