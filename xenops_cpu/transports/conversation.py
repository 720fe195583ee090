"""What is said on a connection: requests in, answers out, and the last word to who must go.

A turn of the loop does one bounded piece of work for a connection: it reads one chunk and answers
one request. Whoever has sent several requests at once waits for the next turn like everybody else
(`more`). What may take long goes to the workers; the connection is not looked at meanwhile.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Callable
from itertools import chain
from typing import NamedTuple

from ..limits.service import Limits
from .connection import READ, WRITE, Connection, Spool, send
from .crowd import BUSY, IDLE, LEAVING, READING, REFUSING, WRITING, Crowd
from .http import HttpError, Request, response_head
from .weights import Weights
from .workers import Workers

log = logging.getLogger(__name__)

_CHUNK = 64 * 1024

Reply = tuple[bytes | Spool, str]


class Answers(NamedTuple):
    """What the transport asks: body in, (reply, content type) out. None of these may raise.

    `quick` answers in the loop, or says None to a call that may take long; `long` answers such a
    call on a thread; `refuse` makes the answer to a request that cannot be taken out of a message
    and whether the caller reads JSON; `waits` tells of a long call whether it only waits, so that
    it must not take a thread from those that work.
    """

    quick: Callable[[Request], Reply | None]
    long: Callable[[Request], Reply]
    refuse: Callable[[str, bool], Reply]
    waits: Callable[[Request], bool] = lambda request: False


class Conversations:
    """Carries on those of all connections of the crowd."""

    def __init__(
        self,
        epoll: select.epoll,
        crowd: Crowd,
        answers: Answers,
        limits: Limits,
        wake: Callable[[], None],
    ) -> None:
        self._epoll = epoll
        self._crowd = crowd
        self._answers = answers
        self._limits = limits
        self._workers: Workers[Connection, Reply] = Workers(
            answers.long, wake, limits.helpers, limits.large_calls, limits.caller_calls
        )
        self._waiters: Workers[Connection, Reply] = Workers(
            answers.long, wake, limits.waiting_calls, limits.waiting_calls, limits.caller_waits
        )
        # Who has another request here, so that the loop must not wait.
        self.more: dict[Connection, None] = {}
        self._unfinished = Weights()
        self._unsent = self._spooled = 0

    def step(self, connection: Connection, event: int) -> None:
        """Do what is due on a connection that is ready; a client that has gone is closed."""
        try:
            if event & WRITE:
                self._write(connection)
            elif connection.state == LEAVING:
                self._drop_input(connection)
            elif connection not in self.more:
                self._read(connection)
        except BlockingIOError:
            return
        except OSError as error:
            if connection.reader.missing or connection.out.pieces:
                log.info("%s went away within a call: %s", connection.peer, error.strerror)
            self.close(connection)
        except Exception:
            # A fault of ours on one connection must not end the service for all others.
            log.exception("lost the connection of %s", connection.peer)
            self.close(connection)

    def go_on(self) -> None:
        """One more request of each connection that has one here."""
        for connection in list(self.more):
            self.more.pop(connection, None)
            self._guarded(connection, self._answer_next)

    def collect(self) -> None:
        """Send what the workers have answered, and go on with those connections."""
        for connection, reply in chain(self._workers.finished(), self._waiters.finished()):
            if connection.sock.fileno() < 0:
                if reply is not None and not isinstance(reply[0], bytes):
                    reply[0].close()
            elif reply is None:
                self.close(connection)
            else:
                self._epoll.register(connection.sock.fileno(), READ)
                connection.events = READ
                self._guarded(connection, self._answered, reply)

    def _guarded(self, connection: Connection, action: Callable[..., None], *reply: Reply) -> None:
        try:
            action(connection, *reply)
        except OSError as error:
            log.info("%s did not wait: %s", connection.peer, error.strerror)
            self.close(connection)
        except Exception:
            log.exception("lost the connection of %s", connection.peer)
            self.close(connection)

    def _read(self, connection: Connection) -> None:
        data = connection.sock.recv(_CHUNK)
        if not data:
            self._end_of_input(connection)
            return
        connection.spoke = True
        reader = connection.reader
        request = reader.only(data)
        if request is not None:
            self._answer(connection, request)
        else:
            reader.buffer += data
            self._answer_next(connection)

    def _answer_next(self, connection: Connection) -> None:
        """Answer the first request of what has arrived; what comes behind it waits for its turn."""
        try:
            request = connection.reader.next()
        except HttpError as error:
            self.leave(connection, str(error))
            return
        if request is None:
            self._settle(connection, answered=False)
        else:
            self._answer(connection, request)

    def _answer(self, connection: Connection, request: Request) -> None:
        quick = len(request.body) <= self._limits.quick_bytes
        reply = self._answers.quick(request) if quick else None
        if reply is None:
            self._hand_over(connection, request)
        else:
            connection.keep = request.keep_alive
            self._answered(connection, reply)

    def _answered(self, connection: Connection, reply: Reply) -> None:
        """Send the answer to a request, and see what comes next."""
        self._send(connection, reply, connection.keep)
        if not connection.keep:
            self._depart(connection)
        elif connection.settled:
            self._crowd.enter(connection, IDLE)
        else:
            self._settle(connection, answered=True)

    def _send(self, connection: Connection, reply: Reply, keep: bool) -> None:
        body, kind = reply
        length = len(body) if isinstance(body, bytes) else body.length
        send(connection, response_head(length, kind, keep), body)

    def _settle(self, connection: Connection, answered: bool) -> None:
        """The state that follows from what is unsent and unread; `answered`: a request just was."""
        crowd, out, unread = self._crowd, connection.out, connection.reader.buffer
        if out.pieces:
            # Nothing is read while an answer is unsent: the client has to take it first.
            crowd.enter(connection, WRITING)
            self._watch(connection, WRITE)
            if answered and unread and not out.spooled and out.memory < self._limits.unsent_bytes:
                self.more[connection] = None
        else:
            if unread:
                state = REFUSING if connection.reader.refusing else READING
                if answered or connection.state != state:
                    crowd.enter(connection, state)
                if answered:
                    self.more[connection] = None
            else:
                crowd.enter(connection, IDLE)
            self._watch(connection, READ)
        self._account(connection)

    def _hand_over(self, connection: Connection, request: Request) -> None:
        """Let a worker answer; the connection waits for it."""
        workers = self._waiters if self._answers.waits(request) else self._workers
        refusal = workers.take(connection, connection.peer.pid, request)
        if refusal:
            self.leave(connection, refusal, request.looks_like_json)
            return
        connection.keep = request.keep_alive
        self._crowd.enter(connection, BUSY)
        self._epoll.unregister(connection.sock.fileno())
        self._account(connection)

    def _account(self, connection: Connection) -> None:
        """Keep the sums of what is held for all clients, and the sums within their limits."""
        held, out = len(connection.reader.buffer), connection.out
        if (
            held == connection.held
            and out.memory == connection.unsent
            and out.spooled == connection.spooled
        ):
            return
        limits = self._limits
        self._unsent += out.memory - connection.unsent
        self._spooled += out.spooled - connection.spooled
        connection.unsent, connection.spooled = out.memory, out.spooled
        self._unfinished.weigh(connection, held)
        if self._unfinished.total > limits.unfinished_bytes:
            self._refuse_the_largest()
        if self._unsent > limits.all_unsent_bytes or self._spooled > limits.spooled_bytes:
            self._drop_the_unread()

    def _refuse_the_largest(self) -> None:
        largest = self._unfinished.heaviest()
        if largest is None:
            return
        try:
            self.leave(largest, "too many unfinished calls at once; this is one of the largest")
        except OSError:  # its client has gone: that is not this connection's trouble
            self.close(largest)

    def _drop_the_unread(self) -> None:
        """The client that has not taken anything for longest."""
        connection = self._crowd.first(WRITING)
        if connection is not None:
            log.warning(
                "cut off %s: too many answers are not read, and its is the oldest", connection.peer
            )
            self.close(connection)

    def _end_of_input(self, connection: Connection) -> None:
        """The client sends no more; it may still read."""
        missing = connection.reader.missing
        if missing:
            self.leave(connection, missing)
        elif connection.out.pieces:
            self._depart(connection)
        else:
            self.close(connection)

    def leave(self, connection: Connection, message: str, json: bool | None = None) -> None:
        """Answer a request that cannot be taken, and let the client go. Raises OSError.

        `json`: whether its client reads that; None: as what has arrived looks.
        """
        log.warning("refused a request of %s: %s", connection.peer, message)
        looks = connection.reader.looks_like_json if json is None else json
        reply = self._answers.refuse(message, looks)
        self._send(connection, reply, keep=False)
        self._depart(connection)

    def _depart(self, connection: Connection) -> None:
        connection.reader.buffer.clear()
        self.more.pop(connection, None)
        self._crowd.enter(connection, LEAVING)
        self._watch(connection, WRITE if connection.out.pieces else READ)
        self._account(connection)
        if not connection.out.pieces:
            connection.sock.shutdown(socket.SHUT_WR)

    def _drop_input(self, connection: Connection) -> None:
        if not connection.sock.recv(_CHUNK):
            self.close(connection)

    def _write(self, connection: Connection) -> None:
        connection.out.send(connection.sock)
        if connection.out.pieces:
            self._crowd.enter(connection, connection.state)  # some progress: more time
            self._account(connection)
        elif connection.state == LEAVING:
            self._depart(connection)
        elif connection not in self.more:
            self._answer_next(connection)

    def _watch(self, connection: Connection, events: int) -> None:
        if events != connection.events:
            connection.events = events
            self._epoll.modify(connection.sock.fileno(), events)

    def close(self, connection: Connection) -> None:
        """Without another word."""
        self.more.pop(connection, None)
        self._crowd.remove(connection)
        self._unfinished.weigh(connection, 0)
        self._unsent -= connection.unsent
        self._spooled -= connection.spooled
        connection.unsent = connection.spooled = 0
        connection.out.clear()
        connection.sock.close()
