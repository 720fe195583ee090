"""A domain that runs here as the command vm takes it: domain:N instead of a host and settings."""

from __future__ import annotations

import argparse

from attrs import frozen

from ..derivation import Derivation
from ..explain.vm import hypervisor_of
from ..guests.domain import HVM, PV, Config, Domain, running
from ..guests.hypervisor import NoPolicies
from ..hosts.host import Host
from ..inputs.argument import DOMAIN, what_it_is
from ..interface import GuestType
from ..pools.vm import Vm
from . import WRONG_USAGE, Failure
from .arguments import derived_host, read

# The host that domains of this machine run on.
HERE = "xen"
# Options that say how a VM is made, by their names in the parsed arguments.
_SETTINGS = (
    "type", "featureset", "nested", "no_pae", "no_nx", "nomigrate", "emulated_tsc", "shadow",
    "restore", "stream", "cores_per_socket", "cpuid", "xl", "toolstack", "xcp_ng", "viridian",
)  # fmt: skip


@frozen
class Running:
    """`vm`: as it was read. `host`: the one below it, `derivation` as derived_host gives it."""

    vm: Vm
    domain: Domain
    host: Host
    derivation: Derivation | None


def is_running(text: str) -> bool:
    return text.startswith(DOMAIN)


def read_domain(text: str, arguments: argparse.Namespace) -> Running:
    """The only domain of an argument, held to the policies of the host below. Raises Failure."""
    settings = [name for name in _SETTINGS if getattr(arguments, name)]
    if settings:
        option = settings[0].replace("_", "-")
        raise Failure(
            f"{text} runs already: --{option} is for a VM that is to be made on a host",
            WRONG_USAGE,
        )
    source = read(text)
    if source.vm is None or source.vm.policy is None:
        raise Failure(f"{text}: name one domain, domain:N; {what_it_is(source)}", WRONG_USAGE)
    host, derivation = derived_host(HERE)
    try:
        xen = hypervisor_of(host, derivation)
    except NoPolicies as error:
        raise Failure(str(error)) from error
    config = Config(type=HVM if source.vm.guest is GuestType.HVM else PV)
    return Running(source.vm, running(xen, config, source.vm.policy), host, derivation)
