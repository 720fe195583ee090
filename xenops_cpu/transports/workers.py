"""Threads for the calls that may take long, so that the loop goes on serving the others."""

from __future__ import annotations

import logging
import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

# Python's threads take turns; a turn of a busy one is this long, and another caller waits for a few
# of them.
_TURN_SECONDS = 0.001


class Workers(Generic[T]):
    """Answers bodies on `count` threads, which start with the first; `wake` is called after each.

    At most `most` are in hand. The threads end with the process: a call that never ends does not
    keep it.
    """

    def __init__(
        self,
        answer: Callable[[bytes], tuple[bytes, str]],
        wake: Callable[[], None],
        count: int = 2,
        most: int = 16,
    ) -> None:
        self._answer = answer
        self._wake = wake
        self._count = count
        self._most = most
        self._waiting: queue.SimpleQueue[tuple[T, bytes]] = queue.SimpleQueue()
        self._done: deque[tuple[T, tuple[bytes, str] | None]] = deque()
        self._in_hand = 0
        self._started = False

    def take(self, whose: T, body: bytes) -> bool:
        """Answer `body` in time; False when too many are in hand already."""
        if self._in_hand >= self._most:
            return False
        if not self._started:
            self._started = True
            sys.setswitchinterval(_TURN_SECONDS)
            for _ in range(self._count):
                threading.Thread(target=self._work, daemon=True).start()
        self._in_hand += 1
        self._waiting.put((whose, body))
        return True

    def finished(self) -> Iterator[tuple[T, tuple[bytes, str] | None]]:
        """What has been answered since the last time; None where answering raised."""
        while self._done:
            self._in_hand -= 1
            yield self._done.popleft()

    def _work(self) -> None:
        while True:
            whose, body = self._waiting.get()
            answered = None
            try:
                answered = self._answer(body)
            except Exception:
                log.exception("a large call was lost")
            self._done.append((whose, answered))
            self._wake()
