"""Machines that cannot be: what a dump says that no CPU should, in notes for people.

The derivation takes such a dump as Xen would take such a CPU. But then the dump is damaged, made by
hand, or of something that Xen does not know, and the result says little of a real machine.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..cpuid.cpu import Cpu
from ..cpuid.identity import AMD, CENTAUR, HYGON, INTEL, KNOWN_VENDORS, SHANGHAI
from .state import Plan

# Families of which there are CPUs (Intel SDM volume 4 table 2-1, AMD's revision guides, and the
# dumps of InstLatx64).
_FAMILIES = {
    INTEL: (4, 5, 6, 0xB, 0xF, 0x12, 0x13),
    AMD: (4, 5, 6, 0xF, 0x10, 0x11, 0x12, 0x14, 0x15, 0x16, 0x17, 0x19, 0x1A),
    HYGON: (0x18,),
    CENTAUR: (5, 6, 7),
    SHANGHAI: (6, 7),
}
# Without these there are CPUs that show what rests on them: firmware hides IBRS alone on Zen 2, and
# RTM is hidden by a register.
_HIDDEN_ALONE = ("IBRS", "RTM")
_FP_SSE = 3
_TOLD = 3
# The first leaves that are hypervisors' or other vendors' own.
_BASIC_END, _EXTENDED_END = 0x1000, 0x80001000


def notes(cpu: Cpu, plan: Plan, silicon: int) -> Iterator[str]:
    """`silicon`: the words as the CPU has them."""
    yield from _vendor(cpu)
    yield from _beyond(cpu)
    if not silicon & plan.bit["LM"]:
        yield "CPUID shows no LM: Xen, which is 64-bit code, does not start on this CPU"
    if silicon & plan.bit["XSAVE"] and cpu.max_basic >= 0xD:
        yield from _xsave(cpu)
    yield from _contradictions(plan, silicon)
    yield from _without_base(plan, silicon)


def _vendor(cpu: Cpu) -> Iterator[str]:
    if cpu.vendor not in KNOWN_VENDORS:
        yield f'no vendor that Xen knows calls itself "{cpu.vendor}": it has no code for this CPU'
    elif cpu.family not in _FAMILIES[cpu.vendor]:
        yield (
            f"no CPU of {cpu.vendor.strip()} is known with family {cpu.family:x}h: what Xen does "
            "by family and model says little here"
        )


def _beyond(cpu: Cpu) -> Iterator[str]:
    """Leaves above the highest that the CPU announces, which nobody reads."""
    extended = cpu.max_extended
    subleaf = cpu.leaf(7)[0] if cpu.max_basic >= 7 else 0
    places = []
    for (leaf, part), registers in cpu.leaves.items():
        if not any(registers):
            continue
        if leaf < _BASIC_END:
            if leaf > cpu.max_basic:
                places.append(f"{leaf:x}h (the highest is {cpu.max_basic:x}h)")
            elif leaf == 7 and part > subleaf:
                places.append(f"7h subleaf {part} (the highest is {subleaf})")
        elif 0x80000000 < leaf < _EXTENDED_END and leaf > extended:
            places.append(f"{leaf:x}h (the highest is {extended:x}h)")
    if places:
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        yield f"the dump has CPUID leaf {places[0]}{more}, beyond the maximum: Xen does not read it"


def _xsave(cpu: Cpu) -> Iterator[str]:
    """xstate_init() in xen/arch/x86/xstate.c: BUG_ON()."""
    states = cpu.leaf(0xD)[0]
    if states & _FP_SSE != _FP_SSE:
        yield (
            f"CPUID leaf dh says that XSAVE does not save x87 and SSE ({states:x}h): Xen stops "
            "while it starts on such a CPU"
        )


def _contradictions(plan: Plan, silicon: int) -> Iterator[str]:
    """Those that Xen complains of (gds_calculations(), retpoline_calculations() in spec_ctrl.c)."""

    def has(name: str) -> bool:
        return bool(silicon & plan.bit[name])

    if has("GDS_CTRL") and has("GDS_NO"):
        yield "CPUID shows GDS_CTRL and GDS_NO, one of which must be wrong: Xen complains"
    rsb = "RSBA" if has("EIBRS") else "RRSBA"
    if has(rsb):
        fits = "with" if has("EIBRS") else "without"
        yield f"CPUID shows {rsb} {fits} EIBRS, which do not go together: Xen complains"


def _without_base(plan: Plan, silicon: int) -> Iterator[str]:
    pairs = []
    for base, dependents in plan.dependents.items():
        orphans = silicon & dependents & plan.masks["known"]
        if orphans and not silicon & base:
            name, first = (
                plan.release.label((bits & -bits).bit_length() - 1) for bits in (base, orphans)
            )
            if name not in _HIDDEN_ALONE:
                pairs.append(f"{first} without {name}")
    if pairs:
        more = f" and {len(pairs) - _TOLD} more such" if len(pairs) > _TOLD else ""
        yield f"CPUID shows features without what they rest on: {', '.join(pairs[:_TOLD])}{more}"
