"""Rolling updates for tests: shipped CPUs under a Xen and then under another."""

from __future__ import annotations

from attrs import evolve

from tests.support.pools import HVM, host, real
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.forecast import HostChange, PoolUpdate, Rule
from xenops_cpu.pools.vm import Vm

INTEL, AMD = "GenuineIntel", "AuthenticAMD"


def pool(
    *changes: tuple[str, str],
    before: str = "xenserver-8",
    after: str = "xenserver-8",
    rule: Rule = Rule.ALL,
    upgrade: bool = True,
) -> PoolUpdate:
    """Hosts xs-01, xs-02, … of shipped CPUs, each with what it is now and will be; the first is the
    coordinator. HVM guests.
    """
    hosts = tuple(
        HostChange(
            evolve(real(now, before), name=f"xs-{n:02}", uuid=f"uuid-{n}"),
            evolve(real(then, after), name=f"xs-{n:02}", uuid=f"uuid-{n}"),
            coordinator=n == 1,
        )
        for n, (now, then) in enumerate(changes, 1)
    )
    return PoolUpdate(hosts, rule, upgrade, guests=(GuestType.HVM,))


def change(
    name: str, before: str = "FPU XSAVE AVX", after: str | None = None, **facts: object
) -> HostChange:
    """A host with the features of its guests, now and then; a is the coordinator."""
    now, then = (
        evolve(host(name, text), uuid=f"uuid-{ord(name) - 96}")
        for text in (before, before if after is None else after)
    )
    own = HostChange(now, then, coordinator=name == "a")
    return evolve(own, **facts)  # type: ignore[arg-type]


def pool_of(*hosts: HostChange) -> PoolUpdate:
    """These hosts, with HVM guests."""
    return PoolUpdate(hosts, guests=(HVM,))


def vm(name: str, words: Featureset, home: int = 0, vendor: str = INTEL, **facts: object) -> Vm:
    """An HVM guest that runs on the host of that number, 0: nobody knows where."""
    made = Vm(name, GuestType.HVM, words, vendor=vendor, home=f"uuid-{home}" if home else "")
    return evolve(made, **facts)  # type: ignore[arg-type]
