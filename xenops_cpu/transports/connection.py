"""What the server keeps of a client, and what one client may cost."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct

from attrs import frozen

from ..wire import LIMITS
from .http import RequestReader

READ = select.EPOLLIN
WRITE = select.EPOLLOUT


@frozen
class Limits:
    """What one client may cost. Seconds are from the first byte of a request (`request`), of
    silence between requests (`idle`), for taking an answer (`write`), for leaving after a refusal
    (`leave`), for the calls in hand when the service stops (`stop`). `unsent_bytes` are the
    answers a client may leave unread before no more of its requests are looked at,
    `unfinished_bytes` the beginnings of requests held for all clients together. A body beyond
    `quick_bytes` may take a while to answer: it goes to a thread, `large_calls` at a time at most.
    """

    body_bytes: int = LIMITS.size
    connections: int = 2000
    request_seconds: float = 10.0
    idle_seconds: float = 60.0
    write_seconds: float = 10.0
    leave_seconds: float = 5.0
    stop_seconds: float = 5.0
    unsent_bytes: int = 256 * 1024
    unfinished_bytes: int = 24 * 1024 * 1024
    quick_bytes: int = 8 * 1024
    large_calls: int = 16


class Connection:
    """One client: its socket, what it has sent and not been answered, what it has not taken yet.

    `leaving`: its last answer is given. `busy`: a worker has its call, and the loop does not look
    at it meanwhile; `keep`: whether it is kept after that call. `deadline`: by time.monotonic.
    """

    __slots__ = ("busy", "deadline", "events", "held", "keep", "leaving", "out", "reader", "sock")

    def __init__(self, sock: socket.socket, limits: Limits, now: float) -> None:
        self.sock = sock
        self.reader = RequestReader(limits.body_bytes)
        self.out = b""
        self.held = 0
        self.events = READ
        self.leaving = False
        self.busy = False
        self.keep = True
        self.deadline = now + limits.idle_seconds

    @property
    def idle(self) -> bool:
        """Between two requests."""
        return not (self.busy or self.out or self.reader.missing)


def peer(sock: socket.socket) -> str:
    """Who is at the other end, for the log."""
    try:
        pid, uid, _gid = struct.unpack(
            "iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        )
    except OSError:
        return "a client"
    name = ""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/comm") as file:
        name = f" ({file.read().strip()})"
    return f"process {pid}{name} of user {uid}" if pid != os.getpid() else f"process {pid}"
