"""The numbers themselves: counted all the time, so cheap; put into words elsewhere (families)."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable

from ...hosts.host import Host

# Seconds. Most calls take a third of a millisecond, a large POOL.* call seconds.
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 10.0)
# Methods that nobody knows are counted as one: a caller must not make series at will.
UNKNOWN = "unknown"


class Measures:
    """What has happened since the service started. Any thread may count; readers take the lock.

    `calls`: by method and "success" or "error"; `errors`: by tag; `buckets` and `seconds`: of the
    times of each method's calls; `reads`: of the source, by outcome; `changes`: how often the host
    became another one than `current`. `clock` is the wall clock, for the moment of the start.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.lock = threading.Lock()
        self.started = clock()
        self.calls: dict[tuple[str, str], int] = {}
        self.errors: dict[str, int] = {}
        self.buckets: dict[str, list[int]] = {}
        self.seconds: dict[str, float] = {}
        self.reads = {"success": 0, "failure": 0}
        self.changes = 0
        self.current: Host | None = None

    def called(self, method: str, tag: str, seconds: float) -> None:
        """A call was answered; `tag` of the error variant, empty for a success."""
        key = method, "error" if tag else "success"
        with self.lock:
            self.calls[key] = self.calls.get(key, 0) + 1
            if tag:
                self.errors[tag] = self.errors.get(tag, 0) + 1
            buckets = self.buckets.get(method)
            if buckets is None:
                buckets = self.buckets[method] = [0] * (len(BUCKETS) + 1)
                self.seconds[method] = 0.0
            buckets[bisect_left(BUCKETS, seconds)] += 1
            self.seconds[method] += seconds

    def read(self, success: bool) -> None:
        """The source was asked."""
        with self.lock:
            self.reads["success" if success else "failure"] += 1

    def host(self, host: Host) -> None:
        """The host as it is from now on."""
        with self.lock:
            self.changes += self.current is not None
            self.current = host
