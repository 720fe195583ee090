"""What is done again and again beside the calls, on one thread.

Times are counted by a clock that goes on while the machine sleeps: after a resume what is due is
done within NAP_SECONDS. The wall clock decides nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from attrs import field, mutable

log = logging.getLogger(__name__)

NAP_SECONDS = 15.0


def now() -> float:
    """Seconds since the machine's start, sleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@mutable(eq=False)
class Job:
    """`seconds` may change at any time."""

    name: str
    seconds: float
    action: Callable[[], None]
    due: float = field(factory=now)


class Periodic:
    """Does each job every so many seconds; one that raises is logged and done again."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._changed = threading.Condition()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def add(self, job: Job) -> None:
        """First when its time has passed once; nothing where it is there already.

        The thread starts with the first job.
        """
        with self._changed:
            if job in self._jobs:
                return
            job.due = now() + job.seconds
            self._jobs.append(job)
            self._changed.notify()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="periodic", daemon=True)
                self._thread.start()

    def hurry(self) -> None:
        """Look again at what is due: a job's `seconds` has changed."""
        with self._changed:
            for job in self._jobs:
                job.due = min(job.due, now() + job.seconds)
            self._changed.notify()

    def stop(self, seconds: float = 2.0) -> None:
        """No job begins any more; the one in hand is waited for so long."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(seconds)

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job.action()
            except Exception:
                log.exception("%s failed", job.name)
            job.due = now() + job.seconds

    def _next(self) -> Job | None:
        """The next job when it is due; None when this is over."""
        with self._changed:
            while not self._stopping:
                job = min(self._jobs, key=lambda job: job.due)
                left = job.due - now()
                if left <= 0:
                    return job
                self._changed.wait(min(left, NAP_SECONDS))
        return None
