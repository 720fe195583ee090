"""A forecast for programs; docs/forecast.md describes each member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..pools.forecast import commands
from ..pools.forecast.evacuation import Evacuation
from ..pools.forecast.levels import NoReturn, Trap
from ..pools.forecast.remedies import Way
from ..pools.forecast.result import UNSEEN, Cycle, Forecast, Sleeper, Step, Stuck
from ..pools.forecast.words import way_today, way_words
from ..pools.verdict import Answer
from ..pools.vm import Vm


def document(told: Forecast, basis: Sequence[str]) -> dict[str, Any]:
    coordinator = told.pool.hosts[told.pool.order[0]]
    return {
        "outcome": told.outcome.name.lower(),
        "stops_at": told.stops_at,
        "certainly_by": told.certainly_by,
        "coordinator": coordinator.name if coordinator.coordinator else None,
        "targets": told.pool.rule.value,
        "upgrade": told.pool.upgrade,
        "basis": list(basis),
        "order": list(told.order),
        "steps": [_step(step) for step in told.steps],
        "power_cycle": [_cycle(cycle) for cycle in told.cycles],
        "other_order": None if told.other_order is None else list(told.other_order),
        "every_order_tried": told.every_order_tried,
        "switched_off": None
        if told.switched_off is None
        else [{"step": step, "hosts": list(names)} for step, names in told.switched_off.items()],
        "restarts": [_trap(trap) for trap in told.traps],
        "no_return": [_no_return(one) for one in told.no_return],
        "suspended": [_sleeper(sleeper) for sleeper in told.sleepers],
        "commands": list(commands.of_forecast(told)),
        "vms_looked_at": told.vms_looked_at,
        "unseen": list(UNSEEN),
    }


def evacuation(told: Evacuation) -> dict[str, Any]:
    return {
        "host": told.host,
        "allowed": told.allowed,
        "targets": list(told.targets),
        "stuck": [_stuck(stuck) for stuck in told.stuck],
        "power_cycle": [_cycle(cycle, today=True) for cycle in told.cycles],
        "switched_off": None if told.switched_off is None else list(told.switched_off),
        "commands": list(commands.of_evacuation(told)),
        "vms": [_vm(vm) for vm in told.vms],
        "taken_to_be": [_vm(vm) for vm in told.taken_to_be],
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
    }


def _no_return(one: NoReturn) -> dict[str, Any]:
    return {
        "guest_type": one.guest.name.lower(),
        "hosts": list(one.hosts),
        "missing": list(one.missing),
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
