"""Everything that is measured, as families of metrics with their names and meanings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from ...hosts.host import Featuresets, Host
from ...version import __version__
from .exposition import Family, Sample
from .measures import BUCKETS, Measures


def families(
    measures: Measures, problems: Mapping[str, str] | None = None, microcode: str = ""
) -> list[Family]:
    """All of it, as it is at this moment.

    `problems`: what is not well, by part of the service; `microcode`: its revision in hex, empty
    where it is not known.
    """
    with measures.lock:
        return list(_families(measures, problems or {}, microcode))


def _families(measures: Measures, problems: Mapping[str, str], microcode: str) -> Iterator[Family]:
    yield Family(
        "xenops_cpu_build",
        "info",
        "The service and what it serves.",
        (Sample(1, {"version": __version__, **_identity(measures)}, "_info"),),
    )
    yield Family(
        "xenops_cpu_start_time_seconds",
        "gauge",
        "When the service started, in seconds since 1970.",
        (Sample(round(measures.started, 3)),),
        unit="seconds",
    )
    yield Family(
        "xenops_cpu_calls",
        "counter",
        "Calls answered, by method and by whether the answer is an error.",
        tuple(
            Sample(count, {"method": method, "outcome": outcome}, "_total")
            for (method, outcome), count in sorted(measures.calls.items())
        ),
    )
    yield Family(
        "xenops_cpu_errors",
        "counter",
        "Calls answered with an error, by the tag of the error.",
        tuple(Sample(n, {"tag": tag}, "_total") for tag, n in sorted(measures.errors.items())),
    )
    yield Family(
        "xenops_cpu_call_seconds",
        "histogram",
        "How long answering took, from the whole request to the whole reply.",
        tuple(_histogram(measures)),
        unit="seconds",
    )
    yield Family(
        "xenops_cpu_source_reads",
        "counter",
        "How often the host was read, and with what outcome.",
        tuple(
            Sample(count, {"outcome": outcome}, "_total")
            for outcome, count in sorted(measures.reads.items())
        ),
    )
    yield Family(
        "xenops_cpu_changes",
        "counter",
        "How often the host was found changed.",
        (Sample(measures.changes, {}, "_total"),),
    )
    yield Family(
        "xenops_cpu_problem",
        "gauge",
        "1 for each part of the service that is not well.",
        tuple(Sample(1, {"part": part}) for part in sorted(problems)),
    )
    if measures.current is not None:
        yield from _of_host(measures.current, microcode)


def _identity(measures: Measures) -> dict[str, str]:
    if measures.current is None:
        return {}
    return {"xen": measures.current.xen.version, "release": measures.current.release.name}


def _histogram(measures: Measures) -> Iterator[Sample]:
    for method, buckets in sorted(measures.buckets.items()):
        total = 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), buckets, strict=True):
            total += count
            yield Sample(total, {"method": method, "le": bound}, "_bucket")
        yield Sample(total, {"method": method}, "_count")
        yield Sample(measures.seconds[method], {"method": method}, "_sum")


def _of_host(host: Host, microcode: str) -> Iterator[Family]:
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
    if microcode:
        yield Family(
            "xenops_cpu_microcode_revision",
            "gauge",
            "The revision of the CPU's microcode, as a number.",
            (Sample(int(microcode, 16)),),
        )
