"""Writing log lines without ever waiting, and without filling anybody's disk.

Whoever reads the log may stop reading, and the callers are not to wait for that: lines that cannot
be written at once are dropped, counted, and the count is written later. Callers can make lines at
will, with calls that are valid or not; so each kind of line (one place in the code) has a budget of
bytes, and beyond it lines are counted as well.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
import time
from collections.abc import Callable
from typing import TextIO

from ..limits.service import LIMITS, Limits

# A pipe takes so many bytes whole or not at all (POSIX: at least 512; Linux: 4096).
_WHOLE_BYTES = 4096


def handler(stream: TextIO | None, limits: Limits = LIMITS) -> logging.Handler:
    """A handler that writes to `stream`, whatever that is; None: a closed one."""
    return logging.NullHandler() if stream is None else Handler(_output(stream), limits)


class _Kind:
    """What lines of one kind may still take, and how many of them were left out."""

    __slots__ = ("left", "moment", "omitted")

    def __init__(self, left: float, now: float) -> None:
        self.left = left
        self.moment = now
        self.omitted = 0


class Handler(logging.Handler):
    """Writes to `output`, within the limits."""

    def __init__(self, output: Output, limits: Limits = LIMITS) -> None:
        super().__init__()
        self._output = output
        self._limits = limits
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        kind = self._kind(record)
        if kind.left <= 0:
            kind.omitted += 1
            return
        if kind.omitted:
            omitted, kind.omitted = kind.omitted, 0
            self._say(record, "%d more like this were left out: %s", omitted, str(record.msg)[:80])
        if self._lost:
            lost = self._lost
            if not self._say(record, "lost %d lines: nobody read them", lost):
                self._lost += 1
                return
            self._lost -= lost
        written = self._put(record)
        kind.left -= written
        if not written:
            self._lost += 1

    def flush(self) -> None:
        """Say what has not been said of lines left out; Python calls it at the end."""
        for (name, text), kind in self._kinds.items():
            if kind.omitted:
                omitted, kind.omitted = kind.omitted, 0
                record = logging.LogRecord(name, logging.INFO, "", 0, "", (), None)
                self._say(record, "%d more like this were left out: %s", omitted, text[:80])

    def close(self) -> None:
        self._output.close()
        super().close()

    def _kind(self, record: logging.LogRecord) -> _Kind:
        """By the place in the code: the text before its arguments are put in."""
        now = time.monotonic()
        kind = self._kinds.get((record.name, str(record.msg)[:200]))
        if kind is None:
            if len(self._kinds) >= 1000:  # texts that are no constants: not in this program
                self._kinds.clear()
            kind = _Kind(self._limits.log_burst_bytes, now)
            self._kinds[record.name, str(record.msg)[:200]] = kind
            return kind
        left = kind.left + (now - kind.moment) * self._limits.log_bytes_a_second
        kind.left = min(left, self._limits.log_burst_bytes)
        kind.moment = now
        return kind

    def _say(self, near: logging.LogRecord, text: str, *arguments: object) -> bool:
        record = logging.LogRecord(
            __name__, logging.WARNING, "", 0, text, arguments, None, None, None
        )
        record.thread = near.thread
        return bool(self._put(record))

    def _put(self, record: logging.LogRecord) -> int:
        """The bytes written; 0 when nobody could take them."""
        try:
            line = self.format(record)
        except Exception as error:  # a fault in a log call must not end a call
            line = f"a log line that cannot be formatted: {record.msg!r:.200} ({error})"
        data = _shortened(line, self._limits.log_line_bytes)
        return len(data) if self._output.write(data) else 0


def _shortened(line: str, most: int) -> bytes:
    """The line as bytes with its end, at most so many, and what was cut off said."""
    data = line.encode("utf-8", "backslashreplace")
    if len(data) < most:
        return data + b"\n"
    note = f" … ({len(data):,} bytes)\n".encode()
    return data[: most - len(note)].decode("utf-8", "ignore").encode() + note


class Output:
    """A place for lines. `put` takes what it can of bytes without waiting, or raises OSError."""

    def __init__(
        self, put: Callable[[bytes], int], close: Callable[[], object] = lambda: None
    ) -> None:
        self._put = put
        self.close = close
        self._remainder = b""  # a terminal or a socket may take a part of a line

    def write(self, line: bytes) -> bool:
        """Whether the line is written, at least in part; the rest of it goes before the next."""
        try:
            if self._remainder:
                self._remainder = self._remainder[self._put(self._remainder) :]
                if self._remainder:
                    return False
            self._remainder = line[self._put(line) :]
        except OSError:
            return False
        return True


def _output(stream: TextIO) -> Output:
    try:
        fd = stream.fileno()
    except OSError:  # no file: a stream in memory
        return Output(lambda data: _write_text(stream, data))
    mode = os.fstat(fd).st_mode
    if stat.S_ISSOCK(mode):  # for instance journald's
        sock = socket.socket(fileno=os.dup(fd))
        now = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        return Output(lambda data: sock.send(data, now), sock.close)
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        # A description of our own that never waits: the one we were started with may be shared with
        # others, who do not expect that.
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_APPEND | os.O_NOCTTY | os.O_CLOEXEC
        with contextlib.suppress(OSError):
            own = os.open(f"/proc/self/fd/{fd}", flags)
            return Output(lambda data: os.write(own, data), lambda: os.close(own))
    if stat.S_ISFIFO(mode):
        return Output(_put_into_foreign_pipe(fd))
    return Output(lambda data: os.write(fd, data))


def _put_into_foreign_pipe(fd: int) -> Callable[[bytes], int]:
    """Of another user, so that it cannot be opened anew. Ready means room for _WHOLE_BYTES."""
    import select

    poll = select.poll()
    poll.register(fd, select.POLLOUT)

    def put(data: bytes) -> int:
        if not poll.poll(0):
            raise BlockingIOError
        return os.write(fd, data[:_WHOLE_BYTES])

    return put


def _write_text(stream: TextIO, data: bytes) -> int:
    try:
        stream.write(data.decode("utf-8", "replace"))
    except ValueError as error:  # closed
        raise OSError(str(error)) from error
    return len(data)
