"""HOST.get_cpu_info_history as callers get it, on both wires."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.history.test_store import HOST, without
from tests.support.hosts import Fixed
from xenops_cpu.history.recorder import Recorder
from xenops_cpu.interface import Client, InternalError
from xenops_cpu.service.history import history_of
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.sources.fresh import Fresh
from xenops_cpu.wire import JSONRPC, XMLRPC
from xenops_cpu.wire.caller import caller
from xenops_cpu.wire.dispatch import answer

Made = tuple[Client, Fixed]


@pytest.fixture(params=[XMLRPC, JSONRPC])
def made(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Made]:
    """A client of a service that keeps a history of a source that a test changes."""
    source = Fixed(HOST)
    recorder = Recorder(tmp_path / "history.sqlite", "xen")
    recorder.start()
    fresh = Fresh(source, 0.0, noticed=recorder.notice)
    service = XenopsCpu(fresh, history=history_of(recorder))
    yield Client(caller(lambda body: answer(service, body), request.param)), source
    recorder.stop()


def test_the_history(made: Made) -> None:
    """Entries with times, sentences and likely causes; only those after the one that is known."""
    client, source = made
    assert client.host_get_cpu_info("x") is not None
    source.host = without("AVX2")
    history = client.host_get_cpu_info_history("x")
    assert [entry.id for entry in history.entries] == [1, 2]
    assert history.last == 2
    first, second = history.entries
    assert first.changes == []
    assert second.changes == ["featureset host has changed: lost AVX2"]
    assert second.causes[0].startswith("nothing recorded explains it")
    assert (second.xen, second.source) == ("4.17.7", "xen")
    assert time.strptime(second.first_seen, "%Y-%m-%dT%H:%M:%SZ")
    assert client.host_get_cpu_info_history("x", last=1).entries == [second]
    assert client.host_get_cpu_info_history("x", last=2).entries == []
    assert client.host_get_cpu_info_history("x", last=2).last == 2


def test_waiting(made: Made) -> None:
    """A call with a time-out is answered when a change is noticed."""
    client, source = made
    client.host_get_cpu_info_history("x")

    def change() -> None:
        source.host = without("AVX2")
        client.host_get_cpu_info("x")

    threading.Timer(0.1, change).start()
    assert [entry.id for entry in client.host_get_cpu_info_history("x", 1, 20).entries] == [2]


@pytest.mark.parametrize("timeout", [0, -5])
def test_not_waiting(made: Made, timeout: int) -> None:
    """No time is no waiting."""
    client, _ = made
    started = time.monotonic()
    assert client.host_get_cpu_info_history("x", 1, timeout).last == 1
    assert time.monotonic() - started < 10


def test_a_service_without_a_history() -> None:
    """It says how to keep one."""
    with pytest.raises(InternalError, match="--history FILE"):
        XenopsCpu(Fixed(HOST)).host_get_cpu_info_history("x")


def test_what_is_answered_is_kept_before(tmp_path: Path) -> None:
    """A caller that has a record can rely on it that the history has it too."""
    from xenops_cpu.history import store

    path = tmp_path / "history.sqlite"
    recorder = Recorder(path, "xen")
    recorder.start()
    source = Fixed(HOST)
    service = XenopsCpu(Fresh(source, 0.0, noticed=recorder.notice))
    hosts: list[Callable[[], object]] = [lambda: HOST, lambda: without("AVX2"), lambda: HOST]
    for number, host in enumerate(hosts, 1):
        source.host = host()  # type: ignore[assignment]
        service.host_get_cpu_info("x")
        assert len(store.entries(path)) == number
    recorder.stop()
