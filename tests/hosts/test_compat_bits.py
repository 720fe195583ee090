"""Compatibility bits: reproduced from what XenServer's libxc answers, and told apart from Xen's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from tests import GOLDEN, SHARED
from xenops_cpu.cpuid.words import featureset_policy
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES as RELEASE_NAMES
from xenops_cpu.features.release import Release, release
from xenops_cpu.hosts import compat_bits
from xenops_cpu.hosts.host import Featuresets, Host, Processor, Topology, Xen
from xenops_cpu.sources.recorded import Example

RELEASES = {
    "pq417": "4.17", "xs8": "xenserver-8-4.17.3-4", "xs8.2": "xenserver-8.2-4.13.5-9.39",
    "4.13": "4.13", "xsr": "xenserver-8.2-retrofit",
}  # fmt: skip

Record = dict[str, Any]


def records() -> list[Record]:
    file = GOLDEN / "compat" / "records.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def parse(text: str | list[str]) -> Featureset:
    return Featureset.parse(text if isinstance(text, str) else "-".join(text))


def release_of(record: Record) -> Release:
    return release(RELEASES[str(record.get("hypervisor", record["libxc"]))])


def own(record: Record) -> Featureset:
    """Xen's own set: max where it has one, else the only one."""
    sets: dict[str, str | list[str]] = record["in"]
    return parse(sets.get(record["name"]) or sets[record["name"].replace("max", "default")])


def published(record: Record, of: Featureset) -> Featureset:
    sets = record["in"]
    return compat_bits.published(
        release_of(record),
        record["name"],
        record["vendor"],
        parse(sets.get("raw", "")),
        parse(sets["host"]),
        of,
    )


def sets_of(record: Record) -> Featuresets:
    """The host's sets as libxc answers them, with nothing of the other guest type."""
    sets = record["in"]
    kind = record["name"].partition("_")[0]
    answered, default = parse(record["out"]), parse(sets[f"{kind}_default"])
    empty = Featureset(0, answered.length)
    made = Featuresets(parse(sets.get("raw", "")), parse(sets["host"]), empty, empty)
    return evolve(made, **{f"{kind}_default": default, f"{kind}_max": answered})


@pytest.mark.parametrize("record", records(), ids=lambda r: f"{r['libxc']}-{r['name']}-{r['id']}")
def test_what_libxc_publishes(record: Record) -> None:
    """The rules give what XenServer's libxc gives; applied to its answer, they add nothing."""
    answered = parse(record["out"])
    assert published(record, own(record)) == answered
    assert published(record, answered) == answered


@pytest.mark.parametrize("name", ["xenserver-max-compat", "retrofit-4.13"])
def test_every_record(name: str) -> None:
    """The same for each record of the whole collection."""
    file = SHARED / "xen" / "golden" / f"{name}.jsonl"
    if not file.exists():
        pytest.skip("the whole collection is not beside this project")
    for line in file.read_text().splitlines():
        record = json.loads(line)
        if record["index"] in (4, 5):
            assert published(record, own(record)) == parse(record["out"]), record["id"]


@pytest.mark.parametrize("record", records(), ids=lambda r: f"{r['libxc']}-{r['name']}-{r['id']}")
def test_labels(record: Record) -> None:
    """Each added bit gets its reason; with Xen's own policy these are all and nothing else."""
    made_for, sets = release_of(record), sets_of(record)
    added = parse(record["out"]) - own(record)
    policies = {record["name"]: featureset_policy(own(record), made_for)}
    exact = compat_bits.labels(made_for, record["vendor"], sets, policies)[record["name"]]
    assert set(exact) == set(added)
    assert all(exact.values())
    guessed = compat_bits.labels(made_for, record["vendor"], sets)[record["name"]]
    default = parse(record["in"][record["name"].replace("max", "default")])
    assert set(guessed) >= set(added - default)
    assert not set(guessed) & set(default)


def test_a_note_names_them() -> None:
    """One sentence for a set, with the names of its bits."""
    record = next(r for r in records() if r["libxc"] == "pq417" and r["name"] == "hvm_max")
    made_for = release_of(record)
    notes = compat_bits.notes(
        made_for,
        record["vendor"],
        sets_of(record),
        {"hvm_max": featureset_policy(own(record), made_for)},
    )
    added = made_for.names(parse(record["out"]) - own(record))
    assert len(notes) == 1
    assert notes[0].startswith("HVM max")
    assert set(added) <= set(notes[0].split())
    assert "IBS" in added


@pytest.mark.parametrize("name", RELEASE_NAMES)
def test_the_rules_name_features_that_there_are(name: str) -> None:
    """Whatever hypervisor a patched libxc runs on, that release knows the features of its rules."""
    xen = release(name)
    for rule in compat_bits.RULES:
        if compat_bits.rules_of(xen) in rule.releases:
            assert set(rule.names) <= set(xen.features)


def test_short_sets_are_not_made_longer() -> None:
    """What lies beyond the words that a hypervisor answered in is not published."""
    xen = release("xenserver-8-4.17.3-4")
    raw = host = xen.featureset(["FPU", "HLE", "RTM"])
    for length in (2, 3, 5, 6):
        own = Featureset(1, length)
        answered = compat_bits.published(xen, "hvm_max", "GenuineIntel", raw, host, own)
        assert answered.length == length
        nothing = Featureset(0, length)
        empty = compat_bits.published(xen, "hvm_max", "GenuineIntel", raw, host, nothing)
        assert "FPU" not in xen.names(empty)
        added = {"FPU", "VMX"}
        added |= {"<2*32+0>"} if length > 2 else set()
        added |= {"IBS"} if length > 3 else set()
        added |= {"HLE", "RTM"} if length > 5 else set()
        assert set(xen.names(answered)) == added


def test_a_policy_tells_what_xen_itself_has() -> None:
    """A bit that Xen's own max policy has was not added by libxc; without the policy it may be."""
    xen = release("xenserver-8-4.17.3-4")
    boot, most = xen.featureset(["FPU"]), xen.featureset(["FPU", "VMX", "IBS"])
    host = Host(
        origin="made up",
        xen=Xen(xen.version),
        processor=Processor(vendor="GenuineIntel"),
        topology=Topology(1, 1, 1, 1),
        iommu=False,
        hvm=True,
        featuresets=Featuresets(most, most, boot, boot, most, most),
        policies={"hvm_max": featureset_policy(xen.featureset(["FPU", "VMX"]), xen)},
    )
    assert host.release is xen
    assert xen.names(compat_bits.host_labels(host)["hvm_max"]) == ["IBS"]
    unknown = compat_bits.host_labels(evolve(host, policies={}))
    assert xen.names(unknown["hvm_max"]) == ["VMX", "IBS"]
    told = compat_bits.notes(xen, "GenuineIntel", host.featuresets, host.policies)
    assert told == ["HVM max has bits for compatibility only, which XenServer's libxc adds: IBS"]
    untold = compat_bits.notes(xen, "GenuineIntel", host.featuresets)
    assert untold[0].endswith(" adds: VMX IBS")


def test_hle_without_rtm() -> None:
    """Each feature of a rule is looked at by itself: RTM may come where HLE does not."""
    xen = release("xenserver-8-4.17.3-4")
    raw = host = xen.featureset(["FPU", "RTM"])
    own = xen.featureset(["FPU"])
    answered = compat_bits.published(xen, "pv_max", "GenuineIntel", raw, host, own)
    assert "RTM" in xen.names(answered)
    assert "HLE" not in xen.names(answered)


def test_upstream_has_none() -> None:
    """A host that does not run XenServer's code has no such labels, whatever its bits."""
    assert compat_bits.host_labels(Example("epyc-xen-4.17").read()) == {}
