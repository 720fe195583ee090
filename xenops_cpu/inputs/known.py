"""A host as far as it is known: read from somewhere, or no more than a featureset or a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ..derivation import Derivation
from ..errors import InputError
from ..explain.reasons import reasons
from ..features.featureset import Featureset
from ..features.release import NEWEST, Release
from ..features.release import release as release_named
from ..hosts.host import NO_SETS, SETS, Host
from ..hosts.offer import Offer
from ..interface import GuestType
from ..pools.member import Explain, Member, member_of, member_of_set
from ..pools.words import GUESTS, count
from ..text import notebook
from .value import Input, NamedHost

if TYPE_CHECKING:
    from ..guests.hypervisor import Hypervisor


@frozen
class KnownHost:
    """`member`: as a pool sees it. `named`: as it was read, with its raw set, policies, counts and
    so on; None where only a featureset or a policy is known.
    """

    member: Member
    named: NamedHost | None = None

    @property
    def name(self) -> str:
        return self.member.name

    @property
    def vendor(self) -> str:
        """The CPU's, "" where it is not known."""
        return self.member.vendor

    @property
    def release(self) -> Release:
        """Whose names and rules fit it; `member.certain` says whether the host tells it itself."""
        return self.member.release

    @property
    def offers(self) -> Mapping[GuestType, Offer]:
        """Boot and migration by guest type; a type that it does not run is not there."""
        return self.member.offers

    @property
    def host(self) -> Host | None:
        return self.named.host if self.named is not None else None

    def __repr__(self) -> str:
        offers = ", ".join(
            f"{guest.name} {len(offer.boot)} to {len(offer.migration)} features"
            for guest, offer in self.offers.items()
        )
        return f"<KnownHost {self.name!r}, {self.release.title}: {offers or 'no guests'}>"

    def _repr_html_(self) -> str:
        """For notebooks: what each guest type gets, and what it may bring along."""
        title = f"{self.name}: {self.release.title}, {self.vendor or 'vendor not known'}"
        rows = [
            (
                GUESTS[guest],
                count(len(offer.boot), "feature"),
                " ".join(self.release.names(offer.migration - offer.boot)) or "nothing",
            )
            for guest, offer in self.offers.items()
        ]
        return notebook.table(title, ("guests", "at boot", "in a migration also"), rows)

    def derivation(self) -> Derivation | None:
        """That behind a simulated host; None for others."""
        behind = _derivation(self.named) if self.named is not None else None
        return behind() if behind is not None else None


def known(named: NamedHost, name: str = "") -> KnownHost:
    """A host that was read, with the reasons for its bits where they can be known."""
    derivation = _derivation(named)

    @cache
    def hypervisor() -> Hypervisor | None:
        from ..explain.vm import hypervisor_of
        from ..guests.hypervisor import NoPolicies

        try:
            return hypervisor_of(named.host, derivation() if derivation is not None else None)
        except NoPolicies:
            return None

    why = reasons(named.host, derivation) or _assumed_reasons(named)
    return KnownHost(member_of(named.host, name or named.name, why, hypervisor), named)


def _derivation(named: NamedHost) -> Callable[[], Derivation] | None:
    """What makes that behind a simulated host, once; None for others."""
    simulated = named.simulated
    if simulated is None:
        return None
    from ..sources.simulated import derivation_of

    return cache(lambda: derivation_of(named.host) or simulated.explained()[1])


def _assumed_reasons(named: NamedHost) -> Explain | None:
    """Those of a shipped CPU that is like the host's, looked for when the first is asked for."""
    if not named.host.recorded:
        return None

    @cache
    def explain() -> Explain:
        from . import assumed  # with all CPUs that are shipped

        return assumed.reasons(named.host, named.name)

    return lambda set_name, number: explain()(set_name, number)


def hosts_of(read: Input, name: str, guest: GuestType, xen: Release | None) -> Iterator[KnownHost]:
    """The hosts of an input, `name` for the only one of it.

    `guest`: what a bare featureset or policy is of; `xen`: of which release it is. Raises
    InputError (see require_featuresets).
    """
    require_featuresets(read, name)
    for named in read.hosts:
        yield known(named, name if name and len(read.hosts) == 1 else named.name or read.name)
    if read.hosts or read.vms:
        return
    if read.policy is not None:
        yield KnownHost(_member_of_policy(read, name or read.name, guest, xen))
    elif read.featureset is not None:
        yield KnownHost(member_of_set(read.featureset, name or read.name, guest, xen))


def require_featuresets(read: Input, name: str = "") -> None:
    """Raises InputError where there are hosts, and no featureset of any of them is told: they would
    be hosts that lack everything.
    """
    if read.hosts and not any(_has_featuresets(named.host) for named in read.hosts):
        raise InputError(
            f"{name or read.name}: {NO_SETS}; a capture, what xen-cpuid -p or -d prints, or "
            "xe host-cpu-info has them, and cpu:NAME@RELEASE simulates a shipped CPU"
        )


def _has_featuresets(host: Host) -> bool:
    sets = map(host.featuresets.named, SETS)
    return any(featureset is not None and featureset.length for featureset in sets)


def _member_of_policy(read: Input, name: str, guest: GuestType, xen: Release | None) -> Member:
    from ..cpuid.fields import vendor
    from ..cpuid.limits import LeafLimits
    from ..cpuid.words import policy_featureset

    assert read.policy is not None
    featureset: Featureset = policy_featureset(read.policy, xen or release_named(NEWEST))
    limits = {guest: LeafLimits.of(read.policy)}
    member = member_of_set(featureset, name, guest, xen)
    return evolve(member, limits=limits, boot_limits=limits, vendor=vendor(read.policy))
