"""Captured hosts: what is written reads back, and what is no capture is refused by member."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cpuid.test_policy import POLICIES
from tests.support.hosts import EXAMPLES, evolve, example, made, names
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.hosts.capture import MOST_CPUS, CaptureError, dump, load
from xenops_cpu.hosts.host import Featuresets, Processor, Topology, Xen
from xenops_cpu.hosts.membership import NO_POOL, Membership
from xenops_cpu.hosts.moment import UNKNOWN_MOMENT, Moment
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


def test_nothing_of_a_host_is_lost() -> None:
    """A host of which every member says something of its own reads back whole."""
    host = evolve(
        made(notes=("a note", "another")),
        xen=Xen("4.17.3", "xen-3.0-x86_64", "smt=0"),
        processor=Processor("GenuineIntel", "a CPU", "2596.1", "6", "85", "4", "fpu sse"),
        topology=Topology(MOST_CPUS, 4, 2, 0),
        iommu=True,
        hvm=False,
        featuresets=Featuresets(*(names(f) for f in ("FPU", "SSE", "AVX", "HLE", "RTM", "SHA"))),
        policies={"raw": Policy({(1, 0): (1, 2, 3, 4)}, {0x10A: 5})},
        uuid="0f1e",
        recorded=True,
        name="xs-01",
    )
    assert load(dump(host)) == host


def test_a_capture_is_lines_for_people() -> None:
    """A member a line, indented by its depth, in the order of docs/captures.md."""
    text = dump(made(notes=("a note",)))
    assert text.startswith('{\n "format": "xenops_cpu host",\n "version": 1,\n "host": {\n')
    assert '\n  "notes": [\n   "a note"\n  ],\n' in text
    assert text.endswith("}\n")
    assert list(json.loads(text)["host"]) == [
        "origin", "xen", "processor", "topology", "iommu", "hvm", "featuresets", "policies",
        "notes", "uuid", "recorded", "name",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["policies", "notes", "uuid", "recorded", "name"])
def test_members_that_may_be_missing(name: str) -> None:
    """An older capture lacks them: the host has none then, and is no record of xapi's."""
    host = load(change(f"host.{name}", ...))
    nothing = {"policies": {}, "notes": (), "uuid": "", "recorded": False, "name": ""}
    assert getattr(host, name) == nothing[name]


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
        (change("host.policies", []), "host.policies: .* is not an object"),
        (change("host.policies.raw.msrs", ...), r"host\.policies\.raw\.msrs is missing"),
        (change("host.recorded", 0), "host.recorded: 0 is not true or false"),
        (change("host.origin", {"x": "y" * 99}), f'origin: {{"x": "{"y" * 53} is not a string$'),
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


COLLECTED = {
    "time": "2026-01-01T09:30:00Z",
    "microcode": {"xenops-cpu": "0x05003901"},
    "xapi": {
        "host": {"software_version": {"xen": "4.17.6"}, "enabled": False, "coordinator": True},
        "pool": {"uuid": "p1", "rolling_upgrade": True},
    },
}


def test_what_the_collector_adds() -> None:
    """Time, microcode, and what xapi says of the host and its pool are written as they are read."""
    member = Membership("p1", True, False, True, {"xen": "4.17.6"})
    moment = Moment("2026-01-01T09:30:00Z")
    host = evolve(made(), microcode=0x5003901, moment=moment, membership=member)
    assert json.loads(dump(host))["host"]["collected"] == COLLECTED
    assert load(dump(host)) == host


@pytest.mark.parametrize(
    ("members", "collected"),
    [
        ({"microcode": 0x2B}, {"microcode": {"xenops-cpu": "0x0000002b"}}),
        ({"microcode": 0}, {"microcode": {"xenops-cpu": "0x00000000"}}),
        ({"moment": Moment("2026-01-01")}, {"time": "2026-01-01"}),
        (
            {"membership": Membership(enabled=True)},
            {"xapi": {"host": {"enabled": True}, "pool": {}}},
        ),
        (
            {"membership": Membership("p1")},
            {"xapi": {"host": {}, "pool": {"uuid": "p1", "rolling_upgrade": False}}},
        ),
    ],
)
def test_what_is_not_known_is_not_written(
    members: dict[str, Any], collected: dict[str, Any]
) -> None:
    """Each part stands alone, and reads back; a host that knows nothing has no such member."""
    host = evolve(made(), **members)
    assert json.loads(dump(host))["host"]["collected"] == collected
    assert load(dump(host)) == host
    assert "collected" not in json.loads(dump(made()))["host"]


@pytest.mark.parametrize(
    ("tellers", "revision"),
    [
        ({"xen": "CPU0: revision 0x2b", "dom0": "microcode: 0x5"}, 0x2B),
        ({"xen": "none", "dom0": "0x5003901"}, 0x5003901),
        ({"xen": 43, "dom0": None, "kernel": "0x5"}, 5),
        ({"xen": "nothing"}, None),
        ({}, None),
        ("0x5", None),
    ],
)
def test_the_revision_of_microcode(tellers: Any, revision: int | None) -> None:
    """The first teller that says one; other texts, and what is none, are passed over."""
    assert load(change("host.collected", {"microcode": tellers})).microcode == revision


@pytest.mark.parametrize(
    "collected",
    [
        [],
        "x",
        {"time": 5, "xapi": [], "microcode": []},
        {"xapi": {"host": [], "pool": 1}},
        {"xapi": {"host": {"software_version": [], "enabled": 1, "coordinator": "yes"}}},
        {"xapi": {"host": {"software_version": {"xen": 4}}, "pool": {"uuid": 5}}},
        {"xapi": {"pool": {"rolling_upgrade": 1}}},
    ],
)
def test_a_collection_of_another_shape(collected: Any) -> None:
    """It is beside the capture proper: what cannot be read of it is as if it were not there."""
    host = load(change("host.collected", collected))
    assert (host.membership, host.moment, host.microcode) == (NO_POOL, UNKNOWN_MOMENT, None)
    assert host.featuresets == example().featuresets


def test_the_collectors_uuid_where_the_capture_has_none() -> None:
    """xapi's host has one; the capture's own comes first."""
    text = dump(evolve(made(), uuid=""))
    document = json.loads(text)
    document["host"]["collected"] = {"xapi": {"host": {"uuid": "h1"}}}
    assert load(json.dumps(document)).uuid == "h1"
    document["host"]["uuid"] = "h0"
    assert load(json.dumps(document)).uuid == "h0"
