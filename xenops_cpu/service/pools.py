"""The POOL methods: the interface's records in, the answers of the pool's rooms out."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from .. import interface
from ..features.release import Release, ReleaseError, release
from ..interface import (
    InternalError,
    PoolAnswer,
    PoolChange,
    PoolCost,
    PoolFeature,
    PoolFinding,
    PoolHost,
    PoolLevel,
    PoolLoss,
    PoolPart,
    PoolPlan,
    PoolSecurity,
    PoolSplit,
    PoolVm,
    SecurityKind,
    TouchedVm,
)
from ..pools import plan, security
from ..pools.audit import audit, pool_cpu_info
from ..pools.lack import Lack
from ..pools.level import level_of, release_of_pool
from ..pools.member import GuestType, Member, Vm
from ..pools.records import RecordError, member_of_map, vm_of_map
from ..pools.split import SplitError
from ..pools.split import split as split_of
from ..pools.verdict import Answer, Verdict, check

_GUESTS = {interface.GuestType.PV: GuestType.PV, interface.GuestType.HVM: GuestType.HVM}
_GUEST_TYPES = {guest: given for given, guest in _GUESTS.items()}
_VERDICTS = {
    Verdict.BOOTS: interface.Verdict.BOOTS,
    Verdict.MIGRATES: interface.Verdict.MIGRATES,
    Verdict.BY_MAX: interface.Verdict.ONLY_BY_MAX,
    Verdict.BY_FORCE: interface.Verdict.ONLY_BY_FORCE,
    Verdict.IMPOSSIBLE: interface.Verdict.IMPOSSIBLE,
}
_KINDS = {
    security.Kind.FORCED: SecurityKind.FORCED,
    security.Kind.IMMUNITY: SecurityKind.IMMUNITY,
    security.Kind.CONTROL: SecurityKind.CONTROL,
    security.Kind.SPEED: SecurityKind.SPEED,
}


def cpu_info(hosts: Sequence[PoolHost], own: Release | None) -> dict[str, str]:
    """POOL.get_cpu_info. `own`: the release of the host that answers, if it is known."""
    given = [(host.cpu_info, host.hvm) for host in hosts]
    try:
        return pool_cpu_info(given, _rules(hosts, own))
    except RecordError as error:
        raise InternalError(f"parameter hosts: {error}") from error


def level(
    hosts: Sequence[PoolHost], guest_type: interface.GuestType, own: Release | None
) -> PoolLevel:
    """POOL.level."""
    members = _members("hosts", hosts, own)
    found = level_of(members, _GUESTS[guest_type])
    names = found.release.names
    return PoolLevel(
        release=found.release.name,
        featureset=str(found.featureset),
        features=found.names,
        hosts=list(found.hosts),
        skipped=list(found.skipped),
        costs=[PoolCost(cost.host, names(cost.lacks), names(cost.alone)) for cost in found.costs],
        losses=[PoolLoss(loss.name, list(loss.hosts), loss.reason) for loss in found.losses],
        refused=[PoolLoss(loss.name, list(loss.hosts), loss.reason) for loss in found.refused],
        security=[
            PoolSecurity(_KINDS[finding.kind], finding.feature, list(finding.hosts), finding.text)
            for finding in security.findings(members, found)
        ],
    )


def check_all(
    vms: Sequence[PoolVm], hosts: Sequence[PoolHost], own: Release | None
) -> list[PoolAnswer]:
    """POOL.check."""
    members = _members("hosts", hosts, own)
    return [_answer(check(vm, member)) for vm in _vms(vms) for member in members]


def what_if(
    before: Sequence[PoolHost],
    after: Sequence[PoolHost],
    vms: Sequence[PoolVm],
    own: Release | None,
) -> PoolPlan:
    """POOL.plan."""
    found = plan.plan(_members("before", before, own), _members("after", after, own), _vms(vms))
    return PoolPlan(
        changes=[
            PoolChange(
                guest_type=_GUEST_TYPES[change.guest],
                before=str(change.before.featureset),
                after=str(change.after.featureset),
                lost=list(change.lost),
                gained=list(change.gained),
            )
            for change in found.changes
        ],
        vms=[
            TouchedVm(
                vm=touched.vm,
                closed=list(touched.closed),
                opened=list(touched.opened),
                refusals=[_answer(answer) for answer in touched.refusals],
                stranded=touched.stranded,
            )
            for touched in found.vms
        ],
    )


def split(
    hosts: Sequence[PoolHost],
    guest_type: interface.GuestType,
    parts: int,
    own: Release | None,
) -> PoolSplit:
    """POOL.split."""
    try:
        found = split_of(_members("hosts", hosts, own), _GUESTS[guest_type], parts)
    except SplitError as error:
        raise InternalError(f"parameter parts: {error}") from error
    return PoolSplit(
        parts=[PoolPart(list(part.hosts), str(part.featureset)) for part in found.parts],
        given_up=found.given_up,
        exact=found.exact,
    )


def audit_of(
    stored: dict[str, str], hosts: Sequence[PoolHost], own: Release | None
) -> list[PoolFinding]:
    """POOL.audit."""
    expected = cpu_info(hosts, own)
    xen = _rules(hosts, own) or release_of_pool(())
    try:
        return [
            PoolFinding(
                key=finding.key,
                stored=finding.stored,
                expected=finding.expected,
                lost=list(finding.lost),
                gained=list(finding.gained),
            )
            for finding in audit("stored", stored, expected, xen)
        ]
    except RecordError as error:
        raise InternalError(f"parameter {error}") from error


def _members(parameter: str, hosts: Sequence[PoolHost], own: Release | None) -> list[Member]:
    found = []
    for host in hosts:
        try:
            xen = release(host.release) if host.release else None
            member = member_of_map(host.cpu_info, host.name, xen, host.hvm)
        except (RecordError, ReleaseError) as error:
            raise InternalError(f"parameter {parameter}: {error}") from error
        if xen is None and own is not None and member.release.length == own.length:
            member = evolve(member, release=own)
        found.append(member)
    return found


def _vms(vms: Sequence[PoolVm]) -> list[Vm]:
    try:
        return [vm_of_map(vm.last_boot_cpu_flags, vm.name, _GUESTS[vm.guest_type]) for vm in vms]
    except RecordError as error:
        raise InternalError(f"parameter vms: {error}") from error


def _rules(hosts: Sequence[PoolHost], own: Release | None) -> Release | None:
    """The rules for a pool's record; None where every host is of before XenServer 7."""
    readable = [host for host in hosts if "features_pv" in host.cpu_info]
    return release_of_pool(_members("hosts", readable, own)) if readable else None


def _answer(answer: Answer) -> PoolAnswer:
    return PoolAnswer(
        vm=answer.vm,
        host=answer.host,
        verdict=_VERDICTS[answer.verdict],
        compared=answer.compared,
        missing=[_feature(lack) for lack in answer.missing],
        only_by_max=[_feature(lack) for lack in answer.only_by_max],
        problems=list(answer.problems),
        remedies=list(answer.remedies),
        notes=list(answer.notes),
    )


def _feature(lack: Lack) -> PoolFeature:
    return PoolFeature(lack.name, lack.reason, lack.risk, lack.remedy, lack.compatibility)


__all__ = ["audit_of", "check_all", "cpu_info", "level", "split", "what_if"]
