"""The answers of the pool's rooms as the contract's records, for the wire and for `--json`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from attrs import AttrsInstance, asdict

from ..interface import (
    PoolAnswer,
    PoolChange,
    PoolCheck,
    PoolCost,
    PoolFeature,
    PoolFinding,
    PoolLevel,
    PoolLoss,
    PoolPart,
    PoolPlan,
    PoolRow,
    PoolSecurity,
    PoolSplit,
    TouchedVm,
)
from ..pools import security
from ..pools.audit import Finding
from ..pools.groups import Group, grouped
from ..pools.lack import Lack
from ..pools.level import Level, Loss
from ..pools.member import Member
from ..pools.plan import Plan
from ..pools.split import Split
from ..pools.verdict import Answer
from ..pools.words import notes


def level(answer: Level, members: Sequence[Member]) -> PoolLevel:
    """POOL.level; `members` are those that it was made of."""
    names = answer.release.names
    return PoolLevel(
        release=answer.release.name,
        featureset=str(answer.featureset),
        features=answer.names,
        hosts=list(answer.hosts),
        skipped=list(answer.skipped),
        costs=[PoolCost(cost.host, names(cost.lacks), names(cost.alone)) for cost in answer.costs],
        losses=[_loss(loss) for loss in answer.losses],
        refused=[_loss(loss) for loss in answer.refused],
        security=[
            PoolSecurity(reading.kind, reading.feature, list(reading.hosts), reading.text)
            for reading in security.readings(members, answer)
        ],
    )


def check(answers: Sequence[Answer], members: Sequence[Member]) -> PoolCheck:
    """POOL.check, of the answers of pools.verdict.check_all for `members`."""
    groups = grouped(answers)
    rows = [
        PoolRow(row[0].vm.name, [answer.verdict for answer in row])
        for start in range(0, len(answers), len(members) or 1)
        for row in (answers[start : start + len(members)],)
    ]
    return PoolCheck(
        hosts=[member.name for member in members],
        rows=rows,
        answers=[_group(group) for group in groups.groups],
        features=[feature(lack) for lack in groups.features],
        notes=list(notes(members)),
    )


def plan(answer: Plan) -> PoolPlan:
    """POOL.plan."""
    groups = grouped(refusal for touched in answer.vms for refusal in touched.refusals)
    return PoolPlan(
        changes=[
            PoolChange(
                guest_type=change.guest,
                before=str(change.before.featureset),
                after=str(change.after.featureset),
                lost=list(change.lost),
                gained=list(change.gained),
            )
            for change in answer.changes
        ],
        vms=[
            TouchedVm(
                vm=touched.vm.name,
                closed=list(touched.closed),
                opened=list(touched.opened),
                stranded=touched.stranded,
            )
            for touched in answer.vms
        ],
        homeless=[vm.name for vm in answer.homeless],
        answers=[_group(group) for group in groups.groups],
        features=[feature(lack) for lack in groups.features],
    )


def split(answer: Split) -> PoolSplit:
    """POOL.split."""
    return PoolSplit(
        parts=[PoolPart(list(part.hosts), str(part.featureset)) for part in answer.parts],
        given_up=answer.given_up,
        exact=answer.exact,
    )


def finding(audited: Finding) -> PoolFinding:
    """One of POOL.audit."""
    return PoolFinding(
        key=audited.key,
        stored=audited.stored,
        expected=audited.expected,
        lost=list(audited.lost),
        gained=list(audited.gained),
    )


def as_json(record: AttrsInstance) -> dict[str, Any]:
    """A record of the contract as JSON has it."""
    return asdict(
        record,
        value_serializer=lambda _, __, value: value.value if isinstance(value, Enum) else value,
    )


def _group(group: Group) -> PoolAnswer:
    return PoolAnswer(
        vms=list(group.vms),
        hosts=list(group.hosts),
        verdict=group.verdict,
        compared=group.compared,
        missing=list(group.missing),
        only_by_max=list(group.only_by_max),
        problems=list(group.problems),
        remedies=list(group.remedies),
        notes=list(group.notes),
    )


def _loss(loss: Loss) -> PoolLoss:
    return PoolLoss(loss.name, list(loss.hosts), loss.reason)


def feature(lack: Lack) -> PoolFeature:
    return PoolFeature(lack.name, lack.reason, lack.risk, lack.remedy, lack.compatibility)
