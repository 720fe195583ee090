"""xapi's string maps of hosts and VMs, young and old."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hosts import EXAMPLES, example
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Processor, Topology
from xenops_cpu.hosts.record import of_cpu_info
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.member import member_of_record, member_of_set
from xenops_cpu.pools.vm import Vm, as_type, of_flags, of_words

PV, HVM = GuestType.PV, GuestType.HVM
# An Intel host's Host.cpu_info:features and a VM's record, as XenServer 6 wrote them.
OLD_STYLE = "0098e3fd-bfebfbff-00000001-20100800"


@pytest.mark.parametrize("name", EXAMPLES)
def test_xapis_record_of_a_host(name: str) -> None:
    """What xapi stores of a host gives its boot and migration sets back, by guest type."""
    host = example(name)
    record = xapi_map(cpu_info(host))
    member = member_of_record(record, "h", host.release)
    assert str(member.boot(PV)) == record["features_pv_host"]
    assert str(member.migration(PV)) == record["features_pv"]
    assert (HVM in member.offers) is host.hvm
    assert member.cpu_count == host.topology.cpu_count
    assert len([note for note in member.notes if "not told" not in note]) <= 1


def test_a_record_without_host_keys() -> None:
    """Its one set a guest type stands for boot and migration, and a note says so."""
    member = member_of_record({"features_pv": "1-2", "features_hvm": "3-2"}, "h")
    assert str(member.boot(PV)) == str(member.migration(PV)) == "00000001-00000002"
    assert str(member.boot(HVM)) == "00000003-00000002"
    assert member.notes[0] == ("features_pv_host is missing: features_pv is taken for boot as well")


def test_hvm_as_the_caller_says() -> None:
    """Without a word from the caller, HVM runs where its set has features."""
    record = {"features_pv": "1", "features_hvm": "00000000-00000000"}
    assert list(member_of_record(record, "h").offers) == [PV]
    assert HVM in member_of_record(record, "h", hvm=True).offers
    record["features_hvm"] = "1"
    assert HVM not in member_of_record(record, "h", hvm=False).offers


def test_a_host_of_xenserver_6() -> None:
    """Four words in the old order: leaf 1 ECX first."""
    member = member_of_record({"vendor": "GenuineIntel", "features": OLD_STYLE}, "h")
    assert str(member.boot(HVM)) == "bfebfbff-0098e3fd-20100800-00000001"
    assert not member.migration(HVM).length
    assert "in the order of XenServer 6.x" in member.notes[0]


def test_the_words_of_xenserver_6_are_host_and_boot() -> None:
    """One set for all guests and for the host; the whole note says what that means."""
    parts = of_cpu_info({"features": OLD_STYLE}, "h")
    ordered = Featureset.parse("bfebfbff-0098e3fd-20100800-00000001")
    assert parts.sets == dict.fromkeys(("host", "pv_default", "hvm_default"), ordered)
    assert parts.notes == (
        "features has four words in the order of XenServer 6.x (1c, 1d, e1c, e1d): put in Xen's "
        "order; guests got that set at boot, and xapi since XenServer 7 migrates nothing to such a "
        "host",
    )


def test_each_guest_type_may_lack_its_boot_set() -> None:
    """The note is of that guest type alone, and its migration set stands for boot."""
    parts = of_cpu_info({"features_pv": "1", "features_pv_host": "2", "features_hvm": "3"}, "h")
    assert parts.notes == ("features_hvm_host is missing: features_hvm is taken for boot as well",)
    assert {name: str(words) for name, words in parts.sets.items()} == {
        "pv_default": "00000002", "pv_max": "00000001",
        "hvm_max": "00000003", "hvm_default": "00000003",
    }  # fmt: skip


def test_counts_and_lines_of_a_record() -> None:
    """Seven digits are a count, more are none; without a line or a count nothing is told."""
    told = of_cpu_info(
        {"cpu_count": "9999999", "socket_count": " 2 ", "vendor": "v", "model": "7"}, "h"
    )
    assert told.topology == Topology(9_999_999, 2, 0, 0)
    assert told.processor == Processor(vendor="v", model="7")
    assert of_cpu_info({}, "h").processor is None
    assert of_cpu_info({"cpu_count": "10000000"}, "h").topology is None
    long = "9" * 50
    with pytest.raises(InputError, match=f'h: cpu_count: "{long[:40]}" is not a whole number of'):
        of_cpu_info({"features_pv": "1", "cpu_count": long}, "h", strict=True)
    lenient = of_cpu_info({"cpu_count": long}, "h")
    assert lenient.notes == (f'cpu_count is "{long[:40]}", which is no count: not counted',)


def test_a_vm_of_xenserver_6() -> None:
    """Reordered, and without what the host had and no guest gets; the note names that."""
    vm = of_flags({"vendor": "GenuineIntel", "features": OLD_STYLE}, "v", HVM)
    assert vm.features is not None
    xen = release("master")
    seen = xen.names(vm.features)
    assert {"SSE2", "SSSE3", "LM", "LAHF_LM"} <= set(seen)
    assert "EIST" not in seen
    assert "left out" in vm.notes[1]
    assert "EIST" in vm.notes[1]
    assert vm.stored == Featureset.parse(OLD_STYLE)


def test_lengths_are_kept() -> None:
    """No set is cut or extended when it is read, and its release follows from its length."""
    for length, name in ((10, "4.12"), (11, "4.13"), (19, "master"), (22, "xenserver-8-4.17.3-4")):
        text = "-".join(["00000001"] * length)
        member = member_of_record({"features_pv": text}, "h")
        assert str(member.boot(PV)) == text
        assert member.release.name == name


def test_a_vm_that_is_shut_down_has_seen_nothing() -> None:
    """An empty map, and an empty featureset, are the same."""
    assert of_flags({}, "v", PV).features is None
    assert of_flags({"vendor": "x", "features": " "}, "v", PV).features is None


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (
            {},
            "^h: there is no featureset of guests: features, features_hvm, features_hvm_host, "
            "features_pv, features_pv_host are keys of xapi's record$",
        ),
        ({"features": "1-2"}, "h: there is no featureset of guests"),
        ({"features_pv": "1-zz"}, 'h: features_pv: featureset word 1: "zz"'),
        (
            {"features_pv": "1", "cpu_count": "many"},
            'h: cpu_count: "many" is not a whole number',
        ),
        ({"features_pv": "1", "cpu_count": "-1"}, 'h: cpu_count: "-1" is not a whole number'),
    ],
)
def test_a_host_record_that_is_none(record: dict[str, str], problem: str) -> None:
    """The error has the host's name and the key."""
    with pytest.raises(InputError, match=problem):
        member_of_record(record, "h")


def test_a_count_that_is_none_is_noted_in_a_file() -> None:
    """What a person has as a file is read all the same; over the wire it is refused."""
    parts = of_cpu_info({"features_pv": "1", "cpu_count": "9" * 5000}, "h")
    assert any("which is no count" in note for note in parts.notes)
    assert parts.topology is None


def test_single_featuresets() -> None:
    """A host by a featureset alone; what is not known is noted."""
    member = member_of_set(Featureset.parse("1:2"), "h", HVM)
    assert list(member.offers) == [HVM]
    assert "one featureset is known" in member.notes[0]
    assert not member.certain
    with pytest.raises(InputError, match='v: features: featureset word 0: "x"'):
        of_flags({"features": "x"}, "v", HVM)


@pytest.mark.parametrize(
    ("words", "order", "said"),
    [
        ("bfebfbff-029ee3ff-2c100800-00000001", "as it is", ""),
        ("029ee3ff-bfebfbff-00000001-2c100800", "turned", "XenServer 6's"),
        ("bfebfbff-bfebfbff-2c100800-00000001", "as it is", "can be read in two orders"),
        ("00000001-00000002-00000003-00000004", "as it is", "make sense in no order"),
    ],
)
def test_four_words_are_taken_in_the_order_that_makes_sense(
    words: str, order: str, said: str
) -> None:
    """Leaf 1 EDX tells them apart; what can be read in two orders, or in none, is said."""
    vm = of_words(Featureset.parse(words), Vm("v", HVM))
    assert vm.features is not None
    first = words.split("-")[0 if order == "as it is" else 1]
    assert vm.features.words[0] & int(first, 16) == vm.features.words[0]
    assert bool(vm.notes) is bool(said)
    assert said in " ".join(vm.notes)


def test_a_type_that_contradicts_the_record_is_said() -> None:
    """The caller's word counts, and the answer tells; nothing told is no contradiction."""
    recorded = of_flags({"features": "1"}, "v", PV)
    assert as_type(recorded, HVM).guest is HVM
    assert "its record says PV" in as_type(recorded, HVM).notes[-1]
    assert as_type(recorded, PV).notes == ()
    untold = of_flags({"features": "1"}, "v", None)
    assert "not told" in untold.notes[0]
    assert as_type(untold, PV).notes == ()


@given(st.lists(st.integers(0, 0xFFFFFFFF), min_size=5, max_size=23))
def test_longer_records_are_as_they_stand(words: list[int]) -> None:
    """Only four words can be of another order."""
    featureset = Featureset.of_words(words)
    vm = of_flags({"features": str(featureset)}, "v", HVM)
    assert (vm.features, vm.stored, vm.notes) == (featureset, None, ())


def test_labels_of_a_xenserver_record() -> None:
    """Bits that XenServer's libxc adds to max for old VMs are told apart in its records."""
    xen = release("xenserver-8-4.17.3-4")
    boot = xen.featureset(["FPU", "SSE"])
    most = xen.featureset(["FPU", "SSE", "IBS", "VMX", "RTM", "AVX"])
    record = {
        "vendor": "GenuineIntel",
        "features_pv": str(boot),
        "features_hvm": str(most),
        "features_hvm_host": str(boot),
        "features_pv_host": str(boot),
    }
    member = member_of_record(record, "h")
    assert member.release is xen
    assert xen.names(sorted(member.compat_bits[HVM])) == ["VMX", "IBS", "RTM"]
    assert member.compat_bits[PV] == {}
    assert member_of_record(record, "h", release("4.17")).compat_bits == {}
