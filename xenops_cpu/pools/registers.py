"""What a level does not reach: the words of a register, MSR 10ah (ARCH_CAPS).

libxc sends a featureset's leaves to Xen, never its registers (xc_cpuid_apply_policy() in
tools/libs/guest/xg_cpuid_x86.c, 4.17 to 4.21, XenServer's and XCP-ng's). So a VM has in them what
the host where it boots gives by default, whatever the level says, and keeps it until it boots
anew. Only without ARCH_CAPS in the level it has none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release, release
from ..interface import GuestType
from .member import Member
from .vm import Vm

_ARCH_CAPS = "ARCH_CAPS"


class Own(NamedTuple):
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


def beside(vm: Vm, member: Member, booted_on: Member | None) -> Iterator[str]:
    """What to know of a VM's registers where it goes, beside what it remembers.

    `booted_on`: the host where it booted, or where it is and so most likely did; None where that is
    not known. Of a VM whose policy was read there is nothing to say: it is what it has.
    """
    seen, caps = vm.seen, member.release.features[_ARCH_CAPS]
    if vm.policy is not None or seen is None or caps.number not in seen:
        return
    if booted_on is None or vm.guest not in booted_on.offers:
        yield (
            "what it remembers is what its toolstack asked for: of ARCH_CAPS it has what the host "
            "gave where it booted, which is not known"
        )
        return
    for other in own(seen, [booted_on], vm.guest, booted_on.release):
        yield f"{_other(other, booted_on)}{_cleared(other, member, vm.guest)}"


def _other(other: Own, host: Member) -> str:
    names = host.release.names
    parts = [f"also {' '.join(names(other.more))}"] if other.more else []
    parts += [f"not {' '.join(names(other.less))}"] if other.less else []
    return (
        f"no level reaches registers: booted on {host.name}, it has {', '.join(parts)}, whatever "
        "it remembers"
    )


def _cleared(other: Own, member: Member, guest: GuestType) -> str:
    lost = other.more - member.migration(guest)
    if not lost:
        return ""
    return f"; of that Xen here clears {' '.join(member.release.names(lost))} without a word"


@cache
def _bits(name: str) -> int:
    words = (word.index for word in release(name).words if word.msr is not None)
    return sum(0xFFFFFFFF << index * WORD_BITS for index in words)
