"""Reads tests/golden/derivation: CPUs, and what Xen's own code made of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tests import GOLDEN
from xenops_cpu.cpus.corpus import Record, read_record

FOLDER = GOLDEN / "derivation"
# What the reference data calls XenServer's builds.
BUILDS = {
    "xs8": "xenserver-8-4.17.3-4",
    "xs8-4.17.6-2": "xenserver-8-4.17.6-2",
    "xs8.2": "xenserver-8.2-4.13.5-9.39",
    "xs8.2-4.13.5-9.49": "xenserver-8.2-4.13.5-9.49",
    "xsr": "xenserver-8.2-retrofit",
}
UPSTREAM = (*(f"4.{minor}" for minor in range(13, 23)), "master")
LATER_BUILDS = ("xs8-4.17.6-2", "xs8.2-4.13.5-9.49")
FILES = (
    *(f"xen-{name}" for name in (*UPSTREAM, *BUILDS)),
    *(f"xen-{name}-options" for name in (*UPSTREAM[1:], *LATER_BUILDS)),
    *(f"synthetic-{name}" for name in (*UPSTREAM[1:], *LATER_BUILDS)),
    "real-xen-qemu",
)


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
