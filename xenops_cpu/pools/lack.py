"""A feature that a VM has seen and a host has not: why, what a VM risks without it, what helps."""

from __future__ import annotations

from attrs import frozen

from ..features import risks
from ..features.meanings import why_only_in_migration
from ..features.release import Release
from ..hosts.host import DEFAULT, MAX, set_name
from ..interface import GuestType
from .member import Member


@frozen
class Lack:
    """One feature. `compatibility`: where the bit comes from if it is one of those that old records
    have for no use, else "". `reason`: why the host has it not, or not at boot. `risk`: what a VM
    that has seen it meets without it. `remedy`: what helps, "" if nothing but to start the VM anew.
    """

    number: int
    name: str
    reason: str
    risk: str = ""
    remedy: str = ""
    compatibility: str = ""


def missing(member: Member, guest: GuestType, number: int, compatibility: str = "") -> Lack:
    """A feature that the host does not take in."""
    reason, remedy = _why(member, guest, number)
    return Lack(
        number=number,
        name=member.release.label(number),
        reason=reason,
        risk=risk(member.release, number, compatibility),
        remedy=remedy,
        compatibility=compatibility,
    )


def only_by_max(member: Member, guest: GuestType, number: int, compatibility: str = "") -> Lack:
    """A feature that the host takes in and would not give at boot."""
    added = member.compat_bits.get(guest, {}).get(number, "")
    return Lack(
        number=number,
        name=member.release.label(number),
        reason=added or why_only_in_migration(member.release, number),
        compatibility=compatibility or added,
    )


def risk(xen: Release, number: int, compatibility: str = "") -> str:
    """What happens to a VM that has seen the feature and goes on without it."""
    if compatibility:
        return "none known: the VM cannot have made use of it"
    return risks.risk(xen, number)


def _why(member: Member, guest: GuestType, number: int) -> tuple[str, str]:
    """Reason and remedy."""
    sets = member.sets
    if sets is None:
        story = member.explain(set_name(guest, MAX), number) if member.explain else ""
        return story or "the host's record does not have it", ""
    kind = MAX if sets.of(guest, MAX) is not None else DEFAULT
    story = member.explain(set_name(guest, kind), number) if member.explain else ""
    if sets.raw.length and number not in sets.raw:
        return (
            story or "the CPU or its microcode does not show it",
            "only another CPU, firmware setting or microcode can bring it",
        )
    if sets.host.length and number not in sets.host:
        return (
            story or "the CPU has it, Xen does not use it",
            "look at Xen's command line, microcode and release on that host",
        )
    if not sets.host.length:
        return story or "the host's record does not have it", ""
    return (
        story or f"Xen uses it but offers it to no {guest.name} guest",
        "a Xen release or command line that offers it to guests",
    )
