"""The POOL methods, called through the bytes of both wires, and HOST.* by the rules of a host."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from tests.pools.test_levelling import records
from tests.service.test_service import Broken
from tests.support.hosts import Fixed, example, made, names
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Xen
from xenops_cpu.interface import (
    Client,
    GuestType,
    InternalError,
    PoolHost,
    PoolVm,
    SecurityKind,
    Verdict,
)
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.sources import Source
from xenops_cpu.wire import JSONRPC, XMLRPC
from xenops_cpu.wire.caller import caller
from xenops_cpu.wire.dispatch import answer

PV, HVM = GuestType.PV, GuestType.HVM
WIRES = pytest.mark.parametrize("wire", [XMLRPC, JSONRPC])


def client(wire: str = XMLRPC, source: Source | None = None) -> Client:
    service = XenopsCpu(source or Fixed(made()))
    return Client(caller(lambda body: answer(service, body), wire))


def host(name: str, default: str, max_: str = "", vendor: str = "GenuineIntel") -> PoolHost:
    most, boot = str(names(f"{default} {max_}")), str(names(default))
    record = {
        "vendor": vendor,
        "cpu_count": "4",
        "socket_count": "1",
        "features_pv": most,
        "features_hvm": most,
        "features_pv_host": boot,
        "features_hvm_host": boot,
    }
    return PoolHost(name, record, True, "4.17")


def vm(name: str, features: str | None, vendor: str = "GenuineIntel") -> PoolVm:
    flags = {"vendor": vendor, "features": str(names(features))} if features is not None else {}
    return PoolVm(name, HVM, flags)


A = host("a", "FPU XSAVE AVX MD_CLEAR", "RTM")
B = host("b", "FPU XSAVE", "RTM MD_CLEAR")


@WIRES
def test_check(wire: str) -> None:
    """Every VM on every host, in order, with names, reasons, risks and remedies."""
    vms = [vm("new", None), vm("plain", "FPU"), vm("wide", "FPU AVX RTM")]
    checked = client(wire).pool_check("x", vms, [A, B])
    assert checked.hosts == ["a", "b"]
    assert [(row.vm, row.verdicts) for row in checked.rows] == [
        ("new", [Verdict.BOOTS, Verdict.BOOTS]),
        ("plain", [Verdict.MIGRATES, Verdict.MIGRATES]),
        ("wide", [Verdict.ONLY_BY_MAX, Verdict.ONLY_BY_FORCE]),
    ]
    by_max, by_force = checked.answers[2:]
    assert (by_max.vms, by_max.hosts) == (["wide"], ["a"])
    assert [checked.features[place].name for place in by_max.only_by_max] == ["RTM"]
    (missing,) = (checked.features[place] for place in by_force.missing)
    assert (missing.name, missing.reason) == ("AVX", "the host's record does not have it")
    assert "XSAVE" in missing.risk
    assert by_force.remedies[-1] == "or move it to a, which can take it in"
    other = client(wire).pool_check("x", [vm("v", "FPU", "AuthenticAMD")], [A])
    assert other.rows[0].verdicts == [Verdict.IMPOSSIBLE]
    assert "AuthenticAMD" in other.answers[0].problems[0]


@WIRES
def test_what_holds_for_many_is_told_once(wire: str) -> None:
    """Equal VMs on equal hosts are one answer, and a feature is in the table once."""
    vms = [vm(f"v{n}", "FPU AVX") for n in range(50)]
    hosts = [evolve(B, name=f"h{n}") for n in range(20)]
    checked = client(wire).pool_check("x", vms, [A, *hosts])
    refused = [a for a in checked.answers if a.verdict is Verdict.ONLY_BY_FORCE]
    assert [(len(a.vms), len(a.hosts)) for a in refused] == [(50, 20)]
    assert len(checked.features) == 1
    assert len(checked.rows) == 50


@WIRES
def test_level(wire: str) -> None:
    """The level by libxc's rules, costs, losses and the security reading."""
    found = client(wire).pool_level("x", [A, B], HVM)
    assert found.features == ["FPU", "XSAVE", "MD_CLEAR"]
    assert found.featureset == str(names("FPU XSAVE MD_CLEAR"))
    assert found.release == "4.17"
    assert [(cost.host, cost.lacks, cost.alone) for cost in found.costs] == [
        ("a", [], []),
        ("b", ["AVX"], ["AVX"]),
    ]
    assert [(loss.feature, loss.hosts) for loss in found.losses] == [("AVX", ["b"])]
    assert found.refused == []
    (refused,) = client(wire).pool_level("x", [A, host("c", "FPU XSAVE")], HVM).refused
    assert (refused.feature, refused.hosts) == ("MD_CLEAR", ["c"])
    assert [(item.kind, item.feature, item.hosts) for item in found.security] == [
        (SecurityKind.FORCED, "MD_CLEAR", ["a"])
    ]


@WIRES
def test_record_and_audit(wire: str) -> None:
    """Pool.cpu_info as xapi makes it; a stored one that is old is told by name."""
    there = client(wire)
    record = there.pool_get_cpu_info("x", [A, B])
    assert record["cpu_count"] == "8"
    assert record["features_hvm_host"] == str(names("FPU XSAVE MD_CLEAR"))
    assert there.pool_audit("x", record, [A, B]) == []
    (one,) = there.pool_audit("x", {**record, "features_pv": str(names("AVX"))}, [A, B])
    assert (one.key, one.lost) == ("features_pv", ["AVX"])
    assert "FPU" in one.gained
    assert there.pool_get_cpu_info("x", [])["vendor"] == ""


@WIRES
def test_the_record_of_before_2023(wire: str) -> None:
    """Asked for by a parameter: seven keys, the levels for migration among them."""
    there = client(wire)
    today = there.pool_get_cpu_info("x", [A, B])
    assert sorted(today) == [
        "cpu_count", "features_hvm_host", "features_pv_host", "socket_count", "vendor",
    ]  # fmt: skip
    before = there.pool_get_cpu_info("x", [A, B], before_2023=True)
    assert {key: before[key] for key in today} == today
    assert sorted(before.keys() - today.keys()) == ["features_hvm", "features_pv"]
    assert there.pool_get_cpu_info("x", [A, B], before_2023=False) == today
    assert there.pool_audit("x", before, [A, B]) == []


def test_featuresets_are_as_xapi_writes_them() -> None:
    """In every record of a host, a VM or a pool; the error names whose and which."""
    there = client()
    loose = PoolHost("h", {**A.cpu_info, "features_hvm_host": "1:2"}, True, "4.17")
    calls: list[Callable[[], object]] = [
        lambda: there.pool_get_cpu_info("x", [loose]),
        lambda: there.pool_level("x", [loose], HVM),
        lambda: there.pool_plan("x", [A], [loose], []),
        lambda: there.pool_audit("x", {}, [loose]),
    ]
    for call in calls:
        with pytest.raises(InternalError, match="h: features_hvm_host: '1:2' is not a featureset"):
            call()
    with pytest.raises(InternalError, match="vms: v: features: ' 1' is not a featureset"):
        there.pool_check("x", [PoolVm("v", HVM, {"features": " 1"})], [A])
    with pytest.raises(InternalError, match="features_pv: '1 ' is not a featureset"):
        there.pool_audit("x", {"features_pv": "1 "}, [A])


@WIRES
def test_plan(wire: str) -> None:
    """A join: what each level loses, and the VM that the newcomer refuses."""
    found = client(wire).pool_plan("x", [A], [A, B], [vm("wide", "AVX"), vm("plain", "FPU")])
    assert [(change.guest_type, change.lost) for change in found.changes] == [
        (PV, ["AVX"]),
        (HVM, ["AVX"]),
    ]
    (touched,) = found.vms
    assert (touched.vm, touched.stranded) == ("wide", False)
    assert [(answer.vms, answer.hosts) for answer in found.answers] == [(["wide"], ["b"])]
    assert [found.features[place].name for place in found.answers[0].missing] == ["AVX"]


@WIRES
def test_split(wire: str) -> None:
    """Two parts, their levels, and what is given up; too few parts are an error with words."""
    there = client(wire)
    found = there.pool_split("x", [A, B, host("c", "FPU XSAVE", "RTM MD_CLEAR")], HVM, 2)
    assert [part.hosts for part in found.parts] == [["a"], ["b", "c"]]
    assert (found.given_up, found.exact) == (0, True)
    with pytest.raises(InternalError, match="parameter parts: 2 hosts run HVM guests: no 0 parts"):
        there.pool_split("x", [A, B], HVM, 0)


def test_errors_name_parameter_host_and_word() -> None:
    """Each wrong record is told by the parameter, its name and what was read."""
    there = client()
    bad = PoolHost("bad", {"features_pv": "12g4"}, True, "")
    with pytest.raises(InternalError, match='hosts: bad: features_pv: featureset word 0: "12g4"'):
        there.pool_level("x", [bad], PV)
    with pytest.raises(InternalError, match=r'parameter before: "9\.9" is not a Xen release'):
        there.pool_plan("x", [PoolHost("h", {"features_pv": "1"}, True, "9.9")], [], [])
    with pytest.raises(InternalError, match="parameter vms: v: features: featureset word 0"):
        there.pool_check("x", [PoolVm("v", HVM, {"features": "?"})], [])
    with pytest.raises(InternalError, match=r"parameter stored: .*: features_pv: featureset"):
        there.pool_audit("x", {"features_pv": "?"}, [A])
    many = PoolHost("h", {**A.cpu_info, "cpu_count": "9" * 5000}, True, "")
    for ask in (there.pool_get_cpu_info, lambda task, hosts: there.pool_level(task, hosts, HVM)):
        with pytest.raises(InternalError, match=r"hosts: h: cpu_count: .* is not a whole number"):
            ask("x", [many])
    with pytest.raises(InternalError, match=r"parameter hosts: .*cpu_count"):
        there.pool_get_cpu_info("x", [PoolHost("h", {**A.cpu_info, "cpu_count": "?"}, True, "")])


def test_old_hosts_are_passed_over_in_the_record() -> None:
    """A host of before XenServer 7, of any number of words, does not spoil the pool's record."""
    old = PoolHost("old", {"vendor": "x", "features": "ffff1111-a5a56666"}, True, "")
    assert client().pool_get_cpu_info("x", [old, A])["cpu_count"] == "4"


def test_without_a_host_the_length_decides() -> None:
    """A service that cannot read its host still answers for pools."""
    there = client(source=Broken())
    unnamed = PoolHost("a", A.cpu_info, True, "")
    assert there.pool_level("x", [unnamed], HVM).release == "master"
    assert there.pool_level("x", [A], HVM).release == "4.17"


def test_a_host_of_the_same_length_is_taken_for_the_same_release() -> None:
    """The service's own release names the words of hosts that do not say theirs."""
    record = xapi_map(cpu_info(example("epyc-xen-4.20")))
    found = client(source=Fixed(example())).pool_level("x", [PoolHost("h", record, True, "")], HVM)
    assert found.release == example().release.name


@pytest.mark.parametrize(
    ("xen", "version"),
    [
        ("4.17", "4.17.5"),
        ("xenserver-8-4.17.3-4", "4.17.3-4"),
        ("xenserver-8.2-4.13.5-9.39", "4.13.5-9.39"),
    ],
)
def test_combine_is_libxcs_on_such_a_host(xen: str, version: str) -> None:
    """HOST.combine_cpu_policies answers what that host's libxc answers, to the bit."""
    sets = made("FPU", "FPU", "FPU", xen).featuresets
    there = client(source=Fixed(evolve(made(), xen=Xen(version), featuresets=sets)))
    own = [record for record in records("combine.jsonl") if record["release"] == xen]
    assert own
    for record in own:
        found = there.host_combine_cpu_policies("x", record["left"], record["right"])
        assert found == record["level"]
