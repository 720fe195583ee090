"""What a host offers to guests of one type: boot, what a new guest gets, and migration, the most a
guest may arrive with. The two must not be mixed up, so each has one place: here.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..features.featureset import Featureset
from ..features.release import Release
from ..interface import GuestType
from .host import MAX, UNTOLD, Host

# XenServer's libxc did this for hypervisors that have one set a guest type (xen.pg of 8.2,
# libxc-cpu-policies): a VM that saw TSX before Xen hid it may come in.
TAKEN_FROM_HOST = ("HLE", "RTM")


@frozen
class Offer:
    """`boot`: Xen's default. `max`: Xen's max, without words where it is not known.

    `joined`: migration is boot OR max; a record of xapi's already says what migration is.
    `max_from_xen` is False where Xen has no max policy and `max` was made from default and host.
    """

    guest: GuestType
    boot: Featureset
    max: Featureset
    joined: bool = True
    max_from_xen: bool = True

    @property
    def migration(self) -> Featureset:
        """The most a guest may arrive with; without words where nobody told."""
        return self.boot | self.max if self.joined else self.max


def offer(host: Host, guest: GuestType) -> Offer:
    """The offer to guests of a type; both sets are zero where Xen does not run them."""
    sets = host.featuresets
    boot, most = sets.default(guest), sets.of(guest, MAX)
    if host.recorded:
        return Offer(guest, boot, UNTOLD if most is None else most, joined=False)
    if most is not None:
        return Offer(guest, boot, most)
    if not boot:  # this guest type does not exist here, so nobody can arrive either
        return Offer(guest, boot, boot, max_from_xen=False)
    release: Release = host.release
    from_host = release.featureset(name for name in TAKEN_FROM_HOST if name in release.features)
    return Offer(guest, boot, (boot - from_host) | (sets.host & from_host), max_from_xen=False)


def offers(host: Host) -> tuple[Offer, Offer]:
    """The offers to PV and to HVM guests."""
    return offer(host, GuestType.PV), offer(host, GuestType.HVM)


def inconsistencies(host: Host) -> Iterator[str]:
    """A sentence for each guest type whose default is not within its max."""
    for each in offers(host):
        beyond = each.boot - each.max
        if beyond and each.max.length:
            kind, names = each.guest.name, " ".join(host.release.names(beyond))
            yield f"{kind} default is not within {kind} max; default − max: {names}"
