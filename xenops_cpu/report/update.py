"""A forecast of pools/ as the page's Course."""

from __future__ import annotations

from collections.abc import Sequence

from ..pools.forecast import Forecast, Outcome, Stuck, words
from ..pools.forecast.result import UNSEEN
from ..pools.words import alike
from .forecast import Course, Held, Remedy, Step, Tone

TONES: dict[Outcome, Tone] = {
    Outcome.GOES_THROUGH: "good",
    Outcome.MAY_STOP: "fair",
    Outcome.STOPS: "bad",
}


def course_of(forecast: Forecast, basis: Sequence[str] = (), *, certain: bool = True) -> Course:
    """`basis`: what is updated to what, and what the forecast rests on, in sentences. `certain`: it
    does not hang on microcode that nobody told.
    """
    lacks: set[object] = set()
    return Course(
        title="the rolling update",
        outcome=words.verdict(forecast, certain=certain),
        tone=_tone(forecast, certain=certain),
        hosts=tuple(host.name for host in forecast.pool.hosts),
        done=tuple(host.name for host in forecast.pool.hosts if host.done),
        steps=tuple(
            Step(
                host=step.host,
                targets=step.targets,
                held=tuple(_held(stuck, lacks) for stuck in step.stuck),
                changes=(words.level_change(step),) if step.changes else (),
            )
            for step in forecast.steps
        ),
        counted=bool(forecast.vms_looked_at),
        remedies=tuple(
            Remedy(tuple(vm.name for vm in cycle.vms), tuple(map(words.way_words, cycle.ways)))
            for cycle in forecast.cycles
        ),
        advice=tuple(words.without_cycles(forecast)) if forecast.cycles else (),
        cautions=tuple(words.cautions(forecast)),
        rests_on=tuple(basis),
        unseen=UNSEEN,
    )


def _tone(forecast: Forecast, *, certain: bool) -> Tone:
    through = forecast.outcome is Outcome.GOES_THROUGH
    return TONES[forecast.outcome if certain or not through else Outcome.MAY_STOP]


def _held(stuck: Stuck, lacks: set[object]) -> Held:
    """With the reasons of missing features where they come first; `lacks`: those that were told."""
    reasons = [stuck.problem] if stuck.problem else []
    for refusal in stuck.refusals:
        reasons.append(words.refusal_words(refusal))
        missing = refusal.answer.missing
        if missing not in lacks:
            lacks.add(missing)
            reasons += (
                f"{' '.join(names)}: {reason}" for (reason, *_), names in alike(missing).items()
            )
    return Held(tuple(vm.name for vm in stuck.vms), stuck.certain, tuple(reasons))
