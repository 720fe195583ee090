"""Log lines in the form of xapi's daemons."""

import io
import logging
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.support.limits import reaches
from xenops_cpu import log
from xenops_cpu.limits.service import LIMITS, Limits
from xenops_cpu.log.handler import handler

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize(
    ("debug_info", "task", "trace"),
    [
        ("Async.host.stat R:1", "Async.host.stat R:1", ""),
        (f"t\n{TRACE}", "t", TRACE),
        (f't\n{{"traceparent": "{TRACE}", "baggage": "a=b"}}', "t", TRACE),
        ('t\n{"baggage": "a=b"}', "t", ""),
        ("t\n{broken", "t", ""),
        ("t\n[1]", "t", ""),
        ("", "", ""),
    ],
)
def test_debug_info(debug_info: str, task: str, trace: str) -> None:
    """Task and traceparent are taken out of each form of debug_info."""
    assert log.split_debug_info(debug_info) == (task, trace)


def test_a_line() -> None:
    """Time, level, traceparent, thread, task, module, message; one line whatever the text holds."""
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4} "
        rf"\[ info\|{TRACE}\|\d+\|my/task\|service\] first\\nsecond \[ error\|\]\n",
        line_of(f"my|task\n{TRACE}", "first\nsecond [ error|]"),
    )


@pytest.mark.parametrize("odd", ["\r", "\x1b[2J", "\0", "\x85", "\u2028", "\u202e"])
def test_what_cannot_be_printed_is_escaped(odd: str) -> None:
    """Neither a task nor a message brings a second line or a terminal's control codes along."""
    line = line_of(f"a{odd}b", f"c{odd}d")
    escaped = odd.encode("unicode_escape").decode()
    assert f"|a{escaped}b|service] c{escaped}d\n" in line
    assert line[:-1].isprintable()


def line_of(debug_info: str, message: str) -> str:
    """The line that a message makes in the log while a call with this debug_info is in hand."""
    stream = io.StringIO()
    root = logging.getLogger("xenops_cpu")
    before = (root.handlers, root.propagate, root.level)
    token = log.task.set(debug_info)
    try:
        log.to_stream("info", stream)
        logging.getLogger("xenops_cpu.service").info(message)
        logging.getLogger("xenops_cpu.service").debug("not shown")
    finally:
        log.task.reset(token)
        root.handlers, root.propagate = before[0], before[1]
        root.setLevel(before[2])
    return stream.getvalue()


@pytest.fixture
def lines() -> Iterator[logging.Logger]:
    """A logger of its own, without handlers."""
    logger = logging.Logger("xenops_cpu.test")
    yield logger
    for own in logger.handlers:
        own.close()


def written(lines: logging.Logger, limits: Limits = LIMITS) -> io.StringIO:
    """What the logger writes from now on."""
    stream = io.StringIO()
    lines.addHandler(handler(stream, limits))
    return stream


@reaches("log_line_bytes")
def test_a_long_line_is_shortened(lines: logging.Logger) -> None:
    """A line over the limit says how long it was; a letter is never cut in two."""
    stream = written(lines)
    lines.info("é" * 5000)
    text = stream.getvalue()
    assert len(text.encode()) <= LIMITS.log_line_bytes
    assert text.endswith(" … (10,000 bytes)\n")
    assert set(text.partition(" ")[0]) == {"é"}


@reaches("log_burst_bytes")
def test_a_kind_of_line_has_a_budget(lines: logging.Logger) -> None:
    """Beyond it lines are counted; other kinds are written all the same; the count is said."""
    stream = written(lines, evolve(LIMITS, log_burst_bytes=100, log_bytes_a_second=0))
    for number in range(50):
        lines.info("noise %d", number)
    lines.info("another kind")
    shown = stream.getvalue().splitlines()
    assert shown[:2] == ["noise 0", "noise 1"]
    assert shown[-1] == "another kind"
    omitted = 51 - len(shown)
    assert omitted > 30
    lines.handlers[0].flush()
    assert f"{omitted} more like this were left out: noise %d" in stream.getvalue()


@reaches("log_bytes_a_second")
def test_a_budget_grows_again(lines: logging.Logger) -> None:
    """With time a kind may write again, and says first what was left out."""
    limits = evolve(LIMITS, log_burst_bytes=20, log_bytes_a_second=1_000_000)
    stream = written(lines, limits)
    kind = handler(stream, limits)
    lines.handlers = [kind]
    lines.info("a line of %d", 1)
    next(iter(kind._kinds.values())).left = -1_000_000.0  # type: ignore[attr-defined]
    lines.info("a line of %d", 2)
    next(iter(kind._kinds.values())).left = 20.0  # type: ignore[attr-defined]
    lines.info("a line of %d", 3)
    assert stream.getvalue().splitlines() == [
        "a line of 1",
        "1 more like this were left out: a line of %d",
        "a line of 3",
    ]


@pytest.mark.parametrize("kind", ["pipe", "socket", "fifo"])
def test_nobody_reads(lines: logging.Logger, tmp_path: Path, kind: str) -> None:
    """A pipe or socket that is full never holds a line up; later it says how many it lost."""
    reading, writing = opened(kind, tmp_path)
    with open(writing, "w") as stream, open(reading, "rb", buffering=0) as reader:
        lines.addHandler(handler(stream, evolve(LIMITS, log_burst_bytes=1 << 30)))
        done = threading.Event()

        def flood() -> None:
            for number in range(2000):
                lines.info("x" * 3000 + " %d", number)
            done.set()

        threading.Thread(target=flood, daemon=True).start()
        assert done.wait(20), "a line waited for somebody to read"
        os.set_blocking(reading, False)
        seen = drained(reader)
        lines.info("last")
        seen += drained(reader)
        assert re.search(rb"lost \d+ lines: nobody read them\nlast\n$", seen)
        assert all(line.startswith((b"x", b"lost", b"last")) for line in seen.splitlines())
        assert os.get_blocking(writing), "the file of others does not wait any more"


def opened(kind: str, folder: Path) -> tuple[int, int]:
    """The two ends."""
    if kind == "pipe":
        return os.pipe()
    if kind == "socket":
        one, other = socket.socketpair()
        return one.detach(), other.detach()
    path = folder / "fifo"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    return reading, os.open(path, os.O_WRONLY)


def drained(reader: io.FileIO) -> bytes:
    seen = b""
    while more := reader.read(1 << 20):
        seen += more
    return seen


def test_a_line_that_cannot_be_formatted_is_said(lines: logging.Logger) -> None:
    """A fault in a log call costs a line and not the call."""
    stream = written(lines)
    lines.info("%d bytes", "three")
    assert "a log line that cannot be formatted" in stream.getvalue()
