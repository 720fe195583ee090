"""What a caller costs does not depend on how many others there are: counted, not timed."""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from attrs import evolve

from tests.transports.test_unix_http import LIMITS, TEXT, Running, read_reply, request, running
from xenops_cpu.transports import crowd
from xenops_cpu.transports.connection import Connection

FEW, MANY = 50, 2000
CALLERS = 40
# A look at each connection in each of these calls is 78,000 steps more. What differs besides is
# what happens to arrive together: some steps a call.
SLACK = 1000


class Work:
    """The steps of the thread that serves, between two calls: its lines, and what it touches.

    What loops within the interpreter (list, min with an attrgetter) runs no line; so the queues
    count what they hand out, and the connections how often they are read.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.active = False

    def answer(self, body: bytes) -> tuple[bytes, str]:
        """Called in that thread; from the call "count" to the call "stop" its steps count."""
        if body == b"count":
            self.active = True
            sys.settrace(self._enter)
        elif body == b"stop":
            sys.settrace(None)
            self.active = False
        return body, TEXT

    def _enter(self, frame: FrameType, event: str, argument: object) -> Any:
        if not frame.f_globals["__name__"].startswith("xenops_cpu"):
            return None
        return self._step

    def _step(self, frame: FrameType, event: str, argument: object) -> Any:
        self.counts["lines"] += event == "line"
        return self._step

    def queue(self) -> OrderedDict[Any, None]:
        work = self

        class Queue(OrderedDict[Any, None]):
            def __iter__(self) -> Iterator[Any]:
                for item in super().__iter__():
                    work.counts["handed out"] += work.active
                    yield item

        return Queue()

    def reading(self, slot: Any) -> property:
        """The same attribute of a connection, counted when it is read."""

        def read(connection: Connection) -> Any:
            self.counts["read"] += self.active
            return slot.__get__(connection)

        return property(read, slot.__set__)


@pytest.fixture
def many_files() -> Iterator[None]:
    """Enough of them for both ends of every connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = 2 * MANY + 500
    if hard != resource.RLIM_INFINITY and hard < enough:
        pytest.skip(f"{hard} open files are allowed here: {enough} are needed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, enough), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def call(service: Running, body: bytes) -> None:
    with service.connect() as client:
        client.sendall(request(body))
        assert read_reply(client) == body


def work_among(idle: int, path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Of so many callers in turn, among `idle` connections of which some go and come.

    There is no room for more than these, so that every newcomer makes somebody go.
    """
    work = Work()
    monkeypatch.setattr(crowd, "OrderedDict", work.queue)
    for name in Connection.__slots__:
        monkeypatch.setattr(Connection, name, work.reading(vars(Connection)[name]))
    limits = evolve(
        LIMITS, connections=idle, process_connections=idle, user_connections=idle, idle_seconds=60.0
    )
    with running(path, work.answer, limits) as service, contextlib.ExitStack() as stack:
        others: deque[socket.socket] = deque()

        def come() -> None:
            others.append(stack.enter_context(service.connect()))

        for _ in range(idle):
            come()
        call(service, b"all of them are there")
        call(service, b"count")
        for number in range(CALLERS):
            call(service, b"%d" % number)
            others.popleft().close()
            come()
            others[-1].sendall(b"POST / HTTP/1.1\r\n")
        call(service, b"stop")
    monkeypatch.undo()
    return work.counts


def test_a_caller_costs_the_same_among_any_number(
    many_files: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accept, call and close take as many steps among 2,000 connections as among 50."""
    few = work_among(FEW, tmp_path / "few", monkeypatch)
    many = work_among(MANY, tmp_path / "many", monkeypatch)
    assert few["lines"] > CALLERS * 50  # the count counts
    assert few["read"] > CALLERS * 10
    assert few["handed out"] >= CALLERS
    for steps in ("lines", "read", "handed out"):
        assert many[steps] < few[steps] * 1.25 + SLACK, steps
