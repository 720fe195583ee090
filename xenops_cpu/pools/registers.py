"""What a level does not reach: the words of a register, MSR 10ah (ARCH_CAPS).

libxc sends a featureset's leaves to Xen, never its registers (xc_cpuid_apply_policy() in
tools/libs/guest/xg_cpuid_x86.c, 4.17 to 4.21, XenServer's and XCP-ng's). So a VM has in them what
the host where it boots gives by default, whatever the level says, and keeps it until it boots
anew. Only without ARCH_CAPS in the level it has none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from attrs import frozen

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release, release
from ..interface import GuestType
from .member import Member


@frozen
class Own:
    """Hosts, by name, where a VM that boots with a level has the same registers, and what of them
    it has more and less than the level says.
    """

    hosts: tuple[str, ...]
    more: Featureset
    less: Featureset


def of(xen: Release) -> Featureset:
    """All bits of the words that are registers'."""
    return Featureset(_bits(xen.name), xen.length)


def booted(
    level: Featureset, members: Iterable[Member], guest: GuestType, xen: Release
) -> dict[str, Featureset]:
    """What a VM has that boots with the level, by host: its leaves, and that host's registers."""
    from ..guests.levels import as_booted  # a daemon starts without a VM's whole policy

    return {
        member.name: as_booted(level, member.boot(guest), xen)
        for member in members
        if guest in member.offers
    }


def own(
    level: Featureset, members: Iterable[Member], guest: GuestType, xen: Release
) -> tuple[Own, ...]:
    """Hosts where a VM has other registers than the level says; none where they are equal."""
    words = of(xen)
    alike: dict[tuple[Featureset, Featureset], list[str]] = {}
    for name, featureset in booted(level, members, guest, xen).items():
        difference = ((featureset - level) & words, (level - featureset) & words)
        if any(difference):
            alike.setdefault(difference, []).append(name)
    return tuple(Own(tuple(hosts), *difference) for difference, hosts in alike.items())


def apart(number: int, featuresets: Mapping[str, Featureset]) -> tuple[list[str], list[str]]:
    """Of booted(): the hosts where a VM has a feature, and those where it has not."""
    having = [name for name, featureset in featuresets.items() if number in featureset]
    return having, [name for name in featuresets if name not in having]


@cache
def _bits(name: str) -> int:
    words = (word.index for word in release(name).words if word.msr is not None)
    return sum(0xFFFFFFFF << index * WORD_BITS for index in words)
