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
from collections.abc import Callable, Iterator

import attrs

from ..features.featureset import Featureset
from ..hosts.host import Featuresets, Host
from . import Source

log = logging.getLogger(__name__)


class Fresh:
    """Reads `source` when the last answer is older than `seconds`; a failure is never kept.

    While nothing has changed the same object is returned. `clock` counts seconds and never goes
    back.
    """

    def __init__(
        self, source: Source, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._source = source
        self._seconds = seconds
        self._clock = clock
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
            asked = self._clock()
            answer = self._answer
            if answer is not None and asked - answer[0] < self._seconds:
                return answer[1]  # somebody else has read it while this caller waited
            host = self._source.read()
            if answer is not None:
                host = _noticed(answer[1], host)
            self._answer = asked, host
            return host


def _noticed(before: Host, now: Host) -> Host:
    """The host to go on with: the old object where nothing has changed that anybody stores."""
    if _steady(before) == _steady(now):
        return before
    for line in changes(before, now):
        log.warning("%s", line)
    return now


def _steady(host: Host) -> Host:
    """Without the clock speed, which wanders with the load where it is not a constant."""
    return attrs.evolve(host, processor=attrs.evolve(host.processor, speed=""))


def changes(before: Host, now: Host) -> Iterator[str]:
    """What is different, a sentence for each set, with the names of the features."""
    for item in attrs.fields(Featuresets):
        had: Featureset | None = getattr(before.featuresets, item.name)
        has: Featureset | None = getattr(now.featuresets, item.name)
        if had == has:
            continue
        had, has = had or Featureset(), has or Featureset()
        parts = []
        if has - had:
            parts.append("gained " + " ".join(now.release.names(has - had)))
        if had - has:
            parts.append("lost " + " ".join(before.release.names(had - has)))
        if had.length != has.length:
            parts.append(f"has {has.length} words, had {had.length}")
        yield f"featureset {item.name} has changed: {'; '.join(parts)}"
    old, new = attrs.asdict(_steady(before)), attrs.asdict(_steady(now))
    for name in ("xen", "processor", "topology"):
        for member, value in old[name].items():
            if value != new[name][member]:
                yield f"{name}.{member} has changed: {value} → {new[name][member]}"
    for name in ("iommu", "hvm"):
        if old[name] != new[name]:
            yield f"{name} has changed: {old[name]} → {new[name]}"
    for name in sorted({*before.policies, *now.policies}):
        if before.policies.get(name) != now.policies.get(name):
            yield f"CPU policy {name} has changed"
    if before.notes != now.notes:
        yield f"notes have changed: {'; '.join(now.notes) or 'none now'}"
