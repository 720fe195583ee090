"""Metrics: what is counted, and that monitoring's own readers take the text."""

import threading
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.parser import text_string_to_metric_families as read_prometheus

from tests.support.hosts import example, made
from xenops_cpu.daemon.metrics import file
from xenops_cpu.daemon.metrics.exposition import Family, Sample, openmetrics, prometheus
from xenops_cpu.daemon.metrics.families import families
from xenops_cpu.daemon.metrics.file import MetricsFileError
from xenops_cpu.daemon.metrics.measures import BUCKETS, Measures


def read_openmetrics(text: str) -> list[Any]:
    """Prometheus' own reader, which has no types."""
    return list(openmetrics_parser.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of an OpenMetrics text, as Prometheus' own reader reads it."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read_openmetrics(text)
        for sample in family.samples
    }


@pytest.fixture
def measures() -> Measures:
    made_up = Measures(clock=lambda: 1234.5)
    made_up.called("HOST.stat", "", 0.0003)
    made_up.called("HOST.stat", "", 0.02)
    made_up.called("HOST.stat", "Internal_error", 20.0)
    made_up.called("VM.start", "Unimplemented", 0.0001)
    made_up.read(success=True)
    made_up.read(success=False)
    made_up.host(example())
    return made_up


def test_what_is_counted(measures: Measures) -> None:
    """Calls by method and outcome, errors by tag, reads, changes, features, the microcode."""
    seen = values(openmetrics(families(measures, microcode="0x8001230")))
    ok, bad = ("outcome", "success"), ("outcome", "error")
    assert seen["xenops_cpu_calls_total", (("method", "HOST.stat"), ok)] == 2
    assert seen["xenops_cpu_calls_total", (("method", "HOST.stat"), bad)] == 1
    assert seen["xenops_cpu_errors_total", (("tag", "Internal_error"),)] == 1
    assert seen["xenops_cpu_errors_total", (("tag", "Unimplemented"),)] == 1
    assert seen["xenops_cpu_source_reads_total", (("outcome", "failure"),)] == 1
    assert seen["xenops_cpu_features", (("set", "hvm_max"),)] == 63
    assert seen["xenops_cpu_features", (("set", "raw"),)] == 76
    assert seen["xenops_cpu_microcode_revision", ()] == 0x8001230
    assert seen["xenops_cpu_start_time_seconds", ()] == 1234.5
    assert seen["xenops_cpu_changes_total", ()] == 0


def test_the_histogram(measures: Measures) -> None:
    """Each bucket counts all calls up to its bound; the last all of them."""
    seen = values(openmetrics(families(measures, microcode="0x8001230")))
    method = ("method", "HOST.stat")
    counts = [
        seen["xenops_cpu_call_seconds_bucket", (("le", str(bound)), method)]
        for bound in (*BUCKETS, "+Inf")
    ]
    assert counts == [0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3]
    assert seen["xenops_cpu_call_seconds_count", (method,)] == 3
    assert seen["xenops_cpu_call_seconds_sum", (method,)] == pytest.approx(20.0203)
    at_the_bound = Measures()
    at_the_bound.called("m", "", BUCKETS[0])
    assert (
        values(openmetrics(families(at_the_bound)))[
            "xenops_cpu_call_seconds_bucket", (("le", "0.0001"), ("method", "m"))
        ]
        == 1
    )


def test_changes_and_problems(measures: Measures) -> None:
    """A host that follows another is a change; a problem is there until it is gone."""
    measures.host(made())
    seen = values(openmetrics(families(measures, {"history": "disk full"})))
    assert seen["xenops_cpu_changes_total", ()] == 1
    assert seen["xenops_cpu_problem", (("part", "history"),)] == 1
    assert ("xenops_cpu_microcode_revision", ()) not in seen
    assert ("xenops_cpu_problem", (("part", "history"),)) not in values(
        openmetrics(families(measures))
    )


def test_before_anything_happened() -> None:
    """A text without a host and without calls is well formed too."""
    assert values(openmetrics(families(Measures())))["xenops_cpu_changes_total", ()] == 0


def test_the_form_for_files(measures: Measures) -> None:
    """The older text format says the same, with types that it knows."""
    text = prometheus(families(measures, microcode="0x8001230"))
    read = {family.name: family for family in read_prometheus(text)}
    assert read["xenops_cpu_calls"].type == "counter"
    assert read["xenops_cpu_build_info"].type == "gauge"
    assert read["xenops_cpu_call_seconds"].type == "histogram"
    assert "# EOF" not in text
    assert "# UNIT" not in text
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read.values()
        for sample in family.samples
    }
    assert samples == values(openmetrics(families(measures, microcode="0x8001230")))


def test_texts_are_escaped() -> None:
    """Quotes, backslashes and line breaks in a label come out as they went in."""
    odd = 'a"b\\c\nd'
    family = Family("x", "gauge", "A help\nwith a break", (Sample(1.5, {"label": odd}),))
    for text, read in (
        (openmetrics([family]), read_openmetrics),
        (prometheus([family]), read_prometheus),
    ):
        (back,) = read(text)
        assert back.samples[0].labels == {"label": odd}
        assert back.samples[0].value == 1.5


def test_counting_from_many_threads() -> None:
    """No call is lost."""
    measures = Measures()

    def work() -> None:
        for _ in range(2000):
            measures.called("m", "", 0.001)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seen = values(openmetrics(families(measures, microcode="0x8001230")))
    assert seen["xenops_cpu_call_seconds_count", (("method", "m"),)] == 16000


def test_the_file(tmp_path: Path) -> None:
    """It is replaced as a whole, everybody may read it, and nothing is left beside it."""
    path = tmp_path / "xenops_cpu.prom"
    file.write(path, "a 1\n")
    file.write(path, "a 2\n")
    assert path.read_text() == "a 2\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    """A sentence with its name and the reason; a link in the way is not followed."""
    with pytest.raises(MetricsFileError, match=r"nowhere/x\.prom: No such file"):
        file.write(tmp_path / "nowhere" / "x.prom", "")
    path = tmp_path / "folder.prom"
    path.mkdir()
    with pytest.raises(MetricsFileError, match=r"folder\.prom: Is a directory"):
        file.write(path, "")
    assert list(tmp_path.iterdir()) == [path]
