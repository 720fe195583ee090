"""Reads tests/golden/derivation: CPUs, and what Xen's own code made of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests import GOLDEN
from xenops_cpu.cpus.corpus import Record, read_record

FOLDER = GOLDEN / "derivation"


@cache
def cpus() -> dict[str, dict[str, Any]]:
    """By id, in the corpus format."""
    found = {}
    for line in (FOLDER / "cpus.jsonl").read_text().splitlines():
        cpu = json.loads(line)
        cpu["leaves"] = [row.split() for row in cpu["leaves"]]
        found[cpu["id"]] = cpu
    return found


@cache
def results() -> tuple[dict[str, Any], ...]:
    """As they stand in the file."""
    return tuple(map(json.loads, (FOLDER / "results.jsonl").read_text().splitlines()))


def record_of(result: dict[str, Any]) -> dict[str, Any]:
    """The corpus record that should lead to a result."""
    cpu = cpus()[result["cpu"]]
    if "booted" in result:
        return {**cpu, **result["booted"]}
    return {**cpu, "params": result["params"]}


def record(cpu: str, **params: Any) -> Record:
    """A CPU of the selection, with parameters."""
    return read_record(json.dumps({**cpus()[cpu], "params": params}), 1)
