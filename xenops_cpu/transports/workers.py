"""Threads for the calls that may take long, so that the loop goes on serving the others."""

from __future__ import annotations

import logging
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from .http import Request
from .turns import Turns

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

# Python's threads take turns; a turn of a busy one is this long, and another caller waits for a few
# of them. With a helper process the threads only wait for it.
_TURN_SECONDS = 0.0001


class Workers(Generic[T, R]):
    """Answers requests on `count` threads, which start with the first; `wake` is called after each.

    At most `most` are waiting or in hand, and `most_of_one` of one caller. Callers take turns, so
    that nobody waits for more than one call of each other caller. The threads end with the process:
    a call that never ends does not keep it.
    """

    def __init__(
        self,
        answer: Callable[[Request], R],
        wake: Callable[[], None],
        count: int,
        most: int,
        most_of_one: int,
    ) -> None:
        self._answer = answer
        self._wake = wake
        self._count = count
        self._most = most
        self._most_of_one = most_of_one
        self._work = threading.Condition()
        self._waiting: Turns[tuple[T, Request]] = Turns()
        self._done: deque[tuple[T, int, R | None]] = deque()
        self._in_hand: dict[int, int] = {}  # calls by caller
        self._started = False

    def take(self, whose: T, caller: int, request: Request) -> str:
        """Answer in time; or why not, in words. `caller` is a number that tells callers apart."""
        of_caller = self._in_hand.get(caller, 0)
        if sum(self._in_hand.values()) >= self._most:
            return f"too many long calls at once ({self._most}); try again"
        if of_caller >= self._most_of_one:
            return f"too many long calls of one process at once ({self._most_of_one}); try again"
        self._start()
        self._in_hand[caller] = of_caller + 1
        with self._work:
            self._waiting.add(caller, (whose, request))
            self._work.notify()
        return ""

    def finished(self) -> Iterator[tuple[T, R | None]]:
        """What has been answered since the last time; None where answering raised."""
        while self._done:
            whose, caller, reply = self._done.popleft()
            self._in_hand[caller] -= 1
            if not self._in_hand[caller]:
                del self._in_hand[caller]
            yield whose, reply

    def _start(self) -> None:
        if self._started:
            return
        self._started = True
        sys.setswitchinterval(_TURN_SECONDS)
        for _ in range(self._count):
            threading.Thread(target=self._run, daemon=True).start()

    def _next(self) -> tuple[T, int, Request]:
        """The first call of the caller whose turn it is."""
        with self._work:
            while not self._waiting:
                self._work.wait()
            caller, (whose, request) = self._waiting.next()
            return whose, caller, request

    def _run(self) -> None:
        while True:
            whose, caller, request = self._next()
            reply = None
            try:
                reply = self._answer(request)
            except Exception:
                log.exception("a long call was lost")
            del request
            self._done.append((whose, caller, reply))
            del whose, reply
            self._wake()
