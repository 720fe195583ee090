"""A host as a pool sees it: what it offers to each guest type, and by whose rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from ..cpuid.limits import LeafLimits
from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release
from ..hosts import compat_bits
from ..hosts.host import DEFAULT, MAX, Featuresets, Host, Kind, set_name
from ..hosts.membership import NO_POOL, Membership
from ..hosts.offer import Offer, offers
from ..interface import GuestType

if TYPE_CHECKING:
    from ..guests.hypervisor import Hypervisor

# Why a feature (by number) is or is not in one of Xen's sets (by its name in SETS).
Explain = Callable[[str, int], str]
# What Xen on the host decides a VM's policy from, made when it is asked for; None where too little
# is known of the host.
Decides = Callable[[], "Hypervisor | None"]


def _not_known() -> None:
    return None


@frozen
class Member:
    """A host of a pool. A guest type that it does not run is not in `offers`.

    `certain`: the host itself says which release it is; else it was taken by its words.
    `compat_bits`: bits of the migration sets that XenServer's libxc adds for old VMs, with the
    reason. `limits`: of Xen's max policy, `boot_limits` of its default, where they are known.
    `sets`: all that Xen answered, where it is known. `explain`: the reasons for its bits,
    first cause first; None where nobody knows. `uuid`, `membership`: as in Host. `host`: as it was
    read, None where no more is known than a featureset. `hypervisor`: see Decides.
    """

    name: str
    vendor: str
    release: Release = field(repr=lambda xen: repr(xen.name))
    offers: Mapping[GuestType, Offer]
    certain: bool = True
    cpu_count: int = 0
    socket_count: int = 0
    limits: Mapping[GuestType, LeafLimits] = field(factory=dict)
    boot_limits: Mapping[GuestType, LeafLimits] = field(factory=dict)
    compat_bits: Mapping[GuestType, Mapping[int, str]] = field(factory=dict)
    sets: Featuresets | None = None
    explain: Explain | None = field(default=None, eq=False, repr=False)
    notes: tuple[str, ...] = ()
    uuid: str = ""
    membership: Membership = NO_POOL
    host: Host | None = field(default=None, eq=False, repr=False)
    hypervisor: Decides = field(default=_not_known, eq=False, repr=False)

    def boot(self, guest: GuestType) -> Featureset:
        """What a new guest gets; the featureset without words where there are no such guests."""
        offer = self.offers.get(guest)
        return offer.boot if offer else Featureset()

    def migration(self, guest: GuestType) -> Featureset:
        """The most a guest may arrive with; without words where there are no such guests."""
        offer = self.offers.get(guest)
        return offer.migration if offer else Featureset()


def member_of(
    host: Host, name: str = "", explain: Explain | None = None, hypervisor: Decides | None = None
) -> Member:
    """A host that was read (a capture, a simulation, the hypervisor, a record).

    A guest type of which no set has a feature does not run there, nor HVM guests where the host
    says so. Where Xen's max is known and default is not, max stands for both. `hypervisor` None:
    that of the policies that the host answered.
    """
    runs: dict[GuestType, Offer] = {}
    notes = list(host.notes)
    for offer in offers(host):
        guest = offer.guest
        if guest is GuestType.HVM and not host.hvm:
            continue
        runs_them = bool(offer.boot or offer.migration)
        if guest is GuestType.HVM and offer.migration.length:
            runs_them = True  # the host says so, however little it offers them
        if not offer.boot.length and offer.max:
            runs[guest] = evolve(offer, boot=offer.max)
            notes.append(
                f"what a new {guest.name} guest gets is not told: {guest.name} max is taken"
            )
        elif runs_them:
            runs[guest] = offer
            notes += _odd(offer, host)
    compat = compat_bits.host_labels(host)
    return Member(
        name=name or host.origin,
        vendor=host.vendor,
        release=host.release,
        certain=host.fit.certain,
        offers=runs,
        cpu_count=host.topology.cpu_count,
        socket_count=host.topology.socket_count,
        # The host policy will not do: Xen takes in more leaves than it has.
        # Before 4.14 there is one set of each, so its limits stand for both.
        limits=_limits(host, runs, MAX if host.release.has_max else DEFAULT),
        boot_limits=_limits(host, runs, DEFAULT),
        compat_bits={guest: compat.get(set_name(guest, MAX), {}) for guest in runs},
        # Sets that nobody told say nothing of why a bit is missing.
        sets=host.featuresets if host.featuresets.raw.length else None,
        explain=explain,
        notes=tuple(notes),
        uuid=host.uuid,
        membership=host.membership,
        host=host,
        hypervisor=hypervisor or cache(lambda: _hypervisor(host)),
    )


def member_of_record(
    info: Mapping[str, str], name: str, assumed: Release | None = None, hvm: bool | None = None
) -> Member:
    """A host of xapi's Host.cpu_info. `assumed`: its release; None: by the number of words. `hvm`
    None: HVM guests run where a set of theirs has features. Raises InputError.
    """
    from ..hosts import parts  # hosts that are read whole do without
    from ..hosts.record import of_cpu_info

    read = of_cpu_info(info, name, strict=True)
    member = member_of(parts.host(evolve(read, hvm=hvm), name, assumed))
    if assumed is None:
        return member
    compat = member.compat_bits if assumed.xenserver else {}
    return evolve(member, release=assumed, certain=True, compat_bits=compat)


def member_of_set(
    featureset: Featureset, name: str, guest: GuestType, xen: Release | None = None
) -> Member:
    """A host of which one featureset is known: it stands for boot and migration."""
    fit = by_length(featureset.length)
    notes = ["one featureset is known of it: what a new guest gets may be less"]
    if xen is None and fit.note:
        notes.append(fit.note)
    return Member(
        name=name,
        vendor="",
        release=xen or fit.release,
        certain=xen is not None,
        offers={guest: Offer(guest, featureset, featureset)},
        notes=tuple(notes),
    )


def release_of_pool(members: Iterable[Member]) -> Release:
    """Whose rules a pool follows: newest_release of its members."""
    return newest_release((member.release, member.certain) for member in members)


def newest_release(releases: Iterable[tuple[Release, bool]]) -> Release:
    """Whose rules hosts of these releases follow: those of the newest, in whatever order they come.

    Each with whether it is certain. Mixed releases meet during an upgrade, when the newer host's
    libxc combines. A release that was only guessed by the number of words counts where nobody of
    that length says one.
    """
    hosts = list(releases)
    if not hosts:
        return by_length(0).release
    longest = max(xen.length for xen, _ in hosts)
    sure = [xen for xen, certain in hosts if certain and xen.length == longest]
    return max(sure or [xen for xen, _ in hosts], key=lambda xen: xen.place)


def _hypervisor(host: Host) -> Hypervisor | None:
    from ..guests.hypervisor import NoPolicies, of_host

    if not host.policies:
        return None
    try:
        return of_host(host)
    except NoPolicies:
        return None


def _limits(host: Host, guests: Iterable[GuestType], kind: Kind) -> dict[GuestType, LeafLimits]:
    policies = {guest: host.policies.get(set_name(guest, kind)) for guest in guests}
    return {g: LeafLimits.of(policy) for g, policy in policies.items() if policy is not None}


def _odd(offer: Offer, host: Host) -> list[str]:
    """What of a record lets nothing in, or not even the host's own guests."""
    if offer.joined:
        return []
    key, kind = f"features_{offer.guest.name.lower()}", offer.guest.name
    if not offer.max.length:
        return [f"the record has no {key}: xapi migrates no {kind} guest here"]
    beyond = offer.boot - offer.max
    if not beyond:
        return []
    names = " ".join(host.release.names(beyond))
    return [
        f"{key} lacks what {key}_host has ({names}): xapi looks at {key} alone, so a {kind} guest "
        "that was started here could not come back"
    ]


def unlike(names: Iterable[str]) -> list[str]:
    """The same names, each once: one that was there already gets a number."""
    result_names: set[str] = set()
    numbers: dict[str, int] = {}  # the last that a name got, so that many alike take one step each
    result = []
    for name in names:
        number, unique = numbers.get(name, 1), name
        while unique in result_names:
            number += 1
            unique = f"{name} ({number})"
        numbers[name] = number
        result_names.add(unique)
        result.append(unique)
    return result
