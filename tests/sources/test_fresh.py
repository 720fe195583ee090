"""Fresh: how often a source is read, what callers see, what is logged of a change."""

from __future__ import annotations

import logging
import threading
import time

import pytest
from attrs import evolve

from xenops_cpu.hosts.host import Host
from xenops_cpu.sources import SourceError
from xenops_cpu.sources.fresh import Fresh
from xenops_cpu.sources.recorded import Example


class Told:
    """A source that gives what it was told last, or raises it, and counts the reads."""

    name = "told"

    def __init__(self, answer: Host | SourceError) -> None:
        self.answer = answer
        self.reads = 0

    def read(self) -> Host:
        self.reads += 1
        if isinstance(self.answer, SourceError):
            raise self.answer
        return evolve(self.answer)  # an equal host, but another object


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def host() -> Host:
    return Example("epyc-xen-4.17").read()


def without(host: Host, *names: str) -> Host:
    """The host with these features gone from its PV max set."""
    sets = host.featuresets
    assert sets.pv_max is not None
    gone = host.release.featureset(names)
    return evolve(host, featuresets=evolve(sets, pv_max=sets.pv_max - gone))


def test_one_read_serves_a_while(host: Host) -> None:
    """Within the time the source is not asked; after it, it is."""
    source, clock = Told(host), Clock()
    fresh = Fresh(source, 2.0, clock)
    for _ in range(100):
        fresh.read()
    clock.now += 1.9
    fresh.read()
    assert source.reads == 1
    clock.now += 0.1
    fresh.read()
    assert source.reads == 2
    assert fresh.name == "told"


def test_never_older_than_said(host: Host) -> None:
    """What has changed is seen when the time is over, not later."""
    source, clock = Told(host), Clock()
    fresh = Fresh(source, 2.0, clock)
    fresh.read()
    source.answer = changed = without(host, "HTT")
    clock.now += 1.99
    assert fresh.read() == host
    clock.now += 0.01
    assert fresh.read() == changed


def test_the_same_object_while_nothing_changes(host: Host) -> None:
    """Who has derived something from a host may keep it; a wandering clock speed is no change."""
    source, clock = Told(host), Clock()
    fresh = Fresh(source, 1.0, clock)
    first = fresh.read()
    clock.now += 5
    source.answer = evolve(host, processor=evolve(host.processor, speed="800.000"))
    assert fresh.read() is first
    assert source.reads == 2


def test_a_failure_is_not_kept(host: Host) -> None:
    """The error goes to the caller, also after a good answer, and the next call asks again."""
    source, clock = Told(host), Clock()
    fresh = Fresh(source, 1.0, clock)
    first = fresh.read()
    clock.now += 1
    source.answer = SourceError("gone", "come back")
    for _ in range(2):
        with pytest.raises(SourceError, match="gone; come back"):
            fresh.read()
    source.answer = host
    assert fresh.read() is first
    assert source.reads == 4


def test_one_reader_for_all_who_wait(host: Host) -> None:
    """Callers that come while the source is read wait for that answer."""
    source = Told(host)
    entered, go = threading.Event(), threading.Event()
    read = source.read

    def slow() -> Host:
        entered.set()
        assert go.wait(10)
        return read()

    source.read = slow  # type: ignore[method-assign]
    fresh = Fresh(source, 60.0)
    answers: list[Host] = []
    threads = [threading.Thread(target=lambda: answers.append(fresh.read())) for _ in range(16)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    time.sleep(0.05)
    go.set()
    for thread in threads:
        thread.join(10)
    assert source.reads == 1
    assert len(answers) == 16
    assert all(answer is answers[0] for answer in answers)


def test_age_counts_from_before_the_read(host: Host) -> None:
    """A read that takes long does not make its answer younger than it is."""
    source, clock = Told(host), Clock()
    read = source.read

    def slow() -> Host:
        answer = read()
        clock.now += 5
        return answer

    source.read = slow  # type: ignore[method-assign]
    fresh = Fresh(source, 2.0, clock)
    fresh.read()
    fresh.read()
    assert source.reads == 2


def test_a_change_is_noticed_before_it_is_answered(host: Host) -> None:
    """The first host and each that differs, once, while nobody has been answered with it."""
    source, clock = Told(host), Clock()
    noticed: list[Host] = []
    fresh = Fresh(source, 1.0, clock, noticed.append)
    first = fresh.read()
    clock.now += 1
    fresh.read()
    source.answer = without(host, "HTT")
    clock.now += 1
    second = fresh.read()
    assert [one is two for one, two in zip(noticed, (first, second), strict=True)] == [True] * 2


def test_a_change_is_logged_by_name(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    """Lost and gained features of each set, once."""
    source, clock = Told(host), Clock()
    fresh = Fresh(source, 1.0, clock)
    fresh.read()
    source.answer = without(host, "HTT", "X2APIC")
    clock.now += 1
    with caplog.at_level(logging.WARNING):
        fresh.read()
        clock.now += 1
        fresh.read()
    assert caplog.messages == ["featureset pv_max has changed: lost HTT X2APIC"]
