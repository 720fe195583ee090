"""Calls over xen-api's message switch: JSON-RPC out of a queue, answers into the callers' queues.

Rules, each measured with the genuine switch (ocaml/message-switch of xen-api, August 2026):

1. Two connections, logged in with one token: a poll blocks its connection.
2. A call stays in the queue until it is acknowledged, and comes again to who polls without `from`.
   So it is answered first and acknowledged then.
3. After any failure both connections are closed, and after a pause everything begins anew: log in,
   create the queue, poll without `from`.
4. A call that comes again in the same life of the switch is answered from memory. A switch that
   was started again counts ids from 0, so memory ends with its life. A life has ended when another
   process listens or the queue is gone; and what is compared is the whole call, so that an answer
   is never given to another one.
5. An answer computed for a life that has ended is thrown away: its id now belongs to another call.
6. Everything is answered, in JSON: calls that cannot be read, and handlers that fail.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .answers import Answers
from .calls import Calls
from .connection import FAILURES, TooLarge
from .messages import Request, SwitchError
from .session import Session

log = logging.getLogger(__name__)

SOCKET = Path("/var/run/message-switch/sock")
QUEUE = "org.xen.xapi.xenops.cpu"

POLL_SECONDS = 30.0
FIRST_PAUSE_SECONDS, PAUSE_SECONDS = 0.5, 1.0
# While the switch stays away, the log says so again after this time.
REMIND_SECONDS = 600.0


class MessageSwitch:
    """Answers the calls in `queue` of the switch at `path`, on threads of its own.

    `answer`: from a call's bytes to its reply's; `failure`: from a sentence to the reply that says
    it; both are called by several threads. Raises SwitchError for a name no queue can have.
    """

    def __init__(
        self,
        path: Path,
        answer: Callable[[bytes], bytes],
        failure: Callable[[str], bytes],
        queue: str = QUEUE,
        token: str | None = None,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        if not queue or "/" in queue:
            raise SwitchError(f"{queue!r} is not the name of a queue: it needs one, without '/'")
        self._path, self._queue = path, queue
        self._answer, self._failure = answer, failure
        self._token = token or f"xenops-cpu:{os.getpid()}"
        self._poll_seconds = poll_seconds
        self._calls = Calls()
        self._answers = Answers()
        self._life: tuple[int, int] | None = None
        self._session: Session | None = None
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="message-switch", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether calls that come now are answered."""
        return self._session is not None

    def start(self) -> None:
        """Begin; a switch that is not there is waited for."""
        self._thread.start()

    def stop(self, seconds: float = 5.0) -> None:
        """Answer the calls in hand and go; what is not done by then stays in the queue."""
        with self._lock:
            self._stopping.set()
            if self._session is not None:
                self._session.wake()
        self._thread.join(seconds)

    def _run(self) -> None:
        lost_since: float | None = None
        reminded = 0.0
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            try:
                session = Session(self._path, self._token, self._queue)
            except FAILURES as error:
                now = time.monotonic()
                if lost_since is None or now - reminded >= REMIND_SECONDS:
                    reminded = now
                    lost_since = now if lost_since is None else lost_since
                    log.warning("no message switch at %s (%s); trying again", self._path, error)
            else:
                gap = f" after {time.monotonic() - lost_since:.1f} s" if lost_since else ""
                log.info("serving queue %s of %s%s", self._queue, self._path, gap)
                pause = FIRST_PAUSE_SECONDS
                self._serve(session)
                lost_since = time.monotonic()
                reminded = lost_since
            self._stopping.wait(pause)
            pause = PAUSE_SECONDS

    def _serve(self, session: Session) -> None:
        """Take calls until the session fails or this service stops."""
        if session.queue_existed is False or session.life != self._life:
            self._life, self._answers = session.life, Answers()
        with self._lock:
            self._session = session
        try:
            while not self._stopping.is_set():
                for request in session.poll(self._poll_seconds).requests:
                    self._take(request, self._answers)
        except TooLarge as error:
            log.error("%s: the queue is emptied, its callers get no answer", error)
            self._drop_backlog(session)
        except FAILURES as error:
            if not self._stopping.is_set():
                log.warning("the message switch is lost: %s; logging in again", error)
        if self._stopping.is_set():
            self._calls.finish(seconds=5.0)
        with self._lock:
            self._session = None
        session.abandon()
        session.close()

    def _drop_backlog(self, session: Session) -> None:
        try:
            session.drop_backlog()
        except FAILURES as error:
            log.error("the queue could not be emptied: %s", error)

    def _take(self, request: Request, answers: Answers) -> None:
        new, reply = answers.begin(request)
        if new:
            self._calls.take(lambda: self._carry_out(request, answers))
        elif reply is not None:
            log.info("call %d came again; it is answered from memory", request.id)
            answer = reply
            self._calls.take(lambda: self._send(request, answers, answer))

    def _carry_out(self, request: Request, answers: Answers) -> None:
        try:
            reply = self._answer(request.payload)
        except Exception as error:
            log.exception("call %d failed", request.id)
            reply = self._failure(f"{type(error).__name__}: {error}"[:200])
        answers.finish(request, reply)
        self._send(request, answers, reply)

    def _send(self, request: Request, answers: Answers, reply: bytes) -> None:
        with self._lock:
            session = self._session
        if answers is not self._answers:
            log.info("an answer came too late: the switch was started again")
        elif session is not None:
            try:
                session.reply(request, reply, self._failure("the answer is too long"))
            except FAILURES as error:
                log.warning("an answer could not be sent: %s; logging in again", error)
                session.abandon()
