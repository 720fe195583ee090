"""The work of POOL calls is bounded before it starts; a real pool is within the bounds."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.service.test_pools import HVM, A, B, client, host, vm
from tests.support.hosts import example
from tests.support.limits import reaches
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.interface import InternalError, PoolHost, PoolVm
from xenops_cpu.limits.service import LIMITS, Limits
from xenops_cpu.service import bounds

FULL, NONE = "-".join(["ffffffff"] * 22), "-".join(["00000000"] * 22)


def hosts_of(count: int, features: str = NONE) -> list[PoolHost]:
    record = {"features_pv": features, "features_hvm": features}
    return [PoolHost(f"h{number}", record, True, "") for number in range(count)]


def vms_of(count: int, features: str = FULL) -> list[PoolVm]:
    return [PoolVm(f"v{number}", HVM, {"features": features}) for number in range(count)]


@reaches("pool_hosts", "pool_vms", "pool_pairs", "pool_features", "pool_answer_bytes", "pool_kinds")
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pool_hosts": 2}, "3 hosts are more than a call may ask for (2)"),
        ({"pool_vms": 3}, "4 VMs are more"),
        ({"pool_pairs": 11}, "12 pairs of VM and host are more"),
        ({"pool_features": 100}, "704 missing features to name are more"),
        ({"pool_answer_bytes": 100}, "bytes of answer are more"),
    ],
)
def test_each_bound_of_check(change: dict[str, int], words: str) -> None:
    """The limit, what was asked, and the command that has no such limit are told."""
    with pytest.raises(InternalError) as refused:
        bounds.check("check", vms_of(4), hosts_of(3), evolve(LIMITS, **change))
    assert words in str(refused.value)
    assert "the command xenops-cpu check, which has no such limit" in str(refused.value)
    bounds.check("check", vms_of(4), hosts_of(3))


def test_kinds_of_a_split() -> None:
    """Hosts that are alike count once."""
    limits = Limits(pool_kinds=1)
    bounds.split([*hosts_of(5, FULL)], limits)
    with pytest.raises(InternalError, match=r"2 kinds of hosts are more .*xenops-cpu split"):
        bounds.split([*hosts_of(1, FULL), *hosts_of(1)], limits)


def test_what_hosts_lack_is_bounded() -> None:
    """A level names what each host lacks of the others."""
    limits = Limits(pool_features=700)
    bounds.hosts("level", hosts_of(50), limits)
    with pytest.raises(InternalError, match=r"704 features that hosts lack"):
        bounds.hosts("level", [*hosts_of(1, FULL), *hosts_of(1)], limits)


@pytest.mark.parametrize("wire", ["xmlrpc", "jsonrpc"])
def test_every_method_is_bounded(wire: str) -> None:
    """Over the wire, a call that asks for too much is refused in its own words."""
    there = client(wire)
    hosts = [hosts_of(1, f"{number:08x}")[0] for number in range(20)]
    vms = [vms_of(1, f"{FULL}-{number:08x}")[0] for number in range(20)]
    with pytest.raises(InternalError, match=r"28\d,\d+ missing features .*xenops-cpu check"):
        there.pool_check("x", vms, hosts)
    with pytest.raises(InternalError, match=r"28\d,\d+ missing features .*xenops-cpu plan"):
        there.pool_plan("x", hosts, hosts, vms)
    mixed = [*hosts_of(1, FULL), *hosts_of(300)]
    for ask in (there.pool_get_cpu_info, lambda task, hosts: there.pool_level(task, hosts, HVM)):
        with pytest.raises(InternalError, match="211,200 features that hosts lack"):
            ask("x", mixed)
    with pytest.raises(InternalError, match=r"211,200 .*xenops-cpu audit"):
        there.pool_audit("x", {}, mixed)
    kinds = [hosts_of(1, f"{number:08x}")[0] for number in range(257)]
    with pytest.raises(InternalError, match=r"257 kinds .*xenops-cpu split"):
        there.pool_split("x", kinds, HVM, 2)


def test_ordinary_pools_are_far_from_them() -> None:
    """Some hosts and VMs, and what cannot be read: that is for the call itself to say."""
    bounds.check("check", [vm("wide", "FPU AVX RTM")] * 100, [A, B] * 10)
    bounds.plan([A], [A, B], [vm("wide", "AVX")])
    bounds.hosts("level", [A, B, host("c", "FPU")])
    bounds.check("check", vms_of(1, "no featureset"), hosts_of(1, "?"))


def test_a_real_pool_passes() -> None:
    """1,100 VMs and 64 hosts of two kinds: the size that XenServer promises."""
    records = [xapi_map(cpu_info(example(name))) for name in ("epyc-xen-4.17", "epyc-xen-4.20")]
    hosts = [PoolHost(f"h{n}", records[n % 2], True, "") for n in range(64)]
    flags = {"vendor": "AuthenticAMD", "features": records[0]["features_hvm_host"]}
    bounds.check("check", [PoolVm(f"v{n}", HVM, flags) for n in range(1100)], hosts)
