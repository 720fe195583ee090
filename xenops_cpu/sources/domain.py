"""The domains of this machine's hypervisor: what each one's CPU policy is now."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable

from attrs import field, frozen

from ..cpuid.policy import Policy
from ..cpuid.words import guest_featureset
from ..features.featureset import Featureset
from ..features.fit import fit
from ..features.release import Release
from .info import DomainInfo
from .libxc import Handle
from .libxc_errors import CallFailed, CallUnsupported


class NoSuchDomain(CallFailed):
    """There is no domain with that id."""


@frozen
class LiveDomain:
    """A domain and its policy: every leaf that Xen hands out, in its order, and its MSRs.

    `release`: whose names and words fit the hypervisor.
    """

    info: DomainInfo
    policy: Policy = field(repr=False)
    release: Release = field(repr=lambda xen: repr(xen.name))

    @property
    def featureset(self) -> Featureset:
        """What a host has to take in for it."""
        return guest_featureset(self.policy, self.release)

    @property
    def kind(self) -> str:
        """ "pv" or "hvm", as guests.domain has it."""
        return "hvm" if self.info.hvm else "pv"


def read(domids: Iterable[int] | None = None) -> tuple[LiveDomain, ...]:
    """The domains with these ids, in that order; None: all that are there, dom0 as well.

    One that goes while all are read is left out. Raises NoSuchDomain, XenError.
    """
    with Handle() as xc:
        policy = xc.policy_reader(of_domains=True)
        if policy is None:
            raise CallUnsupported(
                "this release of libxc cannot read CPU policies", "Xen 4.12 and later have it"
            )
        xen = fit(xc.version(), xc.featureset_length()).release
        there = {info.domid: info for info in xc.domains()}
        if domids is None:
            domains = (_live_domain(info, policy, xen) for info in there.values())
            return tuple(domain for domain in domains if domain is not None)
        return tuple(_named(domid, there.get(domid), policy, xen) for domid in domids)


def _named(
    domid: int, info: DomainInfo | None, policy: Callable[[int], Policy], xen: Release
) -> LiveDomain:
    domain = None if info is None else _live_domain(info, policy, xen)
    if domain is None:
        raise NoSuchDomain(f"there is no domain {domid}", "xl list shows those that are there")
    return domain


def _live_domain(
    info: DomainInfo, policy: Callable[[int], Policy], xen: Release
) -> LiveDomain | None:
    try:
        return LiveDomain(info, policy(info.domid), xen)
    except CallFailed as failure:
        if failure.error == errno.ESRCH:
            return None
        raise
