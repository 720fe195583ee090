"""Metrics as text, in the two forms that monitoring reads.

OpenMetrics 1.0 (openmetrics.io) over the socket, Prometheus' older text format 0.0.4 for
node_exporter's files, which knows neither `# UNIT` nor the type `info`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@frozen
class Sample:
    """A number of a family; `suffix` as the family's kind asks: _total, _bucket, _sum, _count."""

    value: float
    labels: Mapping[str, str] = {}
    suffix: str = ""


@frozen
class Family:
    """What is measured: `kind` is counter, gauge, histogram or info. Names end in the unit."""

    name: str
    kind: str
    help: str
    samples: tuple[Sample, ...]
    unit: str = ""


def openmetrics(families: Iterable[Family]) -> str:
    lines: list[str] = []
    for family in families:
        lines.append(f"# TYPE {family.name} {family.kind}")
        if family.unit:
            lines.append(f"# UNIT {family.name} {family.unit}")
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines += (_sample(family.name, sample) for sample in family.samples)
    return "\n".join([*lines, "# EOF", ""])


def prometheus(families: Iterable[Family]) -> str:
    """For a file of node_exporter's: a counter's name has its suffix, an info is a gauge of 1."""
    lines: list[str] = []
    for family in families:
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.kind, "")
        kind = "gauge" if family.kind == "info" else family.kind
        lines.append(f"# HELP {name} {_escaped(family.help)}")
        lines.append(f"# TYPE {name} {kind}")
        lines += (_sample(family.name, sample) for sample in family.samples)
    return "\n".join([*lines, ""])


def _sample(name: str, sample: Sample) -> str:
    labels = ",".join(f'{key}="{_escaped(text)}"' for key, text in sample.labels.items())
    braces = f"{{{labels}}}" if labels else ""
    return f"{name}{sample.suffix}{braces} {_number(sample.value)}"


def _number(value: float) -> str:
    return repr(int(value)) if value == int(value) else repr(value)


def _escaped(text: str) -> str:
    """Backslash, quote and line break; both forms ask for it in labels, and allow it in help."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
