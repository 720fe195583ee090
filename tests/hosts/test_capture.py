"""Captured hosts: what is written reads back, and what is no capture is refused by member."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cpuid.test_policy import POLICIES
from tests.support.hosts import EXAMPLES, evolve, example, made
from xenops_cpu.hosts.capture import CaptureError, dump, load
from xenops_cpu.sources import SourceError
from xenops_cpu.sources.recorded import Example, Recorded


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_reads_back(name: str) -> None:
    """A shipped host written again is the same host."""
    host = example(name)
    assert load(dump(host)) == host


@given(st.text(max_size=20), POLICIES, st.booleans(), st.lists(st.text(max_size=9), max_size=3))
def test_any_host_reads_back(origin: str, policy: Any, iommu: bool, notes: list[str]) -> None:
    """Whatever a host holds survives: texts, policies, flags, notes, missing max sets."""
    host = evolve(
        made(max_=None, notes=notes), origin=origin, policies={"raw": policy}, iommu=iommu
    )
    assert load(dump(host)) == host


def change(path: str, value: Any) -> str:
    """A good capture with one member replaced (or removed, for ...)."""
    document = json.loads(dump(example()))
    *parents, last = path.split(".")
    at = document
    for parent in parents:
        at = at[parent]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[1]", 'no "format"'),
        ("[" * 100_000, "not JSON"),
        (change("format", "other"), 'no "format"'),
        (change("version", 2), "version 2 is not known here; 1 is"),
        (change("host", []), "member host: .* is not an object"),
        (change("host.origin", ...), "host.origin is missing"),
        (change("host.origin", 5), "host.origin: 5 is not a string"),
        (change("host.topology.cpu_count", "1"), 'cpu_count: "1" is not a whole number'),
        (change("host.topology.cpu_count", True), "cpu_count: true is not a whole number"),
        (change("host.topology.cpu_count", -1), "cpu_count: -1 is negative"),
        (change("host.topology.nr_nodes", 10**30), "nr_nodes: more than 1,000,000 is no such"),
        (change("host.hvm", 1), "host.hvm: 1 is not true or false"),
        (change("host.featuresets.raw", "12g4"), 'featuresets.raw: featureset word 0: "12g4"'),
        (change("host.featuresets.host", ...), "featuresets.host is missing"),
        (change("host.policies.raw.leaves", ["x"]), 'policies.raw: CPUID entry "x"'),
        (change("host.policies.raw.leaves", [1]), r"leaves\[0\]: 1 is not a string"),
        (change("host.notes", "x"), "host.notes: .* is not a list"),
    ],
)
def test_what_is_no_capture_is_refused(text: str, words: str) -> None:
    """The error names the member and says what would be right."""
    with pytest.raises(CaptureError, match=words):
        load(text)


def test_unknown_members_are_passed_over() -> None:
    """A later version may add members: they do not stop an older reader."""
    assert load(change("host.weather", "fine")) == example()


def test_files(tmp_path: Any) -> None:
    """A source reads its file at each read; a missing or foreign file is an error in words."""
    path = tmp_path / "host.json"
    source = Recorded(path)
    with pytest.raises(SourceError, match=r"cannot read the capture .*: No such file"):
        source.read()
    path.write_text(dump(example()))
    assert source.read().featuresets == example().featuresets
    assert source.read().origin.startswith(f"recorded:{path} (")
    path.write_bytes(b"\xff")
    with pytest.raises(SourceError, match="not UTF-8"):
        source.read()
    path.write_bytes(b" " * 5_000_000)
    with pytest.raises(SourceError, match="larger than"):
        source.read()
    with pytest.raises(SourceError, match=r"there are .*epyc-xen-4\.17"):
        Example("no-such").read()
