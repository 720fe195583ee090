"""Which leaves and registers a CPU policy of a Xen release has: everything else is no part of it.

The sizes are CPUID_GUEST_NR_* and MSR_MAX_SERIALISED_ENTRIES of xen/include/xen/lib/x86/
cpu-policy.h (4.13: cpuid.h and msr.h), the same from 4.14 to 4.22. XenServer's Xen has one
subleaf of leaf 7 more, kept free for live patches (its patch "Allocate space in structs
pre-emptively").
"""

from __future__ import annotations

from typing import Final, NamedTuple

from ..features.release import RELEASES, Release
from .fields import ARCH_CAPS, PLATFORM_INFO
from .identity import LeafKey
from .policy import NO_SUBLEAF

BASIC, EXTENDED = 0x0, 0x80000000
CACHES, FEATURES, TOPOLOGY, STATE = 0x4, 0x7, 0xB, 0xD
HYPERVISOR, HYPERVISOR_2 = 0x40000000, 0x40000100

LAST_BASIC = 0xD
LAST_CACHE = 5
LAST_TOPOLOGY = 1
LAST_STATE = 62
_MSRS = 2


class Slots(NamedTuple):
    """`features`: the last subleaf of leaf 7. `extended`: the last extended leaf.

    `arch_caps_bits`: how much of MSR 10ah is kept, 32 bits in 4.13.
    """

    features: int = 2
    extended: int = 0x80000021
    arch_caps_bits: int = 64

    def last_subleaf(self, leaf: int) -> int | None:
        """Of a leaf with a table of its own; None for a leaf that has no subleaves."""
        return {
            CACHES: LAST_CACHE,
            FEATURES: self.features,
            TOPOLOGY: LAST_TOPOLOGY,
            STATE: LAST_STATE,
        }.get(leaf)

    def has(self, key: LeafKey) -> bool:
        """Whether there is a slot for a leaf and subleaf, NO_SUBLEAF where the leaf has none."""
        leaf, subleaf = key
        last = self.last_subleaf(leaf)
        if last is not None:
            return subleaf <= last
        known = (
            leaf <= LAST_BASIC
            or EXTENDED <= leaf <= self.extended
            or leaf in (HYPERVISOR, HYPERVISOR_2)
        )
        return known and subleaf == NO_SUBLEAF

    @property
    def most_leaves(self) -> int:
        """Entries that a whole policy can have; Xen takes no list that is longer."""
        tables = (LAST_CACHE, self.features, LAST_TOPOLOGY, LAST_STATE)
        return LAST_BASIC + 1 + sum(tables) + (self.extended & 0xFFFF) + 1 + 2

    @property
    def most_msrs(self) -> int:
        return _MSRS

    def msr_bits(self, index: int) -> int:
        """How many bits of a register are kept; 0 for one that is no part of a policy."""
        return {PLATFORM_INFO: 32, ARCH_CAPS: self.arch_caps_bits}.get(index, 0)


_4_13: Final = Slots(features=1, extended=0x8000001C, arch_caps_bits=32)
_UPSTREAM: Final = Slots()
_RETROFIT: Final = Slots(features=3, extended=0x8000001C, arch_caps_bits=32)
_XENSERVER: Final = Slots(features=3)


def slots(release: Release) -> Slots:
    """The slots of a release; of one before 4.13, which has no such policies, 4.13's."""
    if release.line == "xenserver-8.2-retrofit":
        return _RETROFIT
    if release.xenserver:
        return _XENSERVER
    return _4_13 if release.place <= RELEASES.index("4.13") else _UPSTREAM
