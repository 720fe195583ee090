"""What a level means for the guests' safety and speed: who forces what on all, what is lost.

A guest decides by these bits which protections it needs. It knows only the level: so one host that
needs VERW makes all guests scrub, and an immunity that one host lacks is lost for guests on all.
The bits of MSR 10ah are no part of that: a guest has those of the host where it boots (`registers`)
and takes them along, so that it may leave itself open on another host, or do without a need.
Which bit stands for what: Intel's and AMD's guidance on speculation, and how Linux reads the bits
(arch/x86/kernel/cpu/common.c and bugs.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ..features.release import Release
from ..features.risks import ORED, RSB, immunities
from ..interface import GuestType, SecurityKind
from . import registers
from .level import Level
from .member import Member

_VERW = ("MD_CLEAR", "FB_CLEAR", "RFDS_CLEAR", "VERW_CLEAR")
# Controls whose loss leaves a guest without a protection it may want.
CONTROLS = {
    "IBRSB": "no IBRS: guests cannot use it against Spectre v2 (Intel)",
    "IBPB": "no IBPB: guests cannot flush branch predictions between processes",
    "STIBP": "no STIBP: guests cannot keep a sibling thread from their predictions (Intel)",
    "AMD_STIBP": "no STIBP: guests cannot keep a sibling thread from their predictions (AMD)",
    "SSBD": "no SSBD: guests cannot switch Speculative Store Bypass off (Intel)",
    "AMD_SSBD": "no SSBD: guests cannot switch Speculative Store Bypass off (AMD)",
    "EIBRS": "no eIBRS: guests fall back to retpolines or to IBRS at every entry, which is slower",
    "AUTO_IBRS": "no automatic IBRS: guests fall back to retpolines, which is slower",
    "L1D_FLUSH": "no L1D_FLUSH: nested hypervisors flush the L1 cache in software",
    "BHI_CTRL": "no BHI_CTRL: guests clear the branch history in software",
}
# Of a register, which no level reaches: what a guest does that boots on another host.
_NOT_TOLD = "guests that boot where it is not are not told, and"
UNLEVELLED = {
    "FB_CLEAR": f"{_NOT_TOLD} do not scrub fill buffers where that is needed",
    "RFDS_CLEAR": f"{_NOT_TOLD} do not scrub register files where that is needed",
    "RSBA": f"{_NOT_TOLD} trust their returns where they should not",
    "RRSBA": f"{_NOT_TOLD} trust their returns where they should not",
    "EIBRS": "guests that boot where it is set IBRS once and count on it; where it is not, their "
    "kernels may be open to Spectre v2",
}
# Features whose loss guests feel as time.
SPEED = {
    "PCID": "each entry to the kernel flushes the TLB, where guests fear Meltdown",
    "INVPCID": "flushing a part of the TLB takes longer",
    "AESNI": "AES is computed without the CPU's help: disks and connections that are encrypted",
    "PCLMULQDQ": "checksums and GCM are computed without the CPU's help",
    "SHA": "SHA is computed without the CPU's help",
    "AVX2": "numeric code, codecs and search fall back to 128-bit vectors",
    "AVX512F": "numeric code and codecs fall back to 256-bit vectors",
    "POPCNT": "bits are counted one by one",
    "RDRAND": "random numbers have one source less",
    "ERMS": "large copies take another way",
    "FSRM": "small copies take another way",
    "XSAVEOPT": "a switch of tasks saves all registers, changed or not",
    "XSAVES": "a switch of tasks saves more than it needs",
    "TSC_DEADLINE": "timers are set through the local APIC's counter, which is slower",
    "X2APIC": "interrupts between CPUs go through memory, which Xen has to emulate",
    "RTM": "databases that use transactions fall back to locks",
}


_ORDER = {kind: place for place, kind in enumerate(SecurityKind)}


@frozen
class Reading:
    """`hosts`: who causes it, by name. `text`: a sentence for people, without the hosts."""

    kind: SecurityKind
    feature: str
    hosts: tuple[str, ...]
    text: str


def readings(members: Sequence[Member], level: Level) -> tuple[Reading, ...]:
    """The reading of `level`, which is of `members`, in the order of SecurityKind."""
    taking = [member for member in members if level.guest in member.offers]
    unordered = [
        *_forced(taking, level),
        *_immunities(taking, level),
        *_losses(taking, level, SecurityKind.CONTROL, CONTROLS),
        *_losses(taking, level, SecurityKind.SPEED, SPEED),
    ]
    if _number(level.release, "ARCH_CAPS") in level.featureset:
        words = registers.of(level.release)
        unordered = [
            each for each in unordered if _number(level.release, each.feature) not in words
        ]
        unordered += _unlevelled(taking, level)
    return tuple(sorted(unordered, key=lambda each: _ORDER[each.kind]))


def _with(members: Sequence[Member], guest: GuestType, number: int) -> list[str]:
    return [member.name for member in members if number in member.boot(guest)]


def _unlevelled(members: Sequence[Member], level: Level) -> Iterator[Reading]:
    """Of MSR 10ah: what guests have on some hosts only, and take along to the others."""
    xen = level.release
    booted = registers.booted(level.featureset, members, level.guest, xen)
    for name in (*_VERW, *immunities(), *CONTROLS):
        number = _number(xen, name)
        having, lacking = registers.apart(number, booted)
        if number not in registers.of(xen) or not having or not lacking:
            continue
        if name in _VERW:
            yield Reading(SecurityKind.FORCED, name, tuple(having), UNLEVELLED[name])
        elif name in CONTROLS:
            yield Reading(SecurityKind.CONTROL, name, tuple(lacking), UNLEVELLED[name])
        else:
            text = (
                f"guests that boot where it is take every host to be immune to "
                f"{immunities()[name]}, and leave their protection off where it is not"
            )
            yield Reading(SecurityKind.IMMUNITY, name, tuple(lacking), text)
    forms = {name: registers.apart(_number(xen, name), booted)[0] for name in RSB}
    having = [host for host in booted if any(host in hosts for hosts in forms.values())]
    if 0 < len(having) < len(booted):
        name = next(form for form in RSB if forms[form])
        yield Reading(SecurityKind.FORCED, name, tuple(having), UNLEVELLED[name])


def _forced(members: Sequence[Member], level: Level) -> Iterator[Reading]:
    for name in _VERW:
        number = _number(level.release, name)
        having = _with(members, level.guest, number)
        if number in level.featureset and 0 < len(having) < len(members):
            text = f"{ORED[name]}; guests scrub on every host of the pool"
            yield Reading(SecurityKind.FORCED, name, tuple(having), text)


def _immunities(members: Sequence[Member], level: Level) -> Iterator[Reading]:
    for name, problem in immunities().items():
        lacking = _lost(members, level, name)
        if lacking:
            text = f"guests will think that they need protection from {problem}, on every host"
            yield Reading(SecurityKind.IMMUNITY, name, lacking, text)


def _losses(
    members: Sequence[Member], level: Level, kind: SecurityKind, table: Mapping[str, str]
) -> Iterator[Reading]:
    for name, text in table.items():
        lacking = _lost(members, level, name)
        if lacking:
            yield Reading(kind, name, lacking, text)


def _lost(members: Sequence[Member], level: Level, name: str) -> tuple[str, ...]:
    """The hosts that lack the feature or, if none does, what it depends on; () if not lost."""
    loss = next((loss for loss in level.losses if loss.name == name), None)
    if loss is None:
        return ()
    if loss.hosts:
        return loss.hosts
    bases = {
        base
        for base, dependents in level.release.deep_deps.items()
        if loss.number in dependents and base not in level.featureset
    }
    return tuple(
        member.name
        for member in members
        if any(base not in member.boot(level.guest) for base in bases)
    )


def _number(xen: Release, name: str) -> int:
    """A number that no featureset has for a feature that the release does not know."""
    known = xen.features.get(name)
    return known.number if known else 1 << 16


__all__ = ["CONTROLS", "SPEED", "UNLEVELLED", "Reading", "readings"]
