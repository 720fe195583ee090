"""Hypervisors and domains for tests, out of the shipped CPUs."""

from __future__ import annotations

from functools import cache

from xenops_cpu.cpus import shipped
from xenops_cpu.derivation import Machine, Options, derive
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.guests.domain import Config, Domain
from xenops_cpu.guests.hypervisor import Build, Hypervisor, of_derivation
from xenops_cpu.guests.setting import create

SKYLAKE, ICELAKE, EPYC = "xeon-gold-6154", "xeon-gold-6336y", "epyc-7763"


@cache
def hypervisor(
    cpu: str = SKYLAKE, xen: str = "4.17", cmdline: str = "", *, build: Build | None = None
) -> Hypervisor:
    """Of a shipped CPU under a release."""
    options = Options(cmdline=cmdline, machine=Machine())
    return of_derivation(derive(shipped.get(cpu).cpu, release(xen), options), build)


def domain(
    cpu: str = SKYLAKE, xen: str = "4.17", *, type: str = "hvm", nested: bool = False,
    migratable: bool = True,
) -> Domain:  # fmt: skip
    """A new domain, before a toolstack says something."""
    config = Config(type=type, nested=nested, migratable=migratable)
    return create(hypervisor(cpu, xen), config)


def names(guest: Domain) -> set[str]:
    """The features that a domain has."""
    xen = guest.hypervisor.release
    return set(xen.names(Featureset(guest.table.features(xen), xen.length)))


def featureset(guest: Domain, *more: str, without: tuple[str, ...] = ()) -> Featureset:
    """A domain's own featureset, with features added and taken away."""
    xen = guest.hypervisor.release
    own = Featureset(guest.table.features(xen), xen.length)
    return (own | xen.featureset(more)) - xen.featureset(without)
