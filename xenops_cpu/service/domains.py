"""HOST.get_domain_policy, answered by the hypervisor below."""

from __future__ import annotations

import logging

from ..interface import DoesNotExist, DomainPolicy, GuestType, InternalError
from ..sources import SourceError, domain

log = logging.getLogger(__name__)


def policy(domid: int) -> DomainPolicy:
    """Raises DoesNotExist, and InternalError where the hypervisor cannot be asked."""
    try:
        (live,) = domain.read([domid])
    except domain.NoSuchDomain as error:
        raise DoesNotExist("domain", str(domid)) from error
    except SourceError as error:
        log.error("cannot read the policy of domain %d: %s", domid, error)
        raise InternalError(f"domain {domid}: {error}") from error
    return DomainPolicy(
        domid=live.info.domid,
        uuid=live.info.uuid,
        guest_type=GuestType.HVM if live.info.hvm else GuestType.PV,
        release=live.release.name,
        featureset=str(live.featureset),
        policy=live.policy.text(),
    )
