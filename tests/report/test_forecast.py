"""The forecast of a rolling update on the page."""

from __future__ import annotations

import re

from attrs import evolve

from tests.report.pool import POOL, VMS, outline, said, update
from xenops_cpu import report
from xenops_cpu.report.forecast import MOST_LABELS, section

HOSTS = ("xs-01", "xs-02", "xs-03", "xs-04")
COURSE = update(HOSTS, ("web-1", "web-2", "web-3"))


def test_the_outcome_is_in_the_first_box() -> None:
    """Who opens the page sees what comes of the update, and finds the steps from there."""
    html = report.page("pool", POOL, VMS, forecast=COURSE)
    box = html[html.index('<section class="verdict') : html.index("</section>")]
    assert "✕ It stops at step 2 of 4: 3 VMs cannot leave xs-02." in said(f"{box}</section>")
    assert '<a href="#forecast">' in box
    assert 'id="forecast"' in html


def test_each_step_says_who_is_held_and_why() -> None:
    """Steps at which something happens have a row, the others are told together."""
    text = said(report.page("pool", POOL, VMS, forecast=COURSE))
    for expected in (
        "web-1, web-2, web-3: Restart them before the update. Or keep them shut down.",
        "With xs-04 switched off as a target in step 2 nothing stops.",
        "2 xs-02 xs-01, xs-03, xs-04 ✕ held web-1, web-2, web-3 some of the hosts",
        "3 xs-03 xs-01, xs-02, xs-04 nobody the same",
        "4 xs-04 xs-01, xs-02, xs-03 ▲ perhaps held web-1, web-2",
        "All guests: lost RTM.",
        "What the forecast rests on Microcode stays as it is.",
        "To mind A VM that restarts meanwhile gets less.",
        "Not looked at, and able to stop an update as well: Memory; storage.",
    ):
        assert expected in text


def test_the_picture_is_a_staircase() -> None:
    """Each step has one more host done than the last; hosts without a step are never done."""
    picture = section(COURSE).picture
    states = [[(piece.state, piece.width) for piece in stair.pieces] for stair in picture.stairs]
    cell = states[0][0][1]
    for number, row in enumerate(states):
        lengths = dict(row)
        assert lengths.get("done", 0) == number * cell
        assert lengths["now"] == cell
        assert sum(lengths.values()) == 5 * cell
    assert [stair.mark for stair in picture.stairs] == ["", "3", "", "2"]
    assert [stair.tone for stair in picture.stairs] == ["good", "bad", "good", "fair"]
    assert "VMs are held at step 2, step 4" in picture.words
    assert [name for _, name in picture.columns] == [*HOSTS, "spare"]


def test_a_large_pool_has_a_small_picture() -> None:
    """64 hosts: three pieces a row, no names where there is no room, quiet steps in a few rows."""
    hosts = tuple(f"host-{number:02}" for number in range(64))
    course = update(hosts, tuple(f"vm-{number}" for number in range(5000)))
    made = section(course)
    assert len(hosts) > MOST_LABELS
    assert made.picture.columns == ()
    assert sum(len(stair.pieces) for stair in made.picture.stairs) <= 3 * 64
    assert len(made.lines) == 4
    assert made.held == 5000
    html = report.page("large", POOL, VMS, forecast=course)
    assert len(html) < 120_000
    outline(html)


def test_names_in_a_forecast_are_text() -> None:
    """A host may be called anything, in the picture as well."""
    evil = '<b x="1">&'
    html = report.page("evil", POOL, VMS, forecast=update((evil, evil + "2"), (evil,)))
    plain = report.page("evil", POOL, VMS, forecast=update(("a", "a2"), ("a",)))
    assert outline(html).skeleton == outline(plain).skeleton


def test_an_update_that_goes_through_is_good_news() -> None:
    """Without held VMs there are no marks, and one row for all steps."""
    steps = tuple(evolve(step, held=(), changes=()) for step in COURSE.steps)
    course = evolve(
        COURSE, steps=steps, tone="good", outcome="it goes through", remedies=(), advice=()
    )
    html = report.page("fine", POOL[1:], VMS[:1], forecast=course)
    assert html.count('<section class="verdict good"') == 1
    stops = report.page("stops", POOL[1:], VMS[:1], forecast=COURSE)
    assert '<section class="verdict bad"' in stops
    assert "✓ The VM can go to every host. ✕ It stops at step 2" in said(stops)
    assert "What lets it through" not in html
    assert not re.search(r'class="mark', html)
    assert "1 to 4 xs-01, xs-02, xs-03, xs-04 – nobody the same" in said(html)
