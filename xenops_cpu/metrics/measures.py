"""The numbers themselves. Every method may be called by several threads and takes microseconds."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator

import attrs

from .. import __version__
from ..hosts.host import Featuresets, Host
from .exposition import Family, Sample

# Most calls take a third of a millisecond, a large POOL.* call seconds.
BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 10.0)
# Methods that nobody knows are counted as one: a caller must not make series at will.
UNKNOWN = "unknown"


class Measures:
    """What has happened since the service started. `clock` is the wall clock, for that moment."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._lock = threading.Lock()
        self._started = clock()
        self._calls: Counter[tuple[str, str]] = Counter()
        self._errors: Counter[str] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self._reads: Counter[str] = Counter({"success": 0, "failure": 0})
        self._changes = 0
        self._host: Host | None = None
        self._microcode = ""
        self.problems: dict[str, str] = {}

    def called(self, method: str, tag: str, seconds: float) -> None:
        """A call was answered; `tag` of the error variant, empty for a success."""
        with self._lock:
            self._calls[method, "error" if tag else "success"] += 1
            if tag:
                self._errors[tag] += 1
            buckets = self._buckets.get(method)
            if buckets is None:
                buckets = self._buckets[method] = [0] * (len(BUCKETS) + 1)
            buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds[method] += seconds  # type: ignore[assignment]

    def read(self, success: bool) -> None:
        """The source was asked."""
        with self._lock:
            self._reads["success" if success else "failure"] += 1

    def host(self, host: Host, microcode: str) -> None:
        """The host as it is now; `microcode`: its revision in hex, empty where unknown."""
        with self._lock:
            self._changes += self._host is not None
            self._host, self._microcode = host, microcode

    def problem(self, part: str, text: str) -> None:
        """A part of the service is not well; an empty text: it is again."""
        with self._lock:
            if text:
                self.problems[part] = text
            else:
                self.problems.pop(part, None)

    def families(self) -> list[Family]:
        """All of it, as it is at this moment."""
        with self._lock:
            return list(self._families())

    def _families(self) -> Iterator[Family]:
        yield Family(
            "xenops_cpu_build",
            "info",
            "The service and what it serves.",
            (Sample(1, {"version": __version__, **self._identity()}, "_info"),),
        )
        yield Family(
            "xenops_cpu_start_time_seconds",
            "gauge",
            "When the service started, in seconds since 1970.",
            (Sample(round(self._started, 3)),),
            unit="seconds",
        )
        yield Family(
            "xenops_cpu_calls",
            "counter",
            "Calls answered, by method and by whether the answer is an error.",
            tuple(
                Sample(count, {"method": method, "outcome": outcome}, "_total")
                for (method, outcome), count in sorted(self._calls.items())
            ),
        )
        yield Family(
            "xenops_cpu_errors",
            "counter",
            "Calls answered with an error, by the tag of the error.",
            tuple(Sample(n, {"tag": tag}, "_total") for tag, n in sorted(self._errors.items())),
        )
        yield Family(
            "xenops_cpu_call_seconds",
            "histogram",
            "How long answering took, from the whole request to the whole reply.",
            tuple(self._histogram()),
            unit="seconds",
        )
        yield Family(
            "xenops_cpu_source_reads",
            "counter",
            "How often the host was read, and with what outcome.",
            tuple(
                Sample(count, {"outcome": outcome}, "_total")
                for outcome, count in sorted(self._reads.items())
            ),
        )
        yield Family(
            "xenops_cpu_changes",
            "counter",
            "How often the host was found changed.",
            (Sample(self._changes, {}, "_total"),),
        )
        yield Family(
            "xenops_cpu_problem",
            "gauge",
            "1 for each part of the service that is not well.",
            tuple(Sample(1, {"part": part}) for part in sorted(self.problems)),
        )
        if self._host is not None:
            yield from self._of_host(self._host)

    def _identity(self) -> dict[str, str]:
        if self._host is None:
            return {}
        return {"xen": self._host.xen.version, "release": self._host.release.name}

    def _histogram(self) -> Iterator[Sample]:
        for method, buckets in sorted(self._buckets.items()):
            total = 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
                total += count
                yield Sample(total, {"method": method, "le": bound}, "_bucket")
            yield Sample(total, {"method": method}, "_count")
            yield Sample(self._seconds[method], {"method": method}, "_sum")

    def _of_host(self, host: Host) -> Iterator[Family]:
        sets = attrs.asdict(host.featuresets, recurse=False)
        yield Family(
            "xenops_cpu_features",
            "gauge",
            "How many features each set has.",
            tuple(
                Sample(sets[field.name].bits.bit_count(), {"set": field.name})
                for field in attrs.fields(Featuresets)
                if sets[field.name] is not None
            ),
        )
        if self._microcode:
            yield Family(
                "xenops_cpu_microcode_revision",
                "gauge",
                "The revision of the CPU's microcode, as a number.",
                (Sample(int(self._microcode, 16)),),
            )
