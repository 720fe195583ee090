"""What Xen on a host decides a VM's policy from: measured where it can be, else derived."""

from __future__ import annotations

from attrs import evolve

from ..derivation import Derivation
from ..guests import hypervisor
from ..guests.hypervisor import Hypervisor, NoPolicies
from ..hosts.host import Host
from .reasons import rederive

DERIVED = "its policies are derived from the raw one, not read"


def hypervisor_of(host: Host, derivation: Derivation | None = None) -> Hypervisor:
    """Of a derivation where there is one; else of the policies that the host answered; else derived
    from its raw one. Raises NoPolicies.
    """
    if derivation is not None:
        return hypervisor.of_derivation(derivation)
    try:
        return hypervisor.of_host(host)
    except NoPolicies:
        rederived, notes = rederive(host)
        if rederived is None:
            raise
        return evolve(hypervisor.of_derivation(rederived), notes=(*notes, DERIVED))
