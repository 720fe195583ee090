"""What a level means for the guests' safety and speed: who forces what on all, what is lost.

A guest decides by these bits which protections it needs. It knows only the level: so one host that
needs VERW makes all guests scrub, and an immunity that one host lacks is lost for guests on all.
Which bit stands for what: Intel's and AMD's guidance on speculation, and how Linux reads the bits
(arch/x86/kernel/cpu/common.c and bugs.c).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from ..features.release import Release
from ..features.risks import ORED, immunities
from ..interface import GuestType, SecurityKind
from .level import Level
from .member import Member

_VERW = ("MD_CLEAR", "FB_CLEAR", "RFDS_CLEAR", "VERW_CLEAR")
_RSB = {
    "RSBA": "guests will not trust their returns (retpolines are not enough): a return that runs "
    "out of predictions is predicted from elsewhere on some host",
    "RRSBA": "guests will not trust their returns in spite of eIBRS, unless they can switch that "
    "prediction off",
}
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
    return (
        *_forced(taking, level),
        *_immunities(taking, level),
        *_losses(taking, level, SecurityKind.CONTROL, CONTROLS),
        *_losses(taking, level, SecurityKind.SPEED, SPEED),
    )


def _with(members: Sequence[Member], guest: GuestType, number: int) -> list[str]:
    return [member.name for member in members if number in member.boot(guest)]


def _forced(members: Sequence[Member], level: Level) -> Iterator[Reading]:
    for name in _VERW:
        number = _number(level.release, name)
        having = _with(members, level.guest, number)
        if number in level.featureset and 0 < len(having) < len(members):
            text = f"{ORED[name]}; guests scrub on every host of the pool"
            yield Reading(SecurityKind.FORCED, name, tuple(having), text)
    for name, text in _RSB.items():
        number = _number(level.release, name)
        if number not in level.featureset:
            continue
        numbers = [_number(level.release, other) for other in _RSB]
        having = [m.name for m in members if any(n in m.boot(level.guest) for n in numbers)]
        if len(having) < len(members) or len(members) != len(_with(members, level.guest, number)):
            yield Reading(SecurityKind.FORCED, name, tuple(having), text)


def _immunities(members: Sequence[Member], level: Level) -> Iterator[Reading]:
    for name, problem in immunities().items():
        found = _lost(members, level, name)
        if found:
            text = f"guests will think that they need protection from {problem}, on every host"
            yield Reading(SecurityKind.IMMUNITY, name, found, text)


def _losses(
    members: Sequence[Member], level: Level, kind: SecurityKind, table: Mapping[str, str]
) -> Iterator[Reading]:
    for name, text in table.items():
        found = _lost(members, level, name)
        if found:
            yield Reading(kind, name, found, text)


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


__all__ = ["CONTROLS", "SPEED", "Reading", "readings"]
