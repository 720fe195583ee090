"""examples/06-prometheus: the rules speak of what the service writes, and promtool takes them."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests import ROOT
from tests.daemon.test_metrics import read_openmetrics
from tests.support.hosts import example
from xenops_cpu.daemon.metrics.exposition import openmetrics
from xenops_cpu.daemon.metrics.families import families
from xenops_cpu.daemon.metrics.measures import Measures
from xenops_cpu.hosts.host import SETS

FOLDER = ROOT / "examples" / "06-prometheus"
# What node_exporter says of the files that it reads.
OTHERS = {"node_textfile_mtime_seconds"}
# A selector: a metric, its matchers, and what may be asked of one.
SELECTOR = re.compile(r"\b(\w+_\w+)(?:\{([^}]*)\})?(?=[\s\[)<>=]|$)")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
FUNCTIONS = {"max_over_time", "histogram_quantile"}


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def written() -> dict[str, dict[str, set[str]]]:
    """Each series that the service writes, with its labels and their values."""
    measures = Measures()
    measures.called("HOST.stat", "", 0.0003)
    measures.called("POOL.level", "Internal_error", 0.0003)
    measures.read(success=True)
    measures.host(example())
    text = openmetrics(families(measures, {"source": "gone"}, "0x1"))
    series: dict[str, dict[str, set[str]]] = {}
    for family in read_openmetrics(text):
        for sample in family.samples:
            labels = series.setdefault(sample.name, {})
            for key, value in sample.labels.items():
                labels.setdefault(key, set()).add(value)
    return series


def selectors(expression: str) -> list[tuple[str, str]]:
    return [found for found in SELECTOR.findall(expression) if found[0] not in FUNCTIONS]


def test_each_alert_has_what_people_need() -> None:
    """A name of its own, a severity, a summary."""
    alerts = rules()
    assert len({rule["alert"] for rule in alerts}) == len(alerts) >= 8
    for rule in alerts:
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert rule["annotations"]["summary"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_metrics_and_labels_are_those_of_the_service(rule: dict[str, Any]) -> None:
    """Each metric of an expression is written, with the labels and values that are asked for."""
    series = written()
    names = selectors(rule["expr"])
    assert names
    for name, matchers in names:
        if name in OTHERS:
            continue
        assert name in series, f"{name} is no metric of the service"
        for label, operator, value in MATCHER.findall(matchers):
            assert label in series[name], f"{name} has no label {label}"
            if operator in ("=", "=~"):
                assert any(re.fullmatch(value, text) for text in series[name][label])


def test_a_wrong_name_would_be_found() -> None:
    """The reading of expressions sees metrics within functions and sums."""
    expression = (
        'sum by (instance) (rate(xenops_cpu_wrong_total{tag="x"}[5m])) > max_over_time(a_b[1d])'
    )
    assert selectors(expression) == [("xenops_cpu_wrong_total", 'tag="x"'), ("a_b", "")]
    assert set(SETS) == written()["xenops_cpu_features"]["set"]


@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus's promtool is not installed")
@pytest.mark.parametrize("arguments", [["check", "rules", "rules.yml"],
                                       ["test", "rules", "rules-test.yml"]])  # fmt: skip
def test_promtool_takes_them(arguments: list[str]) -> None:
    """Prometheus itself parses the rules, and raises each alert where the tests say so."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
