"""From what a host decides on one VM, and why the VM has a feature, or has it not."""

from __future__ import annotations

from typing import NamedTuple

from attrs import evolve

from ..derivation import Derivation, reasons_of
from ..guests import hypervisor
from ..guests.domain import Domain
from ..guests.hypervisor import Hypervisor, NoPolicies
from ..hosts.host import Host
from .reasons import rederive


def hypervisor_of(host: Host, derivation: Derivation | None) -> Hypervisor:
    """What a host decides from: measured policies where it has all, else derived from its raw one.

    `derivation` is the one behind a simulated host. Raises NoPolicies.
    """
    if derivation is not None:
        return hypervisor.of_derivation(derivation)
    try:
        return hypervisor.of_host(host)
    except NoPolicies as missing:
        rederived, notes = rederive(host)
        if rederived is None:
            raise NoPolicies(
                f"{host.origin}: {missing}; what xen-cpuid -p prints on the host has them"
            ) from missing
        return evolve(
            hypervisor.of_derivation(rederived),
            notes=(*notes, "its policies are derived from the raw one, not read"),
        )


class Why(NamedTuple):
    """`present`: whether the feature is there after it, None where it is no feature."""

    step: str
    text: str
    present: bool | None = None


def story(domain: Domain, number: int, derivation: Derivation | None) -> tuple[Why, ...]:
    """The default set's story, then the domain's own.

    `derivation` is the one behind the host, where there is one.
    """
    from ..guests import reasons
    from ..guests.changes import dependence

    whys: list[Why] = []
    if derivation is not None:
        whys = [
            Why(reason.step, reason.text, reason.present)
            for reason in reasons_of(derivation, f"{domain.kind}_default", number)
        ]
    for reason in reasons.of_feature(domain, number):
        text = reason.text
        if reason.step == "recalc.sanitise" and not reason.after:
            text = dependence(domain, number)
        whys.append(Why(reason.step, text, bool(reason.after)))
    return tuple(whys)
