"""Pools for tests: hosts that offer named features, and real CPUs as Xen 4.17 would offer them."""

from __future__ import annotations

from functools import cache

from attrs import evolve

from tests.support.hosts import made
from xenops_cpu.cpus.params import options_of
from xenops_cpu.cpus.shipped import find
from xenops_cpu.explain.reasons import reasons
from xenops_cpu.features.release import release
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import Member, member_of
from xenops_cpu.sources.simulated import Simulated, other_cpu

HVM, PV = GuestType.HVM, GuestType.PV


def host(name: str, default: str, max_: str = "", xen: str = "4.17", vendor: str = "") -> Member:
    """PV and HVM guests get `default` at boot, and may arrive with `max_` as well."""
    member = member_of(made(default, f"{default} {max_}", default, xen), name)
    return evolve(member, vendor=vendor or member.vendor)


@cache
def real(cpu: str, xen: str = "4.17") -> Member:
    """A shipped CPU under a name, with the reasons of the derivation."""
    named = find(cpu)
    source = Simulated(other_cpu(named.cpu), release(xen), options_of(named.params))
    found, derivation = source.explained()
    return member_of(found, cpu, reasons(found, lambda: derivation))


def mixed() -> list[Member]:
    """Haswell, two Skylakes before and after microcode, Ice Lake."""
    return [
        real(cpu)
        for cpu in (
            "xeon-e5-2696-v3",
            "xeon-gold-6154+as-dumped",
            "xeon-gold-6154+2023-08",
            "xeon-gold-6336y+2023-08",
        )
    ]
