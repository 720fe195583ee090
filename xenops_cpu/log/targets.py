"""Where a daemon's log lines go on a host: syslog, as xapi's daemons do, or the journal.

Both are datagram sockets, written to without waiting and within the same limits as standard error
(handler). Who reads them may be started again at any time: then the next line connects anew.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable

from . import Formatter, split_debug_info, task, to_stream
from .handler import Handler, Output

SYSLOG, JOURNAL = "/dev/log", "/run/systemd/journal/socket"
IDENTIFIER = "xenops-cpu"

# RFC 5424, section 6.2.1: facilities and severities.
_FACILITIES = {"user": 1, "daemon": 3, **{f"local{number}": 16 + number for number in range(8)}}
_SEVERITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def to_target(target: str, level: str = "info", silent: Iterable[str] = ()) -> None:
    """Log to `target` (stderr, journal, syslog:FACILITY) from `level` on.

    `silent` are modules, by the last part of their name, that log nothing. Where the target is not
    there now, lines are dropped, counted, and the count is told when it comes.
    """
    to_stream(level)
    root = logging.getLogger("xenops_cpu")
    kind, _, facility = target.partition(":")
    if kind != "stderr":
        root.handlers = [_syslog(facility or "daemon") if kind == "syslog" else _journal()]
    settings(level, silent)


def settings(level: str, silent: Iterable[str] = ()) -> None:
    """Change what is logged, not where."""
    root = logging.getLogger("xenops_cpu")
    root.setLevel(level.upper())
    modules = frozenset(silent)
    for handler in root.handlers:
        handler.filters = [_Silence(modules)] if modules else []


class _Silence(logging.Filter):
    """Lets nothing of these modules pass."""

    def __init__(self, modules: frozenset[str]) -> None:
        super().__init__()
        self._modules = modules

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name.rpartition(".")[2] not in self._modules


def _syslog(facility: str) -> logging.Handler:
    return _handler(SYSLOG, _SyslogFormatter(_FACILITIES[facility]))


def _journal() -> logging.Handler:
    return _handler(JOURNAL, _JournalFormatter())


def _handler(address: str, formatter: logging.Formatter) -> logging.Handler:
    datagrams = _Datagrams(address)
    handler = Handler(Output(datagrams.put, datagrams.close))
    handler.setFormatter(formatter)
    return handler


class _Datagrams:
    """Lines to a datagram socket, one each, never waiting; connected when the first one comes."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._sock: socket.socket | None = None

    def put(self, line: bytes) -> int:
        """Raises OSError where it cannot be sent now."""
        for attempt in range(2):
            sock = self._sock or self._connect()
            try:
                # With its line feed: the journal passes over a field that has none.
                sock.send(line, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            except BlockingIOError:
                raise
            except OSError:
                # The reader was started again: its socket is another one now.
                self.close()
                if attempt:
                    raise
            else:
                break
        return len(line)

    def close(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        try:
            sock.connect(self._address)
        except OSError:
            sock.close()
            raise
        self._sock = sock
        return sock


class _SyslogFormatter(Formatter):
    """<priority>identifier[process]: line. The time is syslog's own."""

    def __init__(self, facility: int) -> None:
        super().__init__(with_time=False)
        self._facility = facility

    def format(self, record: logging.LogRecord) -> str:
        priority = self._facility << 3 | _severity(record)
        return f"<{priority}>{IDENTIFIER}[{os.getpid()}]: {super().format(record)}"


class _JournalFormatter(Formatter):
    """Fields as in systemd's "Native Journal Protocol": a line each, the message last."""

    def __init__(self) -> None:
        super().__init__(with_time=False)

    def format(self, record: logging.LogRecord) -> str:
        caller, trace = split_debug_info(task.get())
        fields = {
            "PRIORITY": str(_severity(record)),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "SYSLOG_PID": str(os.getpid()),
            "XENOPS_CPU_MODULE": record.name.rpartition(".")[2],
            "XAPI_TASK": " ".join(caller.split())[:200],
            "TRACEPARENT": trace,
            "MESSAGE": super().format(record),
        }
        return "\n".join(f"{name}={value}" for name, value in fields.items() if value)


def _severity(record: logging.LogRecord) -> int:
    return _SEVERITIES.get(record.levelname.lower(), 5)
