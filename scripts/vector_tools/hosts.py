"""Cases about one host: featuresets and whole policies, of Xen that was compiled or booted."""

from __future__ import annotations

import json
from collections.abc import Iterator

from guest_tools import texts
from guest_tools.hosts import release_of
from xenops_cpu.cpuid.cpu import cpu_of
from xenops_cpu.cpus.corpus import read_record, simulate
from xenops_cpu.features.release import release
from xenops_cpu.vectors import forms
from xenops_cpu.vectors.answers import answer

from .case import COMPILED, DUMPS, GOLDEN, INERT, Candidate, case_cpu, new_case, records

_SETS = ("raw", "host", "pv_max", "pv_default", "hvm_max", "hvm_default")
# What the reference data of featuresets calls XenServer's builds.
_BUILDS = {
    "xs8": "xenserver-8-4.17.3-4",
    "xs8.2": "xenserver-8.2-4.13.5-9.39",
    "xsr": "xenserver-8.2-retrofit",
}


def featuresets() -> Iterator[Candidate]:
    """Of compiled and of booted Xen, on cut-down CPUs: the leaves that featuresets need."""
    cpus = {}
    for cpu in records(GOLDEN / "derivation" / "cpus.jsonl"):
        cpu["leaves"] = [row.split() for row in cpu["leaves"]]
        cpus[cpu["id"]] = cpu
    for number, line in enumerate(
        (GOLDEN / "derivation" / "results.jsonl").read_text().splitlines()
    ):
        result = json.loads(line)
        xen = release_of(_BUILDS.get(result["xen"], result["xen"])).name
        params = dict(result.get("params") or {})
        source = "Xen's functions, compiled"
        if "booted" in result:
            booted = result["booted"]
            params = {**INERT, "cmdline": booted["cmdline"], "ucode": booted["ucode"]}
            source = "Xen, booted in QEMU (TCG)"
        cpu = case_cpu(f"{result['cpu']}/features", cpus[result["cpu"]], params)
        ask = {"release": xen, "cpu": cpu}
        sets = {name: result.get(name) for name in _SETS}
        if answer({"question": "featuresets", "ask": ask}) != sets:
            raise SystemExit(f"featuresets {number}: answered otherwise")
        changes = simulate(read_record(json.dumps(cpu), 1), release(xen)).changes
        shows = {change.step for change in changes} | {("release", xen)}
        about = f"{xen}: {params['cmdline']}" if params.get("cmdline") else xen
        yield frozenset(shows), new_case("featuresets", number, about, source, ask, sets)


def policies() -> Iterator[Candidate]:
    """Whole system policies that compiled Xen made of whole dumps."""
    dumps = {record["id"]: record for record in texts.lines(DUMPS)}
    for path in sorted((GOLDEN / "vm" / "golden").glob("policies-*.jsonl.gz")):
        for record in texts.lines(path):
            xen = release_of(record["xen"]).name
            raw = texts.policy(record["raw"])
            msrs = {"10a": f"{raw.msrs.get(0x10A, 0):x}", **(record["params"].get("msrs") or {})}
            cpu = case_cpu(record["id"], dumps[record["id"]], {**record["params"], "msrs": msrs})
            sets = {name: forms.policy_json(texts.policy(record[name])) for name in _SETS}
            ask = {"release": xen, "cpu": cpu}
            if answer({"question": "policies", "ask": ask}) != sets:
                raise SystemExit(f"policies of {record['id']}: answered otherwise")
            shows = {("release", xen), ("vendor", cpu_of(raw).vendor), ("dump", record["id"])}
            identity = f"{record['id']}@{xen}"
            yield frozenset(shows), new_case("policies", identity, xen, COMPILED, ask, sets)
