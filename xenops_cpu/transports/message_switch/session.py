"""Two connections to the switch with one login: one waits for calls, one answers them."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from . import messages
from .connection import OK, Connection
from .messages import Poll, Request, SwitchError

log = logging.getLogger(__name__)


class Session:
    """Logged in, with its queue there. After any failure it is closed and another one is opened.

    `life` tells lives of the switch apart; `queue_existed`: whether the queue was there before,
    which it is not after a restart of the switch (it keeps nothing, as configured on hosts). None:
    not told.
    """

    def __init__(self, path: Path, token: str, queue: str) -> None:
        self._queue = queue
        self._lock = threading.Lock()
        self._after: str | None = None
        self._polls = Connection(path)
        try:
            self._replies = Connection(path)
        except BaseException:
            self._polls.close()
            raise
        try:
            for connection in (self._polls, self._replies):
                connection.get(messages.login(token))
            self.life = self._polls.peer()
            self.queue_existed = self._is_there()
            self._polls.get(messages.create(queue))
        except BaseException:
            self.close()
            raise

    def _is_there(self) -> bool | None:
        status, body = self._polls.ask("GET", messages.listing(self._queue))
        return self._queue in messages.parse_names(body) if status == OK else None

    def poll(self, seconds: float) -> Poll:
        """Calls that wait, or come within `seconds`; none of them twice in a session."""
        body = messages.transfer(self._queue, self._after, seconds)
        status, answer = self._polls.ask("POST", "/transfer", body, seconds)
        if status != OK:
            text = answer[:80].decode("utf-8", "replace")
            raise SwitchError(f"the switch answered a poll with {status} {text!r}")
        poll = messages.parse_poll(answer, self._queue)
        self._after = poll.next or self._after
        for id in poll.strays:
            log.warning("message %d of %s is no call; it is dropped", id, self._queue)
            self.acknowledge(id)
        return poll

    def reply(self, request: Request, reply: bytes, unsent: bytes) -> None:
        """Answer, then acknowledge: who dies in between gets the call again.

        `unsent` is sent where the switch does not take the reply (with a state directory it takes
        1 MiB at most).
        """
        with self._lock:
            target = messages.response(request, self._queue)
            status, body = self._replies.ask("POST", target, reply)
            if status != OK:
                log.error("the switch did not take %d bytes for %s", len(reply), target)
                status, body = self._replies.ask("POST", target, unsent)
            if status != OK or body.strip() == b"[]":
                log.info("%s has gone; its answer is dropped", request.reply_queue)
            self._replies.get(messages.ack(self._queue, request.id))

    def acknowledge(self, id: int) -> None:
        with self._lock:
            self._replies.get(messages.ack(self._queue, id))

    def drop_backlog(self) -> None:
        """Throw away the queue with all that waits in it."""
        with self._lock:
            self._replies.get(messages.destroy(self._queue))

    def wake(self) -> None:
        """End a poll that another thread waits in."""
        self._polls.wake()

    def abandon(self) -> None:
        """End what other threads wait for on either connection; they see an error."""
        self._polls.wake()
        self._replies.wake()

    def close(self) -> None:
        self._polls.close()
        self._replies.close()
