"""What a guest reads when it executes CPUID (guest_cpuid(), xen/arch/x86/cpuid.c).

HVM guests always trap. A PV guest traps with CPUID faulting, or where its kernel uses Xen's forced
emulation prefix; else it sees the CPU itself, as far as the CPU cannot mask it: `bare` says so.
What is here holds for domains that Xen did not build itself: dom0's kernel sees a little more.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..cpuid.identity import INTEL, LeafKey
from ..cpuid.policy import NO_SUBLEAF
from ..cpuid.slots import (
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
)
from ..derivation.policies.xstate import XSAVEC, compressed_size, uncompressed_size
from ..derivation.releases import span
from .domain import Domain
from .hypervisor_leaves import xen_leaf
from .vcpu import CR4_OSXSAVE, CR4_PKE, NOTHING, Answer, Surroundings, Vcpu
from .viridian import viridian_leaf

# From here on Xen computes sizes of state; before, the hardware's CPUID says them (71cacfb035).
_SIZES_COMPUTED = "4.19+"
_X87_ONLY = 1
_OSXSAVE, _OSPKE = 1 << 27, 1 << 4
_APIC, _PSE36, _SYSCALL = 1 << 9, 1 << 17, 1 << 11


def cpuid(
    domain: Domain,
    leaf: int,
    subleaf: int = 0,
    vcpu: Vcpu | None = None,
    around: Surroundings | None = None,
) -> Answer:
    """EAX, EBX, ECX, EDX; None for a register that cannot be known beforehand."""
    vcpu, around = vcpu or Vcpu(), around or Surroundings()
    if HYPERVISOR <= leaf < HYPERVISOR_2 + 0x100:
        if around.viridian and leaf < HYPERVISOR_2:
            return viridian_leaf(domain, around, leaf)
        return xen_leaf(domain, vcpu, around, leaf, subleaf)
    key = _slot(domain, leaf, subleaf)
    if key is None:
        return NOTHING
    answer = list(domain.table.leaf(*key))
    _adjust(domain, vcpu, leaf, subleaf, answer)
    return answer[0], answer[1], answer[2], answer[3]


def _slot(domain: Domain, leaf: int, subleaf: int) -> LeafKey | None:
    """Where the policy has a leaf; None beyond its limits, which reads as zeros."""
    table = domain.table
    if leaf <= LAST_BASIC:
        if leaf > table.max_leaf:
            return None
        lasts = {CACHES: LAST_CACHE, FEATURES: min(table.max_subleaf, table.slots.features),
                 TOPOLOGY: LAST_TOPOLOGY, STATE: LAST_STATE}  # fmt: skip
        if leaf not in lasts:
            return leaf, NO_SUBLEAF
        if subleaf > lasts[leaf] or (leaf == STATE and not has(domain, "XSAVE")):
            return None
        return leaf, subleaf
    if EXTENDED <= leaf <= min(table.max_extended, table.slots.extended):
        return leaf, NO_SUBLEAF
    return None


def has(domain: Domain, name: str) -> bool:
    """The domain's policy has a feature."""
    xen = domain.hypervisor.release
    feature = xen.features.get(name)
    return feature is not None and bool(domain.table.features(xen) >> feature.number & 1)


def _adjust(domain: Domain, vcpu: Vcpu, leaf: int, subleaf: int, answer: list[int]) -> None:
    """What follows from the state of the vCPU."""
    hvm = domain.kind == "hvm"
    match leaf:
        case 1:
            answer[1] = (
                answer[1] & 0x00FFFFFF | (vcpu.number * 2 & 0xFF) << 24
                if hvm
                else (answer[1] & 0x00FFFFFF)
            )
            if _osxsave(domain, vcpu):
                answer[2] |= _OSXSAVE
            _leaf_1(domain, vcpu, answer)
        case 0x7 if subleaf == 0 and vcpu.cr4 & CR4_PKE:
            answer[2] |= _OSPKE
        case 0xA:
            _counters(domain, answer)
        case 0xB if has(domain, "X2APIC"):
            answer[2] = answer[2] & ~0xFF | subleaf & 0xFF
            answer[3] = vcpu.number * 2
        case 0xD:
            _sizes(domain, vcpu, subleaf, answer)
        case 0x80000001:
            if hvm and domain.table.vendor == INTEL and not vcpu.long_mode:
                answer[3] &= ~_SYSCALL
            _leaf_1(domain, vcpu, answer)


def _osxsave(domain: Domain, vcpu: Vcpu) -> bool:
    """A PV kernel that asks by the prefix sees it wherever it has XSAVE: Linux relies on it."""
    leaked = domain.kind == "pv" and vcpu.forced and has(domain, "XSAVE")
    return bool(vcpu.cr4 & CR4_OSXSAVE) or leaked


def _leaf_1(domain: Domain, vcpu: Vcpu, answer: list[int]) -> None:
    """Leaf 1 EDX and its repetition."""
    if domain.kind != "hvm":
        return
    if not vcpu.apic:
        answer[3] &= ~_APIC
    if not domain.hap and not vcpu.pae:
        answer[3] &= ~_PSE36


def _counters(domain: Domain, answer: list[int]) -> None:
    xen = domain.hypervisor
    if not xen.intel or not xen.vpmu:
        answer[:] = [0, 0, 0, 0]
    elif answer[0] & 0xFF > 3:
        answer[0] = answer[0] & ~0xFF | 3


def _sizes(domain: Domain, vcpu: Vcpu, subleaf: int, answer: list[int]) -> None:
    """EBX: the size of the state that is switched on."""
    xen = domain.hypervisor
    states = vcpu.xcr0
    if states is None:
        states = 0 if xen.release.name in span(_SIZES_COMPUTED) else _X87_ONLY
    if subleaf == 0:
        answer[1] = uncompressed_size(xen.raw, states)
    elif subleaf == 1 and answer[0] & XSAVEC:
        answer[1] = compressed_size(xen.raw, states)


def everything(
    domain: Domain, vcpu: Vcpu | None = None, around: Surroundings | None = None
) -> Iterator[tuple[LeafKey, Answer]]:
    """Each leaf that is not all zero, in ascending order; NO_SUBLEAF where it has none."""
    around = around or Surroundings()
    hypervisor = [(HYPERVISOR + number, NO_SUBLEAF) for number in range(7)]
    if around.viridian:
        hypervisor += [(HYPERVISOR_2 + number, NO_SUBLEAF) for number in range(6)]
    own = [key for key in domain.table.listed() if key[0] not in (HYPERVISOR, HYPERVISOR_2)]
    for key in sorted([*own, *hypervisor]):
        subleaf = 0 if key[1] == NO_SUBLEAF else key[1]
        answer = cpuid(domain, key[0], subleaf, vcpu, around)
        if any(register != 0 for register in answer):
            yield key, answer


def bare(domain: Domain) -> bool:
    """Whether a plain CPUID of this guest is not caught, so that it shows the CPU itself."""
    if domain.kind == "hvm":
        return False
    xen = domain.hypervisor
    faulting = bool(xen.host.msrs.get(0xCE, 0) >> 31)
    user_disabled = xen.in_release("4.19+") and xen.has_host("CPUID_USER_DIS")
    return not faulting and not user_disabled
