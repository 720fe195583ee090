"""A forecast in sentences, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..vm import Vm
from ..words import GUESTS, count, some
from .levels import NoReturn, Trap
from .remedies import Way, When
from .result import Forecast, Outcome, Refusal, Sleeper, Step, Stuck


def verdict(outlook: Forecast, *, certain: bool = True) -> str:
    """In a sentence. `certain`: it does not hang on microcode that nobody told."""
    steps = len(outlook.steps)
    if outlook.stops_at is None:
        if not certain:
            return "the rolling update goes through if the hosts' microcode is new enough, else not"
        return f"the rolling update goes through: {count(steps, 'step')}, nobody is stuck"
    host = outlook.steps[outlook.stops_at - 1].host
    where = f"step {outlook.stops_at} of {steps}, evacuating {host}"
    if outlook.outcome is Outcome.MAY_STOP:
        return f"the rolling update may stop at {where}: it depends on where VMs are put before"
    if outlook.certainly_by != outlook.stops_at:
        return (
            f"the rolling update stops: perhaps at {where}, and by step {outlook.certainly_by} "
            "whatever becomes of the VMs before"
        )
    return f"the rolling update stops at {where}"


def way_words(way: Way) -> str:
    """One way, in a sentence that says when."""
    first = "take its own platform:featureset away, and " if way.without_own else ""
    match way.when:
        case When.BEFORE:
            return f"{first}restart it before the update begins"
        case When.AFTER:
            return f"{first}restart it after step {way.step} and before step {way.until}"
        case When.MOVE:
            return (
                f"shut it down and start it on a host that is updated, after step {way.step} and "
                f"before step {way.until}"
            )
        case When.OWN:
            return f"set platform:featureset={way.own} and restart it before the update begins"
        case When.OFF:
            return (
                f"shut it down before step {way.until} and start it when that is done, on a host "
                "that is updated"
            )


def way_today(way: Way) -> str:
    """One way where no update is: the evacuation is all that comes."""
    first = "take its own platform:featureset away, and " if way.without_own else ""
    match way.when:
        case When.OWN:
            return f"set platform:featureset={way.own} and restart it"
        case When.OFF:
            return "shut it down, and start it on another host"
        case _:
            return f"{first}restart it, so that it has the pool's level"


def stuck_count(step: Step, known: bool) -> str:
    if not known and step.stuck:
        return "such VMs" if any(each.certain for each in step.stuck) else "perhaps such VMs"
    certain = sum(len(each.vms) for each in step.stuck if each.certain)
    possible = sum(len(each.vms) for each in step.stuck if not each.certain)
    parts = [count(certain, "VM")] if certain else []
    if possible:
        parts.append(f"perhaps {count(possible, 'VM')}")
    return ", ".join(parts) or "-"


def level_change(step: Step) -> str:
    parts = []
    for change in step.changes:
        signs = [*(f"−{name}" for name in change.lost), *(f"+{name}" for name in change.gained)]
        more = f" and {len(signs) - 6} more" if len(signs) > 6 else ""
        parts.append(f"{change.guest.name} {' '.join(signs[:6])}{more}")
    return "; ".join(parts) or "the same"


def trap_words(trap: Trap) -> str:
    when = f"after step {trap.after}" if trap.after else "before the update"
    lacking = [f"would lack {' '.join(trap.missing)}"] if trap.missing else []
    reasons = "; ".join((*trap.problems, *lacking))
    return (
        f"who restarts {when} on {some(trap.hosts)} ({GUESTS[trap.guest]}) cannot leave later: "
        f"{some(trap.refusing)}{':' if trap.problems else ''} {reasons}"
    )


def sleeper_words(sleeper: Sleeper) -> str:
    where = f"on {some(sleeper.then)} only" if sleeper.then else "nowhere"
    return (
        f"suspended: {vm_names(sleeper.vms)} can be resumed {where} when all is done "
        f"({sleeper.answer.host.name} then {sleeper.answer.hindrance}): resume and shut down "
        "before, or restart"
    )


def vm_names(vms: Sequence[Vm]) -> str:
    return some([vm.name for vm in vms], 3)


def no_return(gain: NoReturn) -> str:
    return (
        f"no way back: {GUESTS[gain.guest]} that start when all is done have "
        f"{' '.join(gain.missing)}, which {some(gain.hosts)} as now would not take in"
    )


def cautions(outlook: Forecast) -> Iterator[str]:
    """What to mind beside the steps."""
    yield from map(trap_words, outlook.traps)
    yield from map(sleeper_words, outlook.sleepers)
    yield from map(no_return, outlook.no_return)


def stuck_words(stuck: Stuck) -> str:
    """Who cannot leave, and whether that is certain."""
    there = "it is" if len(stuck.vms) == 1 else "they are"
    certain = "" if stuck.certain else f", if {there} there then"
    return f"{vm_names(stuck.vms)} {'cannot' if stuck.certain else 'could not'} leave{certain}"


def refusal_words(refusal: Refusal) -> str:
    """Which hosts refuse, for what."""
    return f"{some(refusal.hosts)}: {refusal.answer.hindrance}"


def off_words(
    order: Sequence[str], switched_off: Mapping[int, Sequence[str]] | None, nobody: str = "nobody"
) -> Iterator[str]:
    """Which hosts to switch off as targets, and while whom is evacuated."""
    steps: dict[tuple[str, ...], list[int]] = {}
    for step, names in (switched_off or {}).items():
        steps.setdefault(tuple(names), []).append(step)
    for names, numbers in steps.items():
        yield (
            f"switch {some(names)} off as a target (xe host-disable) while "
            f"{some([order[number - 1] for number in numbers])} "
            f"{'is' if len(numbers) == 1 else 'are'} evacuated: {nobody} is stuck then"
        )


def without_cycles(outlook: Forecast) -> Iterator[str]:
    """What helps without a power cycle: another order, hosts that are switched off as targets."""
    if outlook.other_order is not None:
        names = ", ".join(outlook.other_order)
        yield f"another order of the hosts, in which nobody is stuck: {names}"
    elif not outlook.every_order_tried:
        yield "no order without a stop was found; not all were tried"
    yield from off_words(outlook.order, outlook.switched_off)
    besides = outlook.besides
    if besides is None:
        return
    lead = f"{vm_names(besides.bound)} shut down meanwhile, and "
    if besides.other_order is not None:
        names = ", ".join(besides.other_order)
        yield f"{lead}another order of the hosts, in which nobody else is stuck: {names}"
    for text in off_words(outlook.order, besides.switched_off, "nobody else"):
        yield f"{lead}{text}"


HEADERS = ("step", "host", "asks", "cannot leave", "the level then")


def rows(outlook: Forecast) -> Iterator[tuple[str, ...]]:
    """A row for each step, under HEADERS."""
    coordinator = outlook.pool.hosts[outlook.pool.order[0]].name
    for step in outlook.steps:
        role = " (coordinator)" if step.host == coordinator else ""
        yield (
            str(step.number),
            f"{step.host}{role}",
            some(step.targets, 3) or "nobody",
            stuck_count(step, bool(outlook.vms_looked_at)),
            level_change(step),
        )
