"""A real forecast on the page says what the command says."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_cli import run
from tests.report.pool import said
from tests.support.updates import pool, vm
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.forecast import Forecast, Outcome, forecast, words
from xenops_cpu.report.update import TONES, course_of

CPU = "xeon-gold-6240+2019-11"
OPTIONS = ("a=cpu:xeon-gold-6240+2019-11@4.13", "b=cpu:xeon-gold-6154+2019-11@4.13")


def stopping() -> Forecast:
    """Three hosts get a Xen that gives no AVX with their microcode; where the VM is is not told."""
    update = pool(*[(CPU, CPU)] * 3, before="4.13", after="4.20")
    return forecast(update, [vm("web", update.hosts[0].before.boot(GuestType.HVM))])


def test_a_course_says_what_the_forecast_says() -> None:
    """Steps, who is held and why, what helps: in the sentences of the command line."""
    told = stopping()
    course = course_of(told, ("known",))
    assert (course.outcome, course.tone) == (words.verdict(told), TONES[told.outcome])
    assert [step.host for step in course.steps] == list(told.order)
    held = {step.host: [each.vms for each in step.held] for step in course.steps if step.held}
    stuck = {
        step.host: [tuple(vm.name for vm in each.vms) for each in step.stuck]
        for step in told.steps
        if step.stuck
    }
    assert held == stuck
    assert stuck
    (remedy, *_) = course.remedies
    assert remedy.ways == tuple(map(words.way_words, told.cycles[0].ways))
    first = next(each for step in course.steps for each in step.held)
    assert words.refusal_words(next(s for step in told.steps for s in step.stuck).refusals[0]) in (
        first.reasons
    )
    assert course.counted
    assert course.rests_on == ("known",)


def test_reasons_are_told_where_features_come_first() -> None:
    """A later step that lacks the same names the features, not the reasons once more."""
    course = course_of(stopping())
    reasons = [each.reasons for step in course.steps for each in step.held]
    assert len(reasons) > 1
    assert len(reasons[0]) > 1
    assert {len(each) for each in reasons[1:]} == {1}


def test_every_outcome_has_a_tone() -> None:
    """No outcome of a forecast is without a colour and a glyph."""
    assert TONES.keys() == set(Outcome)


def test_the_command_writes_the_page_with_the_forecast(tmp_path: Path) -> None:
    """report --to-xen has the forecast in it, in the words of the command forecast."""
    file = tmp_path / "update.html"
    told = run("forecast", *OPTIONS, "--to-xen", "4.20")
    done = run("report", *OPTIONS, "--to-xen", "4.20", "--html", str(file), "--title", "West")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    text = said(file.read_text("utf-8"))
    assert text.startswith("West ")
    outcome = told.stdout.splitlines()[0]
    assert f"✕ {outcome[0].upper()}{outcome[1:]}." in text
    assert "2 hosts to Xen 4.20; no VM that runs is known" in text
    assert "Assumed: a is the coordinator (--coordinator says otherwise)." in text
    assert "A cross: VMs would be held there." in text
    assert "Forecast" not in said(run("report", *OPTIONS).stdout)
