"""HTTP over a Unix socket: one loop for all connections.

A call takes some tens of microseconds of pure Python, so threads would only take turns on the
interpreter's lock; one loop over epoll answers faster than a thread for each connection does, and
holds a thousand idle connections in a few MiB (docs/performance.md has the figures).

What the loop promises, so that no caller can keep it from the others:

1. A turn is a bounded piece of work: one chunk and one request of each connection that is ready
   (conversation), a few newcomers, those whose time is over.
2. What may take long is answered elsewhere: at most so many at once, and of one caller (workers).
3. Newcomers are taken out of the kernel's queue, in which everybody stands behind everybody, as
   quickly as can be; what is more work is done by turns of their processes (turns). So a flood
   of one process keeps its own newcomers waiting, and others hardly.
4. Who is in the way goes, never the newcomer; who that is takes constant time to tell (crowd).
5. What is held for all clients together is bounded: connections, unfinished requests (weights),
   unread answers.
6. Without a free file it waits for one, and does not ask again and again.
7. When it is told to stop, whatever had been sent by then is answered, also to those who were not
   accepted yet.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import select
import signal
import socket
import threading
import time
from collections.abc import Iterator

from ..limits.service import LIMITS, Limits
from .connection import READ, Connection, Peer, peer
from .conversation import Answers, Conversations
from .crowd import IDLE, LEAVING, READING, REFUSING, WRITING, Crowd
from .turns import Turns

log = logging.getLogger(__name__)

_CHECK_SECONDS = 0.2
# In a turn of the loop; and how many are accepted for each of them when newcomers wait: so many
# that the work of letting one in is small beside that.
_LET_IN = 4
_ACCEPTED = 32
_PAUSE_SECONDS = 1.0
# Who had come, but not said anything yet when the service stops, gets this long to do so.
_GRACE_SECONDS = 0.2
# Another process with this socket was quicker; or it is shut down, and nobody is left.
_NOBODY = (errno.EAGAIN, errno.EINVAL)
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server:
    """Serves `listener` until stop is called, from a signal handler or another thread.

    `json`: whether callers read JSON who do not say what they read. `ours`: whether the listener
    ends with this server; else whoever comes when it stops waits for the next one.
    """

    def __init__(
        self,
        listener: socket.socket,
        answers: Answers,
        limits: Limits = LIMITS,
        json: bool = False,
        ours: bool = True,
    ) -> None:
        self._listener = listener
        self._limits = limits
        self._json = json
        self._ours = ours
        self._epoll = select.epoll()
        knocking = select.poll()
        knocking.register(listener, select.POLLIN)
        self._knocks = knocking.poll
        self._newcomers: Turns[tuple[socket.socket, Peer]] = Turns()
        self._crowd = Crowd(limits)
        self._talk = Conversations(self._epoll, self._crowd, answers, limits, self._wake)
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._next_check = 0.0
        self._paused_until = 0.0  # 0: not paused
        self._made_room = 0  # since it was last said
        self._gone: Peer | None = None
        self._stopping = False
        self._open = True  # whether somebody may still wait in the kernel's queue

    def stop(self) -> None:
        """Finish what has been sent and come back from serve."""
        self._stopping = True
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: the loop will wake up
            self._wake_write.send(b"\0")

    def serve(self) -> None:
        """The loop. Comes back after stop; every connection is closed then."""
        self._listener.setblocking(False)
        self._epoll.register(self._listener.fileno(), READ)
        self._epoll.register(self._wake_read.fileno(), READ)
        try:
            with _woken_by_signals(self._wake_write):
                while not self._stopping:
                    self._turn(_CHECK_SECONDS if self._crowd or self._paused_until else None)
                self._finish()
        finally:
            for connection in self._crowd:
                self._talk.close(connection)
            while self._newcomers:
                self._newcomers.next()[1][0].close()
            self._listener.close()
            self._epoll.close()
            self._wake_read.close()
            self._wake_write.close()

    def _turn(self, seconds: float | None) -> None:
        """Wait, and do what is due on each connection that is ready."""
        talk, find = self._talk, self._crowd.get
        waiting = bool(self._newcomers)
        for fd, event in self._epoll.poll(0 if talk.more or waiting else seconds):
            connection = find(fd)
            if connection is not None:
                talk.step(connection, event)
            elif fd == self._listener.fileno():
                self._admit()
                waiting = False
            elif fd == self._wake_read.fileno():
                with contextlib.suppress(BlockingIOError):
                    self._wake_read.recv(64)
                talk.collect()
        if waiting:
            self._admit()
        if talk.more:
            talk.go_on()
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_SECONDS
            self._check(now)

    def _check(self, now: float) -> None:
        if self._made_room:
            log.warning(
                "%d connections: closed %d to make room, the last of them of %s",
                len(self._crowd),
                self._made_room,
                self._gone,
            )
            self._made_room = 0
        for connection in self._crowd.late(now):
            try:
                self._cut_off(connection)
            except OSError:
                self._talk.close(connection)
        if self._paused_until and now >= self._paused_until:
            self._paused_until = 0.0
            if not self._stopping:
                self._epoll.register(self._listener.fileno(), READ)

    def _admit(self) -> None:
        """Some newcomers: each at once, or by turns of their processes when there are too many."""
        newcomers, most = self._newcomers, self._limits.connections
        for _ in range(_LET_IN):
            if self._stopping and len(self._crowd) >= most:
                return
            if newcomers:
                self._queue(_ACCEPTED)
            newcomer = newcomers.next()[1] if newcomers else self._accept()
            if newcomer is None:
                return
            self._let_in(*newcomer)
        self._queue(_LET_IN * _ACCEPTED)

    def _queue(self, most: int) -> None:
        """So many of those who wait in the kernel wait for their turn here from now on."""
        newcomers = self._newcomers
        for _ in range(min(most, self._limits.newcomers - len(newcomers))):
            newcomer = self._accept()
            if newcomer is None:
                return
            newcomers.add(newcomer[1].pid, newcomer)

    def _accept(self) -> tuple[socket.socket, Peer] | None:
        """Who waits first in the kernel's queue, in which everybody stands behind everybody."""
        # To accept when nobody is there would be as much work as to accept somebody.
        if self._paused_until or not self._open or not self._knocks(0):
            return None
        try:
            sock, _ = self._listener.accept()
        except OSError as error:
            if error.errno in _NOBODY:
                self._open = not self._stopping
            else:
                self._without_files(error)
            return None
        return sock, peer(sock)

    def _let_in(self, sock: socket.socket, who: Peer) -> None:
        sock.setblocking(False)
        connection = Connection(sock, who, self._limits.size, self._json)
        self._crowd.add(connection)
        self._epoll.register(sock.fileno(), READ)
        # Nobody goes for the last who come: there is room for them, or they wait.
        leaving = None if self._stopping else self._crowd.surplus(connection)
        if leaving is not None:
            self._make_room(leaving)
        # Most often the request is on its heels: that saves a wait.
        self._talk.step(connection, READ)

    def _without_files(self, error: OSError) -> None:
        """No file for the newcomer: somebody else's, or wait until there is one."""
        if self._newcomers:  # they first
            return
        leaving = self._crowd.first_to_go() if error.errno in _NO_MORE_FILES else None
        if leaving is not None and not self._paused_until:
            self._make_room(leaving)
            return
        log.warning("cannot accept connections: %s; trying again each second", error.strerror)
        if not self._paused_until and not self._stopping:
            self._epoll.unregister(self._listener.fileno())
        self._paused_until = time.monotonic() + _PAUSE_SECONDS

    def _make_room(self, leaving: Connection) -> None:
        if not self._made_room:
            self._next_check = 0.0  # say it soon, and then not for each of them
        self._made_room += 1
        self._gone = leaving.peer
        self._talk.close(leaving)

    def _cut_off(self, connection: Connection) -> None:
        limits = self._limits
        if connection.state == READING:
            missing = connection.reader.missing or "the request has only begun"
            self._talk.leave(connection, f"{missing}, after {limits.request_seconds:g} s")
            return
        if connection.state == REFUSING:
            self._talk.leave(connection, connection.reader.missing)
            return
        if connection.state == WRITING:
            log.warning("cut off %s: it does not read its answer", connection.peer)
        elif connection.state == IDLE:
            log.info("closed the connection of %s: %g s idle", connection.peer, limits.idle_seconds)
        self._talk.close(connection)

    def _finish(self) -> None:
        """Answer what had been sent. Who comes from now on is told that nobody listens."""
        end = time.monotonic() + self._limits.stop_seconds
        with contextlib.suppress(KeyError, OSError):  # paused: not registered
            self._epoll.unregister(self._listener.fileno())
        if self._ours:
            self._listener.shutdown(socket.SHUT_RD)
        self._open = self._ours
        while (now := time.monotonic()) < end:
            if self._open:
                self._admit()
            self._let_go(now)
            if not self._crowd and not self._newcomers and not self._open:
                return
            self._turn(0 if self._open and not self._paused_until else 0.02)
        for connection in self._crowd:
            if connection.state != IDLE and connection.state != LEAVING:
                log.warning("stopping with a call unfinished: %s", connection.peer)

    def _let_go(self, now: float) -> None:
        """Close those who want nothing; what they have sent meanwhile is read first."""
        for connection in self._crowd.waiting(IDLE):
            self._talk.step(connection, READ)
            since = connection.deadline - self._limits.idle_seconds
            if (
                connection.state == IDLE
                and connection.sock.fileno() >= 0
                and (connection.spoke or now - since > _GRACE_SECONDS)
            ):
                self._talk.close(connection)
        for connection in self._crowd.waiting(LEAVING):
            if not connection.out.pieces:
                self._talk.close(connection)


@contextlib.contextmanager
def _woken_by_signals(wake: socket.socket) -> Iterator[None]:
    """A signal ends the wait also when it comes just before, or to another thread.

    Python calls its handler only when the main thread goes on; and nothing else would wake that.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


__all__ = ["Answers", "Limits", "Server"]
