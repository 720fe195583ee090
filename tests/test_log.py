"""Log lines in the form of xapi's daemons."""

import io
import logging
import re

import pytest

from xenops_cpu import log

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
