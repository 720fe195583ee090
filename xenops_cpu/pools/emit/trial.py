"""A guest made from a text on a host, and what it has other than the level.

Where the host's policies are known, it is created as its toolstack and libxc would create it; else
the text is applied to what the host gives at boot.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_

from attrs import frozen

from ...cpuid.identity import LeafKey
from ...features.featureset import WORD_BITS, Featureset
from ...features.release import COMMON_1D, X87, Release
from ...guests import toolstacks
from ...guests.domain import Refusal
from ...guests.hypervisor import Hypervisor
from ...guests.resets import Reset
from ...guests.start import started
from ...guests.strings import may_name
from ...guests.toolstacks import Settings
from ...guests.xl import Setting, resulting
from ...interface import GuestType
from .. import registers
from ..member import Member
from ..vm import NESTED, TOPOLOGY
from .difference import EmitError


@frozen
class Guest:
    """A guest on a host: its features, the most that it could have there, and what a text for xl
    changed without naming it.
    """

    host: Member
    features: Featureset
    most: Featureset
    resets: tuple[Reset, ...] = ()


def by_setting(host: Member, guest: GuestType, setting: Setting, xen: Release) -> Guest:
    """A guest of xl or libvirt. Raises EmitError where it could not be started."""
    hypervisor = of_release(host, xen)
    if hypervisor is None:
        return Guest(
            host,
            resulting(setting, host.boot(guest), xen),
            host.boot(guest) | host.migration(guest),
        )
    settings = Settings(type=guest.name.lower(), setting=setting)
    return _started(host, hypervisor, settings, toolstacks.XL)


def by_featureset(host: Member, guest: GuestType, featureset: Featureset) -> Guest | None:
    """A guest of xapi's; None where the host's policies are not known."""
    hypervisor = host.hypervisor()
    if hypervisor is None:
        return None
    settings = Settings(type=guest.name.lower(), featureset=featureset)
    return _started(host, hypervisor, settings, toolstacks.XAPI)


def _started(host: Member, xen: Hypervisor, settings: Settings, toolstack: str) -> Guest:
    try:
        start_of_guest = started(xen, settings, toolstack)
    except Refusal as refusal:
        raise EmitError(
            f"a guest with that text could not be started on {host.name}: {refusal}; "
            "one text for each host can (--for HOST)"
        ) from refusal
    domain, length = start_of_guest.domain, xen.release.length
    features = Featureset(domain.table.features(xen.release), length)
    most = Featureset(xen.maximum(domain.kind).features(xen.release), length)
    if domain.kind == "hvm" and not domain.hap:
        most &= xen.release.masks["hvm_shadow_max"]
    return Guest(host, features, most, start_of_guest.resets)


def of_release(host: Member, xen: Release) -> Hypervisor | None:
    """The host's, where the text is for the release that runs on it, and its policies are known."""
    hypervisor = host.hypervisor()
    return hypervisor if hypervisor is not None and hypervisor.release is xen else None


def unreachable(host: Member, guest: GuestType, xen: Release, leaf: LeafKey) -> bool:
    """Whether no string may name a leaf on a host, for libxc would refuse the guest there."""
    hypervisor = of_release(host, xen)
    return hypervisor is not None and not may_name(hypervisor, guest.name.lower(), leaf)


def most(hosts: Iterable[Member], guest: GuestType, xen: Release) -> Featureset | None:
    """What a guest may have on any of the hosts; None where one's policies are not known."""
    bits = 0
    for host in hosts:
        hypervisor = of_release(host, xen)
        if hypervisor is None:
            return None
        bits |= hypervisor.maximum(guest.name.lower()).features(xen)
    return Featureset(bits, xen.length) - fixed(xen)


def fixed(xen: Release) -> Featureset:
    """What no text decides: x87 behaviour, which is the CPU's, and AMD's copies of leaf 1."""
    named = reduce(or_, (1 << feature.number for feature in xen.features.values()), 0)
    copies = COMMON_1D << 2 * WORD_BITS & ~named
    return Featureset(X87 & named | copies, xen.length)


def compared(
    guest: Guest, level: Featureset, xen: Release, *, with_registers: bool
) -> tuple[Featureset, Featureset]:
    """What the guest has more and less than the level, of what a text decides; `with_registers`:
    that is MSR 10ah as well.
    """
    ignored = fixed(xen) | _named(xen, TOPOLOGY)
    if not with_registers:
        ignored |= registers.of(xen)
    target = level.cut(xen.length)
    more = guest.features - target - ignored
    less = target - guest.features - ignored - _named(xen, NESTED)
    return more, less


def _named(xen: Release, names: Iterable[str]) -> Featureset:
    return xen.featureset(name for name in names if name in xen.features)
