"""Log lines as xapi's daemons write them: [ level|traceparent|thread|task|module] message.

The task and the traceparent come with each call, in its debug_info: "<task>",
"<task>\\n<traceparent>" or "<task>\\n{"traceparent": ...}".
"""

from __future__ import annotations

import json
import logging
import re
import sys
from contextvars import ContextVar
from typing import TextIO

from ..text.escapes import escaped

_TRACE = re.compile(r"[0-9a-f-]{1,64}")

# The debug_info of the call in hand.
task: ContextVar[str] = ContextVar("task", default="")


def split_debug_info(debug_info: str) -> tuple[str, str]:
    """Task and traceparent ("" where there is none)."""
    name, _, trace = debug_info.partition("\n")
    trace = trace.strip()
    if trace.startswith("{"):
        try:
            trace = str(json.loads(trace).get("traceparent", ""))
        except (ValueError, RecursionError, AttributeError):
            trace = ""
    return name, trace if _TRACE.fullmatch(trace) else ""


class Formatter(logging.Formatter):
    """With the time in front, for standard error; without it for syslog, which adds its own."""

    def __init__(self, with_time: bool = True) -> None:
        super().__init__("%(asctime)s " if with_time else "", "%Y-%m-%dT%H:%M:%S%z")
        self._with_time = with_time

    def format(self, record: logging.LogRecord) -> str:
        name, trace = split_debug_info(task.get())
        time = self.formatTime(record, self.datefmt) + " " if self._with_time else ""
        module = record.name.rpartition(".")[2]
        message = record.getMessage()
        if record.exc_info:
            message += "\n" + self.formatException(record.exc_info)
        task_name = escaped(name.replace("|", "/")[:200])
        level = record.levelname.lower()
        # One event, one line, whatever a caller sends.
        return f"{time}[ {level}|{trace}|{record.thread}|{task_name}|{module}] {escaped(message)}"


def to_stream(level: str = "info", stream: TextIO | None = None) -> None:
    """Log to `stream` (standard error); never wait for whoever reads it."""
    from .handler import handler

    handling = handler(stream or sys.stderr)
    handling.setFormatter(Formatter())
    root = logging.getLogger("xenops_cpu")
    root.handlers = [handling]
    root.propagate = False
    root.setLevel(level.upper())
