"""A CPU policy as Xen keeps it while it works on it: slots that always exist, and are zero or not.

A Policy is what Xen hands out, a list of leaves as far as its own limits go; a PolicyTable is what
the list is made from and read into (struct cpu_policy, xen/include/xen/lib/x86/cpu-policy.h). It
can hold what no list shows: features in leaves beyond the highest one, for instance.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from attrs import define, field

from ..features.release import Release, release
from . import identity
from .fields import ARCH_CAPS, PLATFORM_INFO
from .identity import NOTHING, REGISTERS, LeafKey, Registers
from .policy import NO_SUBLEAF, Policy
from .slots import (
    BASIC,
    CACHES,
    EXTENDED,
    FEATURES,
    HYPERVISOR,
    HYPERVISOR_2,
    LAST_BASIC,
    LAST_CACHE,
    LAST_STATE,
    LAST_TOPOLOGY,
    STATE,
    TOPOLOGY,
    Slots,
)
from .words import word_key

_WORD = 0xFFFFFFFF
_CACHE_TYPE = 0x1F
_LEVEL_TYPE = 0xFF00


@define
class PolicyTable:
    """`leaves`: only those that are not zero, subleaf NO_SUBLEAF where a leaf has none. `msrs`:
    the same, index to value.
    """

    slots: Slots
    leaves: dict[LeafKey, Registers] = field(factory=dict)
    msrs: dict[int, int] = field(factory=dict)

    @classmethod
    def of(cls, policy: Policy, slots: Slots) -> PolicyTable:
        """What a policy says; leaves and registers that have no slot are left out."""
        table = cls(slots)
        for (leaf, subleaf), registers in policy.leaves.items():
            key = (leaf, table.place(leaf, subleaf))
            if slots.has(key):
                table.put(key, registers)
        for index, value in policy.msrs.items():
            bits = slots.msr_bits(index)
            if bits:
                table.put_msr(index, value & ((1 << bits) - 1))
        return table

    def copy(self) -> PolicyTable:
        return PolicyTable(self.slots, dict(self.leaves), dict(self.msrs))

    def place(self, leaf: int, subleaf: int | None) -> int:
        """The subleaf under which a leaf stands: dumps do not tell 0 and none apart."""
        if subleaf is None or subleaf in (0, NO_SUBLEAF):
            return NO_SUBLEAF if self.slots.last_subleaf(leaf) is None else 0
        return subleaf

    # Leaves and registers

    def leaf(self, leaf: int, subleaf: int = NO_SUBLEAF) -> Registers:
        return self.leaves.get((leaf, subleaf), NOTHING)

    def put(self, key: LeafKey, registers: Registers) -> None:
        if any(registers):
            self.leaves[key] = registers
        else:
            self.leaves.pop(key, None)

    def set(
        self,
        leaf: int,
        subleaf: int = NO_SUBLEAF,
        *,
        eax: int | None = None,
        ebx: int | None = None,
        ecx: int | None = None,
        edx: int | None = None,
    ) -> None:
        """Registers of a leaf; those not named stay."""
        a, b, c, d = self.leaf(leaf, subleaf)
        self.put(
            (leaf, subleaf),
            (
                a if eax is None else eax,
                b if ebx is None else ebx,
                c if ecx is None else ecx,
                d if edx is None else edx,
            ),
        )

    def clear(self, *numbers: int) -> None:
        """Leaves, with all their subleaves, become zero."""
        for key in [key for key in self.leaves if key[0] in numbers]:
            del self.leaves[key]

    def clear_from(self, leaf: int, subleaf: int) -> None:
        """The subleaves of one leaf from this one on become zero."""
        for key in [key for key in self.leaves if key[0] == leaf and key[1] >= subleaf]:
            del self.leaves[key]

    def put_msr(self, index: int, value: int) -> None:
        if value:
            self.msrs[index] = value
        else:
            self.msrs.pop(index, None)

    # What Xen asks a policy for

    @property
    def vendor(self) -> str:
        return identity.vendor(self.leaf(BASIC))

    @property
    def max_leaf(self) -> int:
        return self.leaf(BASIC)[0]

    @property
    def max_subleaf(self) -> int:
        """Of leaf 7."""
        return self.leaf(FEATURES, 0)[0]

    @property
    def max_extended(self) -> int:
        return self.leaf(EXTENDED)[0]

    @property
    def states(self) -> int:
        """The components of XSAVE state that the policy has, user's and supervisor's."""
        a, _, _, d = self.leaf(STATE, 0)
        _, _, c, high = self.leaf(STATE, 1)
        return a | c | (d | high) << 32

    def features(self, xen: Release) -> int:
        """All words of a featureset as one integer, whatever the limits say."""
        bits = 0
        for shift, key, register in _places(xen.name):
            bits |= self.leaves.get(key, NOTHING)[register] << shift
        for shift, index, low in _msr_places(xen.name):
            bits |= (self.msrs.get(index, 0) >> low & _WORD) << shift
        return bits

    def put_features(self, xen: Release, bits: int) -> None:
        """Write every word into its register."""
        for shift, key, register in _places(xen.name):
            old = self.leaves.get(key, NOTHING)
            value = bits >> shift & _WORD
            if old[register] != value:
                changed = list(old)
                changed[register] = value
                self.put(key, (changed[0], changed[1], changed[2], changed[3]))
        for shift, index, low in _msr_places(xen.name):
            kept = self.msrs.get(index, 0) & ~(_WORD << low)
            self.put_msr(index, kept | (bits >> shift & _WORD) << low)

    # Handing out

    def listed(self) -> Iterator[LeafKey]:
        """What a list of this policy has, in Xen's order (x86_cpuid_copy_to_buffer())."""
        for leaf in range(min(self.max_leaf, LAST_BASIC) + 1):
            if leaf == CACHES:
                yield from self._until_none(leaf, LAST_CACHE, 0, _CACHE_TYPE)
            elif leaf == FEATURES:
                for subleaf in range(min(self.max_subleaf, self.slots.features) + 1):
                    yield leaf, subleaf
            elif leaf == TOPOLOGY:
                yield from self._until_none(leaf, LAST_TOPOLOGY, 2, _LEVEL_TYPE)
            elif leaf == STATE:
                for subleaf in range(min(max(self.states.bit_length(), 2), LAST_STATE + 1)):
                    yield leaf, subleaf
            else:
                yield leaf, NO_SUBLEAF
        yield HYPERVISOR, NO_SUBLEAF
        yield HYPERVISOR_2, NO_SUBLEAF
        last = min(self.max_extended & 0xFFFF, self.slots.extended & 0xFFFF)
        for leaf in range(EXTENDED, EXTENDED + last + 1):
            yield leaf, NO_SUBLEAF

    def _until_none(self, leaf: int, last: int, register: int, mask: int) -> Iterator[LeafKey]:
        """The subleaves up to the first without a type, that one too."""
        for subleaf in range(last + 1):
            yield leaf, subleaf
            if not self.leaf(leaf, subleaf)[register] & mask:
                return

    def policy(self) -> Policy:
        """The policy as Xen hands it out, leaves in its order, empty ones too."""
        get = self.leaves.get
        return Policy(
            {key: get(key, NOTHING) for key in self.listed()},
            {index: self.msrs.get(index, 0) for index in (PLATFORM_INFO, ARCH_CAPS)},
        )


def whole(policy: Policy, slots: Slots) -> Policy:
    """A policy with the empty leaves that Xen lists and that xen-cpuid and captures leave out.

    Leaves without a slot stay, at the end.
    """
    listed = PolicyTable.of(policy, slots).policy().leaves
    empty = {
        key: registers
        for key, registers in policy.leaves.items()
        if key not in listed and (key[0], NO_SUBLEAF) not in listed and any(registers)
    }
    return Policy({**listed, **empty}, policy.msrs)


Place = tuple[int, LeafKey, int]


@cache
def _places(name: str) -> tuple[Place, ...]:
    """Of each word in a leaf: its shift in the featureset, its leaf, its register."""
    return tuple(
        (word.index * 32, word_key(word), REGISTERS.index(word.register))
        for word in release(name).words
        if word.leaf is not None and word.register is not None
    )


@cache
def _msr_places(name: str) -> tuple[tuple[int, int, int], ...]:
    """Of each word in a register: its shift in the featureset, the MSR, its shift there."""
    return tuple(
        (word.index * 32, word.msr, 32 if word.half == "hi" else 0)
        for word in release(name).words
        if word.msr is not None
    )
