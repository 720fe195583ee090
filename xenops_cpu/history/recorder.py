"""Keeps the history while the service answers, and wakes those who wait for changes.

Writing to a disk may take long, or never end; callers are not to wait for that. So one thread
writes. Who has noticed a change waits for it, but WRITE_SECONDS at the most: within that time the
change is on the disk before anybody is answered with it. What cannot be written is kept in memory,
told all the same, and tried again every RETRY_SECONDS.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from pathlib import Path

from attrs import asdict, evolve, frozen

from ..hosts.host import Host
from ..version import __version__
from .entry import MAX_ENTRIES, Entry, StoreError, entry_of
from .fingerprint import Fingerprint
from .surroundings import Surroundings

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
RETRY_SECONDS = 60.0
# An unchanged host is seen again this often; a crash loses so much of "last seen".
SEEN_SECONDS = 3600.0
MAX_WAITING = 16
MAX_UNWRITTEN = 100


class _Order(Enum):
    STOP = auto()
    LOOK_AROUND = auto()


@frozen
class _Noticed:
    fingerprint: Fingerprint
    moment: float
    written: threading.Event


class Recorder:
    """The history of one source. `path`: None keeps it in memory alone, and needs no thread.

    `surroundings` reads what lies around the host, by the CPU's vendor; `changed` is called with
    each entry that has an entry before it, on a thread of its own; `clock` is the wall clock.
    """

    def __init__(
        self,
        path: Path | None,
        source: str,
        surroundings: Callable[[str], Surroundings] = lambda vendor: Surroundings(),
        changed: Callable[[Entry], None] = lambda entry: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._source = path, source
        self._surroundings, self._changed, self._clock = surroundings, changed, clock
        self._noticed: queue.SimpleQueue[_Noticed | _Order] = queue.SimpleQueue()
        self._last: Fingerprint | None = None
        self._inline = threading.Lock()  # for what is done on the callers' threads, without ours
        self._unwritten: deque[tuple[Fingerprint, float, int]] = deque(maxlen=MAX_UNWRITTEN)
        self._news = threading.Condition()
        self._entries: list[Entry] = []
        self._loaded = path is None  # whether `_entries` is all that there was before
        self._waiting = 0
        self._stopped = False
        self.problem = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Read what is kept and begin to write. A store that cannot be used is complained of."""
        if self._path is not None:
            from . import store  # SQLite is needed only with a file

            try:
                self._entries = store.entries(self._path, self._source)
                self._loaded = True
            except StoreError as error:
                self._complain(error)
            self._thread = threading.Thread(target=self._run, name="history", daemon=True)
            self._thread.start()

    def release(self) -> None:
        """Nobody waits any more; who does is answered now."""
        with self._news:
            self._stopped = True
            self._news.notify_all()

    def stop(self) -> None:
        """Write what is to be written and go; whoever waits is answered."""
        self.release()
        if self._thread is not None:
            self._noticed.put(_Order.STOP)
            self._thread.join(2 * WRITE_SECONDS)

    def notice(self, host: Host) -> None:
        """A host was read that is not as the last one. Returns when it is kept, or in a second."""
        fingerprint = Fingerprint(host, self._surroundings(host.processor.vendor))
        noticed = _Noticed(fingerprint, self._clock(), threading.Event())
        if self._thread is None:
            with self._inline:
                self._take(noticed.fingerprint, noticed.moment)
            return
        self._noticed.put(noticed)
        if not noticed.written.wait(WRITE_SECONDS):
            log.warning("the history takes long to be written; callers do not wait for it")

    def look_around(self) -> None:
        """Notice what has changed around a host that is as it was: microcode may be loaded while it
        runs, and change no set."""
        if self._thread is None:
            with self._inline:
                self._compare()
        else:
            self._noticed.put(_Order.LOOK_AROUND)

    def entries(self, after: int = 0) -> list[Entry]:
        """The entries with a higher id, the oldest first."""
        with self._news:
            return [entry for entry in self._entries if entry.id > after]

    @property
    def newest(self) -> int:
        """The number of the last entry; 0 if there is none."""
        with self._news:
            return self._newest()

    def wait(self, after: int, seconds: float) -> list[Entry]:
        """The same, waiting up to `seconds` until there is one, or this service stops.

        No more than MAX_WAITING callers wait; the others get at once what there is.
        """
        with self._news:
            if self._waiting < MAX_WAITING:
                self._waiting += 1
                try:
                    self._news.wait_for(lambda: self._stopped or self._newest() > after, seconds)
                finally:
                    self._waiting -= 1
        return self.entries(after)

    def _newest(self) -> int:
        return self._entries[-1].id if self._entries else 0

    def _run(self) -> None:
        stopping = False
        while not stopping:
            noticed: _Noticed | _Order | None = None
            try:
                noticed = self._noticed.get(
                    timeout=RETRY_SECONDS if self._unwritten else SEEN_SECONDS
                )
                stopping = noticed is _Order.STOP
            except queue.Empty:
                pass
            try:
                if isinstance(noticed, _Noticed):
                    self._take(noticed.fingerprint, noticed.moment)
                elif noticed is _Order.LOOK_AROUND:
                    self._compare()
                else:
                    self._see_again()
            except Exception:
                log.exception("the history is lost")  # the service is not
            finally:
                if isinstance(noticed, _Noticed):
                    noticed.written.set()

    def _take(self, fingerprint: Fingerprint, moment: float) -> None:
        before, self._last = self._last, fingerprint
        id = self._newest() + 1
        self._unwritten.append((fingerprint, moment, id))
        if self._write():
            return
        # Told all the same, and under the number that it will have in the store.
        if not self._entries or self._entries[-1].digest != fingerprint.digest:
            entry = entry_of(fingerprint, self._source, moment, before, __version__)
            self._publish([*self._entries, evolve(entry, id=id)][-MAX_ENTRIES:])

    def _compare(self) -> None:
        if self._last is None:
            return
        host, before = self._last.host, self._last.surroundings
        now = self._surroundings(host.processor.vendor)
        # What cannot be read at the moment has not changed.
        around = evolve(before, **{name: text for name, text in asdict(now).items() if text})
        if around != before:
            self._take(Fingerprint(host, around), self._clock())

    def _see_again(self) -> None:
        """The host is as it was, and what could not be written may be written now."""
        if not self._unwritten and self._last is not None:
            self._unwritten.append((self._last, self._clock(), 0))
        self._write()

    def _write(self) -> bool:
        """Whether all is written that was to be."""
        if self._path is None:
            self._unwritten.clear()
            return False
        from . import store

        try:
            while self._unwritten:
                fingerprint, moment, id = self._unwritten[0]
                store.record(self._path, fingerprint, self._source, moment, id)
                self._unwritten.popleft()
            self._publish(store.entries(self._path, self._source))
        except StoreError as error:
            self._complain(error)
            return False
        if self.problem:
            log.info("the history %s is written again", self._path)
            self.problem = ""
        return True

    def _complain(self, error: StoreError) -> None:
        if not self.problem:  # once until it goes again, however often it is tried
            log.error("%s; kept in memory, the service goes on", error)
        self.problem = str(error)

    def _publish(self, entries: list[Entry]) -> None:
        with self._news:
            newest = self._newest()
            self._entries = entries
            self._news.notify_all()
        last = entries[-1] if entries else None
        if last is not None and last.changes and last.id > newest and self._loaded:
            threading.Thread(target=self._changed, args=(last,), daemon=True).start()
        self._loaded = True
