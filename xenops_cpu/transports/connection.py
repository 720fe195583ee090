"""What the server keeps of a client: its socket, who it is, what came from it and goes to it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections import deque
from typing import Any, NamedTuple, Protocol

from .. import files
from .http import RequestReader

READ = select.EPOLLIN
WRITE = select.EPOLLOUT

# A reply of more than this is not put together with its head: it would be copied for that.
_JOINED_BYTES = 64 * 1024
_PIECES = 64  # pieces of an answer handed to the kernel at once


class Spool(Protocol):
    """A reply that lies in a file, so that no memory is needed for it: sent by the kernel."""

    @property
    def length(self) -> int: ...

    def send(self, sock: socket.socket, offset: int) -> int:
        """Send from `offset` what the socket takes now. Raises BlockingIOError, OSError."""
        ...

    def read(self) -> bytes:
        """All of it."""
        ...

    def close(self) -> None: ...


class Peer(NamedTuple):
    """The process at the other end and its user, as the kernel says (SO_PEERCRED)."""

    pid: int
    uid: int

    def __str__(self) -> str:
        name = ""
        with contextlib.suppress(files.FileError):
            command = files.head(f"/proc/{self.pid}/comm", 64).decode(errors="replace")
            name = f" ({command.strip()})"
        if self.pid == os.getpid():
            return f"process {self.pid}"
        return f"process {self.pid}{name} of user {self.uid}"


def peer(sock: socket.socket) -> Peer:
    """Who is at the other end; 0 and -1 where the kernel does not say."""
    try:
        return Peer(
            *_CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[:2]
        )
    except OSError:
        return Peer(0, -1)


_CREDENTIALS = struct.Struct("iII")


class Outgoing:
    """What a client has not taken yet of its answers. Nothing is copied while it is sent.

    `pieces`: all of it, in order; none when it is empty. `memory`: the bytes of it that are held in
    memory; `spooled`: those that lie in files.
    """

    __slots__ = ("_offset", "memory", "pieces", "spooled")

    def __init__(self) -> None:
        self.pieces: deque[memoryview | Spool] = deque()
        self._offset = 0  # what is sent already of a first piece that is a file
        self.memory = 0
        self.spooled = 0

    def add(self, piece: bytes | memoryview | Spool) -> None:
        if isinstance(piece, bytes | memoryview):
            self.memory += len(piece)
            piece = memoryview(piece)
        else:
            self.spooled += piece.length
        self.pieces.append(piece)

    def send(self, sock: socket.socket) -> None:
        """Send what the socket takes now. Raises BlockingIOError when that is nothing, OSError."""
        pieces = self.pieces
        first = pieces[0]
        if not isinstance(first, memoryview):
            self._offset += first.send(sock, self._offset)
            if self._offset >= first.length:
                pieces.popleft()
                first.close()
                self.spooled -= first.length
                self._offset = 0
            return
        views: list[memoryview] = []
        for piece in pieces:
            if not isinstance(piece, memoryview) or len(views) == _PIECES:
                break
            views.append(piece)
        sent = sock.sendmsg(views)
        self.memory -= sent
        for view in views:
            if sent < len(view):
                pieces[0] = view[sent:]
                return
            sent -= len(view)
            pieces.popleft()

    def clear(self) -> None:
        for piece in self.pieces:
            if not isinstance(piece, memoryview):
                piece.close()
        self.pieces.clear()
        self.memory = self.spooled = 0


class Connection:
    """One client. The crowd keeps what state it is in; the conversation changes it.

    `spoke`: whether anything came from it. `keep`: whether it is kept after the long call in hand.
    `deadline`: by time.monotonic, when its time in this state is over. `held`, `unsent`, `spooled`:
    how much of its input and output the sums of all clients hold at present. `groups`: where the
    crowd counts it.
    """

    __slots__ = (
        "deadline",
        "events",
        "groups",
        "held",
        "keep",
        "out",
        "peer",
        "reader",
        "sock",
        "spoke",
        "spooled",
        "state",
        "unsent",
    )  # fmt: skip

    def __init__(self, sock: socket.socket, who: Peer, max_body: int, json: bool) -> None:
        self.sock = sock
        self.peer = who
        self.reader = RequestReader(max_body, json)
        self.out = Outgoing()
        self.held = 0
        self.unsent = 0
        self.spooled = 0
        self.spoke = False
        self.events = READ
        self.keep = True
        self.state = 0  # crowd.State.IDLE
        self.groups: tuple[Any, ...] = ()
        self.deadline = 0.0

    @property
    def settled(self) -> bool:
        """Whether nothing is here of it, unread or unsent, and it is waited for in this state."""
        return (
            not self.out.pieces
            and not self.reader.buffer
            and self.events == READ
            and not self.held
            and not self.unsent
            and not self.spooled
        )


def send(connection: Connection, head: bytes, body: bytes | Spool) -> None:
    """Send an answer, as far as the client takes it now; the rest of it waits in `out`.

    Raises OSError when the client has gone.
    """
    out = connection.out
    if isinstance(body, bytes) and len(body) <= _JOINED_BYTES:
        data = head + body
        if out.pieces:
            out.add(data)
            return
        try:
            sent = connection.sock.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            out.add(memoryview(data)[sent:])
        return
    waits = bool(out.pieces)
    out.add(head)
    out.add(body)
    if not waits:
        with contextlib.suppress(BlockingIOError):
            out.send(connection.sock)
