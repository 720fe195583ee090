"""Calls in hand: each in a thread, so that one that waits does not hold up those behind it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

MAX_THREADS = 8


class Calls:
    """Carries out calls in their order on at most MAX_THREADS threads, which go when idle."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0

    def take(self, call: Callable[[], None]) -> None:
        """Carry out `call` as soon as a thread is free; it is not to raise."""
        with self._changed:
            self._waiting.append(call)
            if self._threads == MAX_THREADS:
                return
            self._threads += 1
        # Daemons: a call that never ends does not keep the process.
        threading.Thread(target=self._work, name="switch-call", daemon=True).start()

    def finish(self, seconds: float) -> bool:
        """Wait until nothing is in hand; False when that took longer than `seconds`."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._threads, seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._threads -= 1
                    self._changed.notify_all()
                    return
                call = self._waiting.popleft()
            try:
                call()
            except Exception:
                log.exception("a call of the message switch was lost")
