"""The POOL methods: the contract's records in, the answers of the pool's rooms out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import evolve

from ..errors import Error
from ..features.release import Release, release
from ..interface import (
    GuestType,
    InternalError,
    PoolCheck,
    PoolFinding,
    PoolHost,
    PoolLevel,
    PoolPlan,
    PoolSplit,
    PoolVm,
)
from ..pools import audit, plan
from ..pools.level import level_of
from ..pools.member import Member, member_of_record, release_of_pool, unlike
from ..pools.records import Combine, HostRecord, pool_cpu_info
from ..pools.split import split as split_of
from ..pools.verdict import check_all
from ..pools.vm import Vm, of_flags
from . import answers, strict


def cpu_info(
    hosts: Sequence[PoolHost],
    own: Release | None,
    before_2023: bool = False,
    combine: Combine | None = None,
) -> dict[str, str]:
    """POOL.get_cpu_info. `own`: the release of the host that answers, if it is known.

    `combine`: HOST.combine_cpu_policies as that host answers it.
    """
    with _parameter("hosts"):
        return pool_cpu_info(_records(hosts), _rules(hosts, own), before_2023, combine)


def level(hosts: Sequence[PoolHost], guest_type: GuestType, own: Release | None) -> PoolLevel:
    """POOL.level."""
    members = _members("hosts", hosts, own)
    return answers.level(level_of(members, guest_type), members)


def check(vms: Sequence[PoolVm], hosts: Sequence[PoolHost], own: Release | None) -> PoolCheck:
    """POOL.check."""
    members = _members("hosts", hosts, own)
    return answers.check(check_all(_vms(vms), members), members)


def what_if(
    before: Sequence[PoolHost],
    after: Sequence[PoolHost],
    vms: Sequence[PoolVm],
    own: Release | None,
) -> PoolPlan:
    """POOL.plan."""
    return answers.plan(
        plan.plan(_members("before", before, own), _members("after", after, own), _vms(vms))
    )


def split(
    hosts: Sequence[PoolHost], guest_type: GuestType, parts_: int, own: Release | None
) -> PoolSplit:
    """POOL.split."""
    members = _members("hosts", hosts, own)
    with _parameter("parts"):
        return answers.split(split_of(members, guest_type, parts_))


def audit_of(
    stored: dict[str, str],
    hosts: Sequence[PoolHost],
    own: Release | None,
    combine: Combine | None = None,
) -> list[PoolFinding]:
    """POOL.audit."""
    strict.check("parameter stored: Pool.cpu_info", stored)
    members = _members("hosts", [host for host in hosts if _readable(host)], own)
    with _parameter("hosts"):
        records = _records(hosts)
        pool_cpu_info(records, release_of_pool(members))
    with _parameter("stored"):
        return [
            answers.finding(finding)
            for finding in audit.of_pool("Pool.cpu_info", stored, records, members, combine)
        ]


@contextmanager
def _parameter(name: str) -> Iterator[None]:
    """What the package refuses, as the contract's error that names the parameter."""
    try:
        yield
    except Error as error:
        raise InternalError(f"parameter {name}: {error}") from error


def _members(parameter: str, hosts: Sequence[PoolHost], own: Release | None) -> list[Member]:
    strict.check_hosts(parameter, hosts)
    with _parameter(parameter):
        members = [_member(host, own) for host in hosts]
    names = unlike(member.name for member in members)
    return [evolve(member, name=name) for member, name in zip(members, names, strict=True)]


def _member(host: PoolHost, own: Release | None) -> Member:
    """By the release that the caller names, else this host's own if it has as many words."""
    if host.release:
        return member_of_record(host.cpu_info, host.name, release(host.release), host.hvm)
    member = member_of_record(host.cpu_info, host.name, hvm=host.hvm)
    longest = max((offer.boot.length for offer in member.offers.values()), default=0)
    if own is not None and longest == own.length:
        return member_of_record(host.cpu_info, host.name, own, host.hvm)
    return member


def _vms(vms: Sequence[PoolVm]) -> list[Vm]:
    strict.check_vms(vms)
    names = unlike(vm.name for vm in vms)
    with _parameter("vms"):
        return [
            of_flags(vm.last_boot_cpu_flags, name, vm.guest_type)
            for vm, name in zip(vms, names, strict=True)
        ]


def _records(hosts: Sequence[PoolHost]) -> list[HostRecord]:
    strict.check_hosts("hosts", hosts)
    return [HostRecord(host.cpu_info, host.hvm) for host in hosts]


def _readable(host: PoolHost) -> bool:
    return "features_pv" in host.cpu_info or "features_pv_host" in host.cpu_info


def _rules(hosts: Sequence[PoolHost], own: Release | None) -> Release | None:
    """The rules for a pool's record; None where every host is of before XenServer 7."""
    members = _members("hosts", [host for host in hosts if _readable(host)], own)
    return release_of_pool(members) if members else None


__all__ = ["audit_of", "check", "cpu_info", "level", "split", "what_if"]
