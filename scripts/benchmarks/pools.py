"""Pools at the size of fleets, against a loop over words in the same run.

    a million hosts levelled; 10,000 VMs checked on 1,000 hosts

No two hosts and no two VMs are alike, which is the worst case: a real fleet has few kinds of either
and is done in a fraction of the time. The loop does what a person would write first, word for word
and host for host, on a part of the fleet, and is taken as many times as that part is smaller: AND
alone for the level, "is a bit missing" alone for the check.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from clock import least_seconds

from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import Release, release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.grid import grid
from xenops_cpu.pools.levelling import level
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.vm import Vm

HOSTS, VMS, CHECKED_HOSTS = 1_000_000, 10_000, 1_000
PART = 20_000
VENDOR = "GenuineIntel"


def measure() -> Iterator[dict[str, object]]:
    """Rows for scripts/bench: name, unit, figure, the loop's figure, ratio, aim."""
    xen = release("4.17")
    chance = random.Random(5)
    fleet = _fleet(xen, chance, HOSTS)
    yield from _levels(fleet, xen)
    del fleet
    yield from _checks(xen, chance)


def _fleet(xen: Release, chance: random.Random, count: int) -> list[Featureset]:
    """Sets with nearly everything, each without a few features of its own."""
    full = (1 << xen.length * 32) - 1
    return [Featureset(full & ~(1 << chance.getrandbits(9)), xen.length) for _ in range(count)]


def _levels(fleet: list[Featureset], xen: Release) -> Iterator[dict[str, object]]:
    ours = least_seconds(lambda: level(fleet, xen))
    words = [featureset.words for featureset in fleet[:PART]]
    theirs = least_seconds(lambda: _loop_level(words)) * len(fleet) / PART
    yield _row("1,000,000 hosts levelled", "ms", ours * 1e3, theirs * 1e3, "<= 0.2")
    tenth = fleet[: len(fleet) // 10]
    alone = least_seconds(lambda: level(tenth, xen)) / len(tenth)
    yield _row(
        "a host of 1,000,000", "ns", ours / len(fleet) * 1e9, alone * 1e9, "<= 2", "of 100,000"
    )


def _loop_level(hosts: list[tuple[int, ...]]) -> list[int]:
    level = list(hosts[0])
    for host in hosts:
        for index, word in enumerate(host):
            level[index] &= word
    return level


def _checks(xen: Release, chance: random.Random) -> Iterator[dict[str, object]]:
    boots, mosts = (_fleet(xen, chance, CHECKED_HOSTS) for _ in range(2))
    hosts = [
        Member(str(index), VENDOR, xen, {GuestType.HVM: Offer(GuestType.HVM, boot, most)})
        for index, (boot, most) in enumerate(zip(boots, mosts, strict=True))
    ]
    vms = [
        Vm(
            str(index),
            GuestType.HVM,
            Featureset(chance.getrandbits(600), xen.length),
            vendor=VENDOR,
        )
        for index in range(VMS)
    ]
    ours = least_seconds(lambda: grid(vms, hosts))
    some_vms = [vm.features.words for vm in vms[:20] if vm.features is not None]
    some_hosts = [host.migration(GuestType.HVM).words for host in hosts]
    theirs = least_seconds(lambda: _loop_check(some_vms, some_hosts)) * VMS / len(some_vms)
    yield _row("10,000 VMs on 1,000 hosts", "ms", ours * 1e3, theirs * 1e3, "<= 0.2")


def _loop_check(vms: list[tuple[int, ...]], hosts: list[tuple[int, ...]]) -> int:
    allowed = 0
    for vm in vms:
        for host in hosts:
            for mine, theirs in zip(vm, host, strict=True):
                if mine & ~theirs:
                    break
            else:
                allowed += 1
    return allowed


def _row(
    name: str, unit: str, ours: float, theirs: float, aim: str, peer: str = "a loop over words"
) -> dict[str, object]:
    return {
        "name": name,
        "unit": unit,
        "service": ours,
        "peer": peer,
        "peer_figure": theirs,
        "ratio": ours / theirs,
        "aim": aim,
    }
