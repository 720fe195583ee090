"""Stored records: the pool's as it should be, whether a host runs HVM, and what differs."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from tests.support.pools import HVM, PV, host
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.pools.audit import Finding, VmFinding, compat_bits, of_host, of_pool, of_vms
from xenops_cpu.pools.member import member_of
from xenops_cpu.pools.records import HostRecord, pool_cpu_info, runs_hvm
from xenops_cpu.pools.vm import Vm


def record(text: str, xen: str = "4.17", **other: str) -> dict[str, str]:
    """A host's record with one set for all."""
    keys = ("features_pv", "features_hvm", "features_pv_host", "features_hvm_host")
    sets = dict.fromkeys(keys, str(names(text, xen)))
    return {"vendor": "GenuineIntel", "cpu_count": "4", "socket_count": "1", **sets, **other}


def test_whose_rules_a_pool_follows() -> None:
    """Those that are told, else those of the longest set: 4.13 does not OR MD_CLEAR, 4.17 does."""
    old = [HostRecord(record(text, "4.13"), hvm=True) for text in ("FPU MD_CLEAR", "FPU")]
    assert pool_cpu_info(old)["features_hvm_host"] == str(names("FPU", "4.13"))
    new = [HostRecord(record(text), hvm=True) for text in ("FPU MD_CLEAR", "FPU")]
    assert pool_cpu_info(new)["features_hvm_host"] == str(names("FPU MD_CLEAR"))
    mixed = [old[0], new[1]]
    assert Featureset.parse(pool_cpu_info(mixed)["features_pv_host"]) == names("FPU MD_CLEAR")
    assert pool_cpu_info(new, release("4.13"))["features_hvm_host"] == str(names("FPU"))


def test_a_count_of_seven_digits() -> None:
    """More digits are none; the message shows forty characters."""
    good = pool_cpu_info([HostRecord(record("FPU", cpu_count=" 9999999 "), hvm=True)])
    assert good["cpu_count"] == "9999999"
    for count in ("10000000", "9" * 60, "-1", "٣"):
        with pytest.raises(InputError) as refused:
            pool_cpu_info([HostRecord(record("FPU", cpu_count=count), hvm=True)])
        assert str(refused.value) == (
            f'cpu_count: "{count[:40]}" is not a whole number of up to 7 digits'
        )


@pytest.mark.parametrize(
    ("cpu_info", "runs"),
    [
        ({}, False),
        ({"features_pv": "1"}, False),
        ({"features_hvm": "0-0"}, False),
        ({"features_hvm": "0-1"}, True),
        ({"features_hvm_host": "1"}, True),
        ({"features_hvm": "0", "features_hvm_host": "1"}, True),
    ],
)
def test_whether_a_record_tells_of_hvm(cpu_info: dict[str, str], runs: bool) -> None:
    """By a set of theirs with features, of either kind."""
    assert runs_hvm(cpu_info) is runs


def test_a_set_that_is_none_is_named_by_its_key() -> None:
    """Also where only the question is whether there are HVM guests."""
    with pytest.raises(InputError, match=r"^features_hvm_host: featureset word 0"):
        runs_hvm({"features_hvm_host": "x"})


def test_a_finding_in_words() -> None:
    """What is lost and gained by name, or what is stored and what it should be."""
    assert str(Finding("h", "k", "1", "2", ("AVX", "AVX2"))) == (
        "h: k has AVX AVX2, which is not so any more"
    )
    assert str(Finding("h", "k", "1", "2", (), ("AVX", "AVX2"))) == "h: k lacks AVX AVX2"
    assert str(Finding("h", "k", "1", "2", ("HLE",), ("AVX",))) == (
        "h: k has HLE, which is not so any more; lacks AVX"
    )
    assert str(Finding("h", "k", "1", "2")) == 'h: k is "1", should be "2"'
    assert str(Finding("h", "k", "", "2")) == 'h: k is missing, should be "2"'


def test_a_hosts_record_held_to_its_xen() -> None:
    """Nothing where it is as it should be; else the host's name, the key, both values."""
    read = made("FPU SSE", "FPU SSE HLE")
    stored = xapi_map(cpu_info(read))
    assert list(of_host("h", stored, read)) == []
    old = {**stored, "features_hvm_host": str(names("FPU AVX")), "cpu_count": "2"}
    assert list(of_host("h", old, read)) == [
        Finding("h", "cpu_count", "2", "4"),
        Finding(
            "h",
            "features_hvm_host",
            str(names("FPU AVX")),
            str(names("FPU SSE")),
            ("AVX",),
            ("SSE",),
        ),
    ]


def test_a_pools_record_held_to_its_hosts() -> None:
    """The level of the hosts' records by the rules of the newest member; no members: by length."""
    hosts = [HostRecord(record("FPU MD_CLEAR"), hvm=True), HostRecord(record("FPU"), hvm=True)]
    right = pool_cpu_info(hosts)
    assert list(of_pool("pool", right, hosts, [])) == []
    assert list(of_pool("pool", right, hosts, [host("a", "FPU"), host("b", "FPU")])) == []
    old = [host("a", "FPU", xen="4.13")]
    (first, *_) = of_pool("pool", right, hosts, old)
    assert first == Finding(
        "pool", "features_hvm_host", str(names("FPU MD_CLEAR")), str(names("FPU")), ("MD_CLEAR",)
    )
    wrong = {**right, "features_pv_host": str(names("FPU"))}
    assert [str(finding) for finding in of_pool("pool", wrong, hosts, [])] == [
        "pool: features_pv_host lacks MD_CLEAR"
    ]


def test_no_hosts_have_no_vms_to_judge() -> None:
    """Nothing is said of VMs where there is no host to compare them with."""
    assert list(of_vms([Vm("v", HVM, names("FPU"))], [])) == []


def test_a_vm_whose_record_is_in_order() -> None:
    """No finding where some host takes it in."""
    members = [host("a", "FPU"), host("b", "FPU AVX")]
    assert list(of_vms([Vm("v", HVM, names("FPU AVX"))], members)) == []


def test_a_vm_that_no_host_takes_in() -> None:
    """The nearest host is named: of the mildest verdict, then with the fewest missing features."""
    vm = Vm("v", HVM, names("FPU AVX AVX2 SHA"), "GenuineIntel")
    amd = host("amd", "FPU AVX AVX2 SHA", vendor="AuthenticAMD")
    members = [amd, host("far", "FPU"), host("near", "FPU AVX"), host("as near", "FPU AVX2")]
    assert list(of_vms([vm], members)) == [
        VmFinding(vm, "no host takes it in; the nearest is near: lacks AVX2 SHA")
    ]
    assert list(of_vms([vm], [amd])) == [
        VmFinding(
            vm,
            "no host takes it in; the nearest is amd: the VM was started on a CPU of GenuineIntel, "
            "the host has one of AuthenticAMD: xapi refuses that",
        )
    ]
    both = Vm("v", HVM, names("FPU MPX"), "GenuineIntel")
    (finding,) = of_vms([both], [amd])
    assert finding.text.endswith("has one of AuthenticAMD: xapi refuses that; lacks MPX")


def test_a_pv_guest_with_an_hvm_set() -> None:
    """The features that give it away are named, by the names of the newest member."""
    vm = Vm("v", PV, names("FPU VME MTRR"), "GenuineIntel")
    finding, *_ = of_vms([vm], [host("a", "FPU")])
    assert finding == VmFinding(
        vm,
        "a PV guest with an HVM featureset (VME MTRR): its domain type was changed after it "
        "booted; start it anew",
    )


def test_compatibility_bits_by_name() -> None:
    """Of the VMs that have some, with where each comes from."""
    xen = release("xenserver-8-4.17.3-4")
    old = Vm("old", HVM, xen.featureset(["FPU", "IBS"]), "GenuineIntel")
    plain = Vm("plain", HVM, names("FPU"), "GenuineIntel")
    members = [member_of(evolve(made(), xen=evolve(made().xen, version=xen.version)))]
    assert list(compat_bits([plain, old], members)) == [
        (
            old,
            {"IBS": "Xen 4.7 showed it falsely, on Intel too: every VM from then has it in its "
             "record"},
        )
    ]  # fmt: skip
