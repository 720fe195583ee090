"""A forecast for programs; docs/forecast.md describes each member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...pools.forecast import commands
from ...pools.forecast.evacuation import Evacuation
from ...pools.forecast.levels import NoReturn, Trap
from ...pools.forecast.remedies import Way
from ...pools.forecast.result import UNSEEN, Besides, Cycle, Forecast, Outcome, Sleeper, Step, Stuck
from ...pools.forecast.words import way_today, way_words
from ...pools.verdict import Answer
from ...pools.vm import Vm
from ..doubts import Worse


def document(outlook: Forecast, basis: Sequence[str], worse: Worse | None) -> dict[str, Any]:
    """`worse`: what may come of it instead, by microcode that was not told."""
    coordinator = outlook.pool.hosts[outlook.pool.order[0]]
    outcome, stops_at = outlook.outcome, outlook.stops_at
    if worse is not None:  # which stops, and before this one
        stops_at = worse.outlook.stops_at
        outcome = Outcome.MAY_STOP if outcome is Outcome.GOES_THROUGH else outcome
    return {
        "outcome": outcome.name.lower(),
        "stops_at": stops_at,
        "certainly_by": outlook.certainly_by,
        "worse": None if worse is None else _worse(worse),
        "coordinator": coordinator.name if coordinator.coordinator else None,
        "targets": outlook.pool.rule.value,
        "upgrade": outlook.pool.upgrade,
        "basis": list(basis),
        "order": list(outlook.order),
        "steps": [_step(step) for step in outlook.steps],
        "power_cycle": [_cycle(cycle) for cycle in outlook.cycles],
        "other_order": None if outlook.other_order is None else list(outlook.other_order),
        "every_order_tried": outlook.every_order_tried,
        "switched_off": _switched_off(outlook.switched_off),
        "besides": None if outlook.besides is None else _besides(outlook.besides),
        "restarts": [_trap(trap) for trap in outlook.traps],
        "no_return": [_no_return(gain) for gain in outlook.no_return],
        "suspended": [_sleeper(sleeper) for sleeper in outlook.sleepers],
        "commands": list(commands.of_forecast(outlook)),
        "vms_looked_at": outlook.vms_looked_at,
        "unseen": list(UNSEEN),
    }


def _worse(worse: Worse) -> dict[str, Any]:
    return {
        "outcome": worse.outlook.outcome.name.lower(),
        "stops_at": worse.outlook.stops_at,
        "missing": list(worse.missing),
        "hosts": [{"host": name, "cpu": doubt.cpu} for name, doubt in worse.doubts.items()],
    }


def _besides(besides: Besides) -> dict[str, Any]:
    return {
        "shut_down": [_vm(vm) for vm in besides.bound],
        "other_order": None if besides.other_order is None else list(besides.other_order),
        "switched_off": _switched_off(besides.switched_off),
    }


def _switched_off(away: Mapping[int, Sequence[str]] | None) -> list[dict[str, Any]] | None:
    if away is None:
        return None
    return [{"step": step, "hosts": list(names)} for step, names in away.items()]


def evacuation(outlook: Evacuation) -> dict[str, Any]:
    return {
        "host": outlook.host,
        "allowed": outlook.allowed,
        "targets": list(outlook.targets),
        "stuck": [_stuck(stuck) for stuck in outlook.stuck],
        "power_cycle": [_cycle(cycle, today=True) for cycle in outlook.cycles],
        "switched_off": None if outlook.switched_off is None else list(outlook.switched_off),
        "commands": list(commands.of_evacuation(outlook)),
        "vms": [_vm(vm) for vm in outlook.vms],
        "taken_to_be": [_vm(vm) for vm in outlook.taken_to_be],
        "unseen": list(UNSEEN),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "host": step.host,
        "targets": list(step.targets),
        "stuck": [_stuck(stuck) for stuck in step.stuck],
        "levels": [
            {
                "guest_type": change.guest.name.lower(),
                "featureset": str(change.level),
                "lost": list(change.lost),
                "gained": list(change.gained),
            }
            for change in step.changes
        ],
    }


def _stuck(stuck: Stuck) -> dict[str, Any]:
    return {
        "vms": [_vm(vm) for vm in stuck.vms],
        "certain": stuck.certain,
        "problem": stuck.problem,
        "refusals": [
            {"hosts": list(refusal.hosts), **_missing(refusal.answer)} for refusal in stuck.refusals
        ],
    }


def _missing(answer: Answer) -> dict[str, Any]:
    return {
        "missing": [
            {"feature": lack.name, "reason": lack.reason, "risk": lack.risk}
            for lack in answer.missing
        ],
        "problems": list(answer.problems),
    }


def _cycle(cycle: Cycle, today: bool = False) -> dict[str, Any]:
    return {
        "vms": [_vm(vm) for vm in cycle.vms],
        "certain": cycle.certain,
        "ways": [_way(cycle, way, today) for way in cycle.ways],
    }


def _way(cycle: Cycle, way: Way, today: bool) -> dict[str, Any]:
    return {
        "when": way.when.name.lower(),
        "after_step": way.step,
        "until_step": way.until,
        "own_featureset": None if way.own is None else str(way.own),
        "without_own": way.without_own,
        "text": way_today(way) if today else way_words(way),
        "commands": list(commands.of_cycle(cycle, way)),
    }


def _trap(trap: Trap) -> dict[str, Any]:
    return {
        "guest_type": trap.guest.name.lower(),
        "after_step": trap.after,
        "hosts": list(trap.hosts),
        "missing": list(trap.missing),
        "refusing": list(trap.refusing),
        "problems": list(trap.problems),
    }


def _no_return(gain: NoReturn) -> dict[str, Any]:
    return {
        "guest_type": gain.guest.name.lower(),
        "hosts": list(gain.hosts),
        "missing": list(gain.missing),
    }


def _sleeper(sleeper: Sleeper) -> dict[str, Any]:
    return {
        "vms": [_vm(vm) for vm in sleeper.vms],
        "now": list(sleeper.now),
        "then": list(sleeper.then),
        **_missing(sleeper.answer),
    }


def _vm(vm: Vm) -> dict[str, Any]:
    return {"name": vm.name, "uuid": vm.uuid, "guest_type": vm.guest.name.lower(), "home": vm.home}
