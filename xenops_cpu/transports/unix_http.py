"""HTTP over a Unix socket: one loop for all connections.

A call takes some tens of microseconds of pure Python, so threads would only take turns on the
interpreter's lock; one loop over epoll answers faster than a thread for each connection does,
holds a thousand idle connections in a few MiB, and cannot be held up by a slow client
(docs/performance.md has the figures). A large body, which may take long to answer, goes to a
worker thread; `answer` is called with a whole body, from there or from the loop, and never raises.

A connection is reading (requests are answered in order), or leaving: its last answer is written,
what the client still sends is read and dropped, so that the client gets to read the answer
instead of a broken connection. Everything has a deadline.
"""

from __future__ import annotations

import contextlib
import logging
import math
import select
import socket
import time
from collections.abc import Callable

from .connection import READ, WRITE, Connection, Limits, peer
from .http import HttpError, Request, response
from .workers import Workers

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_CHECK_SECONDS = 0.5


class Server:
    """Serves `listener` until stop is called, from a signal handler or another thread.

    `answer` takes a body and gives (reply, content type); `refuse` takes a message and whether the
    caller speaks JSON, and gives the same for a request that cannot be taken.
    """

    def __init__(
        self,
        listener: socket.socket,
        answer: Callable[[bytes], tuple[bytes, str]],
        refuse: Callable[[str, bool], tuple[bytes, str]],
        limits: Limits | None = None,
    ) -> None:
        self._listener = listener
        self._answer = answer
        self._workers: Workers[Connection] = Workers(
            answer, self._wake, most=(limits or Limits()).large_calls
        )
        self._refuse = refuse
        self._limits = limits or Limits()
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._held = 0
        self._next_check = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Finish the calls in hand and come back from serve."""
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            self._wake_write.send(b"\0")

    def serve(self) -> None:
        """The loop. Comes back after stop; every connection is closed then."""
        listener = self._listener
        listener.setblocking(False)
        self._epoll.register(listener.fileno(), READ)
        self._epoll.register(self._wake_read.fileno(), READ)
        try:
            while not self._stopping:
                self._turn()
            self._epoll.unregister(listener.fileno())
            listener.close()
            self._finish()
        finally:
            for connection in list(self._connections.values()):
                self._close(connection)
            self._epoll.close()
            self._wake_read.close()
            self._wake_write.close()

    def _finish(self) -> None:
        end = time.monotonic() + self._limits.stop_seconds
        while time.monotonic() < end:
            for connection in list(self._connections.values()):
                if connection.idle or (connection.leaving and not connection.out):
                    self._close(connection)
            if not self._connections:
                return
            self._turn()
        for connection in self._connections.values():
            log.warning("stopping with a call unfinished: %s", peer(connection.sock))

    def _turn(self) -> None:
        """Wait, and do what is due on each connection that is ready."""
        for fd, event in self._epoll.poll(_CHECK_SECONDS if self._connections else None):
            connection = self._connections.get(fd)
            if connection is not None:
                self._step(connection, event)
            elif fd == self._listener.fileno():
                self._accept()
            elif fd == self._wake_read.fileno():
                with contextlib.suppress(BlockingIOError):
                    self._wake_read.recv(64)
                self._collect()
        self._cut_off_the_late()

    def _accept(self) -> None:
        # Not more than a few in a row: the connections there are have their turn as well.
        for _ in range(64):
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                log.warning("cannot accept a connection: %s", error.strerror)
                self._drop_the_longest_idle()
                return
            sock.setblocking(False)
            connection = Connection(sock, self._limits, time.monotonic())
            self._connections[sock.fileno()] = connection
            self._epoll.register(sock.fileno(), READ)
            if len(self._connections) > self._limits.connections:
                self._drop_the_longest_idle()
            # Most often the request is on its heels: that saves a wait.
            self._step(connection, READ)

    def _step(self, connection: Connection, event: int) -> None:
        try:
            if event & WRITE:
                self._write(connection)
            elif connection.leaving:
                self._drop_input(connection)
            else:
                self._read(connection)
        except BlockingIOError:
            return
        except OSError as error:
            if connection.reader.missing or connection.out:
                log.info("%s went away within a call: %s", peer(connection.sock), error.strerror)
            self._close(connection)
        except Exception:
            # A fault of ours on one connection must not end the service for all others.
            log.exception("lost the connection of %s", peer(connection.sock))
            self._close(connection)

    def _read(self, connection: Connection) -> None:
        data = connection.sock.recv(_CHUNK)
        reader = connection.reader
        if not data:
            self._end_of_input(connection)
            return
        if not reader.buffer:
            connection.deadline = time.monotonic() + self._limits.request_seconds
        reader.buffer += data
        self._answer_all(connection)
        self._account(connection)

    def _account(self, connection: Connection) -> None:
        """Keep the sum of what is held of unfinished requests, and the sum within its limit."""
        held = len(connection.reader.buffer)
        self._held += held - connection.held
        connection.held = held
        if self._held > self._limits.unfinished_bytes:
            largest = max(self._connections.values(), key=lambda c: 0 if c.busy else c.held)
            try:
                self._leave(largest, "too many unfinished calls at once; this is the largest")
            except OSError:  # its client has gone: that is not this connection's trouble
                self._close(largest)

    def _answer_all(self, connection: Connection) -> None:
        """Answer the requests that have arrived, until the client must take some answers first."""
        reader = connection.reader
        while len(connection.out) < self._limits.unsent_bytes:
            try:
                request = reader.next()
            except HttpError as error:
                self._leave(connection, str(error))
                return
            if request is None:
                break
            if len(request.body) > self._limits.quick_bytes:
                self._hand_over(connection, request)
                return
            if not self._reply(connection, self._answer(request.body), request.keep_alive):
                return
        self._watch(connection)

    def _reply(self, connection: Connection, reply: tuple[bytes, str], keep: bool) -> bool:
        """Send an answer; False when it was the connection's last."""
        self._send(connection, response(*reply, keep_alive=keep))
        if not keep:
            self._depart(connection)
            return False
        limits = self._limits
        connection.deadline = time.monotonic() + (
            limits.request_seconds if connection.reader.buffer else limits.idle_seconds
        )
        return True

    def _hand_over(self, connection: Connection, request: Request) -> None:
        """Let a worker answer; the connection waits for it and is not looked at meanwhile."""
        if not self._workers.take(connection, request.body):
            self._leave(connection, "too many large calls at once; try again")
            return
        connection.busy = True
        connection.keep = request.keep_alive
        connection.deadline = math.inf
        self._epoll.unregister(connection.sock.fileno())

    def _collect(self) -> None:
        """Send what the workers have answered, and go on with those connections."""
        for connection, reply in self._workers.finished():
            connection.busy = False
            if connection.sock.fileno() < 0:
                continue  # closed meanwhile, to make room
            if reply is None:
                self._close(connection)
                continue
            connection.events = READ
            self._epoll.register(connection.sock.fileno(), READ)
            try:
                if self._reply(connection, reply, connection.keep):
                    self._answer_all(connection)
                    self._account(connection)
            except OSError as error:
                log.info("%s did not wait: %s", peer(connection.sock), error.strerror)
                self._close(connection)

    def _end_of_input(self, connection: Connection) -> None:
        """The client sends no more; it may still read."""
        missing = connection.reader.missing
        if missing:
            self._leave(connection, missing)
        elif connection.out:
            self._depart(connection)
        else:
            self._close(connection)

    def _leave(self, connection: Connection, message: str) -> None:
        """Answer a request that cannot be taken, and let the client go."""
        json = connection.reader.looks_like_json
        log.warning("refused a request of %s: %s", peer(connection.sock), message)
        self._send(connection, response(*self._refuse(message, json), keep_alive=False))
        self._depart(connection)

    def _depart(self, connection: Connection) -> None:
        connection.leaving = True
        connection.reader.buffer.clear()
        self._account(connection)
        connection.deadline = time.monotonic() + self._limits.leave_seconds
        self._watch(connection)
        if not connection.out:
            connection.sock.shutdown(socket.SHUT_WR)

    def _drop_input(self, connection: Connection) -> None:
        if not connection.sock.recv(_CHUNK):
            self._close(connection)

    def _send(self, connection: Connection, data: bytes) -> None:
        if not connection.out:
            try:
                sent = connection.sock.send(data)
            except BlockingIOError:
                sent = 0
            data = data[sent:]
        connection.out += data

    def _write(self, connection: Connection) -> None:
        connection.out = connection.out[connection.sock.send(connection.out) :]
        if connection.out:
            return
        if connection.leaving:
            self._depart(connection)
        else:
            self._answer_all(connection)
            self._account(connection)

    def _watch(self, connection: Connection) -> None:
        """While an answer is unsent nothing is read: the client has to take it first."""
        if connection.out and not connection.leaving:
            connection.deadline = time.monotonic() + self._limits.write_seconds
        events = WRITE if connection.out else READ
        if events != connection.events:
            connection.events = events
            self._epoll.modify(connection.sock.fileno(), events)

    def _close(self, connection: Connection) -> None:
        self._connections.pop(connection.sock.fileno(), None)
        self._held -= connection.held
        connection.held = 0
        connection.sock.close()

    def _cut_off_the_late(self) -> None:
        now = time.monotonic()
        if now < self._next_check:
            return
        self._next_check = now + _CHECK_SECONDS
        for connection in [c for c in self._connections.values() if c.deadline < now]:
            try:
                self._cut_off(connection)
            except OSError:
                self._close(connection)

    def _cut_off(self, connection: Connection) -> None:
        missing = connection.reader.missing
        if connection.out:
            log.warning("cut off %s: it does not read its answer", peer(connection.sock))
            self._close(connection)
        elif connection.leaving or not missing:
            if not connection.leaving:
                seconds = self._limits.idle_seconds
                log.info("closed the connection of %s: %g s idle", peer(connection.sock), seconds)
            self._close(connection)
        else:
            seconds = self._limits.request_seconds
            self._leave(connection, f"{missing}, after {seconds:g} s")

    def _drop_the_longest_idle(self) -> None:
        """Make room. A connection between two requests has nothing to lose but its comfort."""
        idle = [c for c in self._connections.values() if c.idle]
        late = min(idle or self._connections.values(), key=lambda c: c.deadline, default=None)
        if late is not None:
            count = len(self._connections)
            log.warning("%d connections: closing that of %s", count, peer(late.sock))
            self._close(late)
