"""A source that is not asked more often than its answer can change.

The featuresets of a running Xen hardly ever change: its command line is read at boot, and a late
microcode load renews the raw policy (Xen: microcode_update_helper() in
xen/arch/x86/cpu/microcode/core.c) at the hand of an administrator, who tells nobody. So an answer
is good for a few seconds and then read again, by one caller for all who wait (docs/xen.md has the
cost of a read).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ..hosts.changes import changes, steady
from ..hosts.host import Host
from . import Source

log = logging.getLogger(__name__)


def since_boot() -> float:
    """Seconds, the machine's sleep included: an answer of before a sleep is an old one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Fresh:
    """Reads `source` when the last answer is older than `seconds`; a failure is never kept.

    While nothing has changed the same object is returned. `noticed` is called with each host that
    is another object, before anybody gets it and never twice at once. `clock` counts seconds and
    never goes back.
    """

    def __init__(
        self,
        source: Source,
        seconds: float,
        clock: Callable[[], float] = since_boot,
        noticed: Callable[[Host], None] = lambda host: None,
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._clock = clock
        self._noticed = noticed
        self._lock = threading.Lock()
        self._answer: tuple[float, Host] | None = None

    @property
    def name(self) -> str:
        return self._source.name

    def read(self) -> Host:
        """The host, `seconds` old at the most. Raises SourceError as the source does."""
        answer = self._answer
        if answer is not None and self._clock() - answer[0] < self._seconds:
            return answer[1]
        with self._lock:
            now = self._clock()
            answer = self._answer
            if answer is not None and now - answer[0] < self._seconds:
                return answer[1]  # somebody else has read it while this caller waited
            host = self._source.read()
            if answer is not None:
                host = _other(answer[1], host)
            if answer is None or host is not answer[1]:
                self._noticed(host)
            self._answer = now, host
            return host


def _other(before: Host, now: Host) -> Host:
    """The host to go on with: the old object where nothing has changed that anybody stores."""
    if steady(before) == steady(now):
        return before
    for line in changes(before, now):
        log.warning("%s", line)
    return now
