"""Calls recorded from the genuine peer, and a service that answers as that peer's server did."""

from __future__ import annotations

import json
from typing import Any

from tests import ROOT, SHARED
from xenops_cpu.interface import (
    ChipsetInfo,
    CpuInfo,
    DoesNotExist,
    DomainNotBuilt,
    DomainPolicy,
    GuestType,
    HostHistory,
    HostStat,
    Hypervisor,
    InternalError,
    PoolCheck,
    PoolFinding,
    PoolHost,
    PoolLevel,
    PoolPlan,
    PoolSplit,
    PoolVm,
    QueryResult,
    Unimplemented,
    XenopsError,
)

SHARED_HARNESS = SHARED / "wire" / "harness"

_SET = "1fc9cbf5-f6f83203-2991cbf5-00000123-0000000f-239c27eb-18c00fbc-00001000-0c000000"
CPU_INFO = CpuInfo(
    cpu_count=2,
    socket_count=1,
    threads_per_core=2,
    nr_nodes=1,
    vendor="GenuineIntel",
    speed="2400.000",
    modelname='Intel(R) Xeon(R) CPU <E5-2676> v3 @ 2.40GHz & "friends"',
    family="6",
    model="63",
    stepping="2",
    flags="fpu de tsc msr pae mce cx8 apic sep mca cmov pat clflush mmx fxsr sse sse2 ht syscall "
    "nx lm",
    features=_SET,
    features_pv=_SET,
    features_hvm=_SET,
    features_pv_host=_SET,
    features_hvm_host=_SET,
)
ERRORS: dict[str, XenopsError] = {
    "Internal_error": InternalError("canned <internal> error & more"),
    "Does_not_exist": DoesNotExist("host", "42"),
    "Domain_not_built": DomainNotBuilt(),
    "Unimplemented": Unimplemented("get_cpu_info"),
    "Failure": InternalError('Failure("boom")'),
}


class LabService:
    """The recorded server's answers; a debug_info of raise:TAG raises that error."""

    def query(self, debug_info: str) -> QueryResult:
        _raise(debug_info)
        return QueryResult(
            "xenops", "XCP", "0.1", ["a", "b c"], "0e1f0a7c-1111-2222-3333-444455556666"
        )

    def host_stat(self, debug_info: str) -> HostStat:
        _raise(debug_info)
        hypervisor = Hypervisor("4.17.5", "xen-3.0-x86_64 hvm-3.0-x86_32 ")
        return HostStat(CPU_INFO, hypervisor, ChipsetInfo(iommu=True, hvm=False))

    def host_get_cpu_info(self, debug_info: str) -> CpuInfo:
        _raise(debug_info)
        return CPU_INFO

    def host_combine_cpu_policies(self, debug_info: str, policy1: str, policy2: str) -> str:
        _raise(debug_info)
        if policy1 == "zz":
            raise InternalError('Failure("Int64.of_string")')
        return "17c9cbf5-f6f83203-00000000"

    def host_is_compatible(self, debug_info: str, vm_policy: str, host_policy: str) -> bool:
        _raise(debug_info)
        return vm_policy == "00000001"

    # The recorded server knew no history and no pools.

    def host_get_cpu_info_history(
        self, debug_info: str, last: int | None = None, timeout: int | None = None
    ) -> HostHistory:
        raise Unimplemented("HOST.get_cpu_info_history")

    def host_get_domain_policy(self, debug_info: str, domid: int) -> DomainPolicy:
        raise Unimplemented("HOST.get_domain_policy")

    def pool_get_cpu_info(
        self, debug_info: str, hosts: list[PoolHost], before_2023: bool | None = None
    ) -> dict[str, str]:
        raise Unimplemented("POOL.get_cpu_info")

    def pool_level(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType
    ) -> PoolLevel:
        raise Unimplemented("POOL.level")

    def pool_check(self, debug_info: str, vms: list[PoolVm], hosts: list[PoolHost]) -> PoolCheck:
        raise Unimplemented("POOL.check")

    def pool_plan(
        self, debug_info: str, before: list[PoolHost], after: list[PoolHost], vms: list[PoolVm]
    ) -> PoolPlan:
        raise Unimplemented("POOL.plan")

    def pool_split(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType, parts: int
    ) -> PoolSplit:
        raise Unimplemented("POOL.split")

    def pool_audit(
        self, debug_info: str, stored: dict[str, str], hosts: list[PoolHost]
    ) -> list[PoolFinding]:
        raise Unimplemented("POOL.audit")


def _raise(debug_info: str) -> None:
    if debug_info.startswith("raise:"):
        raise ERRORS[debug_info.removeprefix("raise:")]


def recorded_calls() -> list[dict[str, Any]]:
    """The lines of tests/golden/recorded_calls.jsonl but the first, which names the source."""
    path = ROOT / "tests" / "golden" / "recorded_calls.jsonl"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()[1:]]
