"""What of a pool's level a VM really gets.

A level is a featureset. libxc sends leaves to Xen, never registers: the words of MSR 10ah are
computed and thrown away, and the guest has what the host where it boots gives by default. What no
level has at all is in numbers.
"""

from __future__ import annotations

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release
from .recalculation import sanitised

_ARCH_CAPS = "ARCH_CAPS"


def as_booted(level: Featureset, default: Featureset, xen: Release) -> Featureset:
    """A level with the words of MSR 10ah as a guest has them that boots with it on one host.

    `default`: the default set of its type there. Without ARCH_CAPS in the level they are zero.
    """
    registers = sum(
        0xFFFFFFFF << word.index * WORD_BITS for word in xen.words if word.msr is not None
    )
    known = xen.features.get(_ARCH_CAPS)
    there = known is not None and known.number in level and known.number in default
    bits = level.bits & ~registers | (default.bits & registers if there else 0)
    return Featureset(sanitised(bits, xen), max(level.length, xen.length))
