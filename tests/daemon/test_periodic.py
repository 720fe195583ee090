"""What is done again and again."""

import threading
import time

import pytest

from tests.support.waiting import eventually
from xenops_cpu.daemon import periodic
from xenops_cpu.daemon.periodic import Job, Periodic


def test_each_job_at_its_own_pace() -> None:
    """One is done often, another one not yet."""
    done: list[str] = []
    jobs = Periodic()
    jobs.add(Job("often", 0.01, lambda: done.append("often")))
    jobs.add(Job("seldom", 1000, lambda: done.append("seldom")))
    eventually(lambda: len(done) > 5)
    jobs.stop()
    assert set(done) == {"often"}


def test_a_job_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged and done again, and the others go on."""
    done: list[int] = []

    def fail() -> None:
        done.append(1)
        raise RuntimeError("boom")

    jobs = Periodic()
    jobs.add(Job("a job", 0.01, fail))
    eventually(lambda: len(done) > 2)
    jobs.stop()
    assert "a job failed" in caplog.text


def test_a_pace_that_changes() -> None:
    """hurry() makes a shorter time count at once."""
    done = threading.Event()
    job = Job("a job", 1000, done.set)
    jobs = Periodic()
    jobs.add(job)
    job.seconds = 0.01
    jobs.hurry()
    assert done.wait(10)
    jobs.stop()


def test_after_a_sleep_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What became due while the machine slept is done soon, though the thread slept as well."""
    monkeypatch.setattr(periodic, "NAP_SECONDS", 0.02)
    slept = 0.0
    monkeypatch.setattr(periodic, "now", lambda: time.clock_gettime(time.CLOCK_BOOTTIME) + slept)
    done = threading.Event()
    jobs = Periodic()
    jobs.add(Job("a job", 1000, done.set))
    assert not done.wait(0.1)
    slept = 2000.0
    assert done.wait(10)
    jobs.stop()


def test_the_wall_clock_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set back or forward changes no pace."""
    monkeypatch.setattr(time, "time", lambda: 0.0)
    done: list[int] = []
    jobs = Periodic()
    jobs.add(Job("a job", 0.01, lambda: done.append(1)))
    eventually(lambda: len(done) > 2)
    jobs.stop()


def test_stopping_before_anything_began() -> None:
    """Nothing to wait for."""
    Periodic().stop()
