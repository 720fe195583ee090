"""xapi's string maps, young and old."""

from __future__ import annotations

import pytest

from tests.support.hosts import EXAMPLES, example
from xenops_cpu.features.release import release
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.pools.member import GuestType
from xenops_cpu.pools.records import (
    RecordError,
    member_of_featureset,
    member_of_map,
    read_map,
    vm_of_featureset,
    vm_of_map,
)

PV, HVM = GuestType.PV, GuestType.HVM
# An Intel host's Host.cpu_info:features and a VM's record, as XenServer 6 wrote them.
OLD_STYLE = "0098e3fd-bfebfbff-00000001-20100800"


@pytest.mark.parametrize(
    "text",
    [
        '{"vendor": "GenuineIntel", "features": "1-2"}',
        "vendor: GenuineIntel; features: 1-2",
        "  vendor          : GenuineIntel\n  features        : 1-2\n",
        "cpu_info (MRO): vendor: GenuineIntel; features: 1-2",
        "last-boot-CPU-flags ( RO): vendor: GenuineIntel; features: 1-2",
    ],
)
def test_maps_as_xe_prints_them(text: str) -> None:
    """JSON, one line, a line for each key, and with the parameter's name in front."""
    assert read_map(text) == {"vendor": "GenuineIntel", "features": "1-2"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the map is empty"),
        ("1fc9cbf5-f6f83203", 'is not "key: value"'),
        ('{"vendor": 3}', 'key "vendor": 3 is not a string'),
        ("{", "not JSON"),
    ],
)
def test_a_text_that_is_no_map(text: str, problem: str) -> None:
    """The error says what was read."""
    with pytest.raises(RecordError, match=problem):
        read_map(text)


@pytest.mark.parametrize("name", EXAMPLES)
def test_xapis_record_of_a_host(name: str) -> None:
    """What xapi stores of a host gives its boot and migration sets back, by guest type."""
    host = example(name)
    record = xapi_map(cpu_info(host))
    member = member_of_map(record, "h", host.release)
    assert str(member.boot(PV)) == record["features_pv_host"]
    assert str(member.migration(PV)) == record["features_pv"]
    assert (HVM in member.offers) is host.hvm
    assert member.cpu_count == host.topology.cpu_count
    assert member.notes == ()


def test_a_record_without_host_keys() -> None:
    """Its one set a guest type stands for boot and migration, and a note says so."""
    member = member_of_map({"features_pv": "1-2", "features_hvm": "3-2"}, "h")
    assert str(member.boot(PV)) == str(member.migration(PV)) == "00000001-00000002"
    assert str(member.boot(HVM)) == "00000003-00000002"
    assert len(member.notes) == 2
    assert "h has no features_pv_host" in member.notes[0]


def test_hvm_as_the_caller_says() -> None:
    """Without a word from the caller, HVM runs where its set has features."""
    record = {"features_pv": "1", "features_hvm": "00000000-00000000"}
    assert list(member_of_map(record, "h").offers) == [PV]
    assert HVM in member_of_map(record, "h", hvm=True).offers
    record["features_hvm"] = "1"
    assert HVM not in member_of_map(record, "h", hvm=False).offers


def test_a_host_of_xenserver_6() -> None:
    """Four words in the old order: leaf 1 ECX first."""
    member = member_of_map({"vendor": "GenuineIntel", "features": OLD_STYLE}, "h")
    assert str(member.boot(HVM)) == "bfebfbff-0098e3fd-20100800-00000001"
    assert "of XenServer 6" in member.notes[0]


def test_a_vm_of_xenserver_6() -> None:
    """Reordered, and without what the host had and no guest gets; the note names that."""
    vm = vm_of_map({"vendor": "GenuineIntel", "features": OLD_STYLE}, "v", HVM)
    assert vm.features is not None
    xen = release("master")
    seen = xen.names(vm.features)
    assert {"SSE2", "SSSE3", "LM", "LAHF_LM"} <= set(seen)
    assert "EIST" not in seen
    assert "left out" in vm.notes[1]
    assert "EIST" in vm.notes[1]


def test_lengths_are_kept() -> None:
    """No set is cut or extended when it is read, and its release follows from its length."""
    for length, name in ((10, "4.12"), (11, "4.13"), (19, "master"), (22, "xenserver-8-4.17.3-4")):
        text = "-".join(["00000001"] * length)
        member = member_of_map({"features_pv": text}, "h")
        assert str(member.boot(PV)) == text
        assert member.release.name == name


def test_a_vm_that_is_shut_down_has_seen_nothing() -> None:
    """An empty map, and an empty featureset, are the same."""
    assert vm_of_map({}, "v", PV).features is None
    assert vm_of_map({"vendor": "x", "features": " "}, "v", PV).features is None


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ({}, 'h: there is no key "features"'),
        ({"features": "1-2"}, "h: features: 2 words; XenServer 6 has 4"),
        ({"features_pv": "1-zz"}, 'h: features_pv: featureset word 1: "zz"'),
        ({"features_pv": "1", "cpu_count": "many"}, 'h: cpu_count: "many" is not a whole number'),
        ({"features_pv": "1", "cpu_count": "-1"}, 'h: cpu_count: "-1" is not a whole number'),
    ],
)
def test_a_host_record_that_is_none(record: dict[str, str], problem: str) -> None:
    """The error has the host's name and the key."""
    with pytest.raises(RecordError, match=problem):
        member_of_map(record, "h")


def test_single_featuresets() -> None:
    """A host and a VM by a featureset alone; what is not known is noted."""
    member = member_of_featureset("1:2", "h", HVM)
    assert list(member.offers) == [HVM]
    assert "one featureset is known" in member.notes[0]
    vm = vm_of_featureset("1", "v", HVM, "GenuineIntel")
    assert (str(vm.features), vm.vendor) == ("00000001", "GenuineIntel")
    with pytest.raises(RecordError, match='v: featureset word 0: "x"'):
        vm_of_featureset("x", "v", HVM)


def test_labels_of_a_xenserver_record() -> None:
    """Bits that XenServer's libxc adds to max for old VMs are told apart in its records."""
    xen = release("xenserver-8")
    boot = xen.featureset(["FPU", "SSE"])
    most = xen.featureset(["FPU", "SSE", "IBS", "VMX", "RTM", "AVX"])
    record = {
        "vendor": "GenuineIntel",
        "features_pv": str(boot),
        "features_hvm": str(most),
        "features_hvm_host": str(boot),
        "features_pv_host": str(boot),
    }
    member = member_of_map(record, "h")
    assert member.release is xen
    assert xen.names(sorted(member.labels[HVM])) == ["VMX", "IBS", "RTM"]
    assert member.labels[PV] == {}
    assert member_of_map(record, "h", release("4.17")).labels == {}
