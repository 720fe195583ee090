"""Methods of the interface: what answers them, and a client.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from .. import interface

if TYPE_CHECKING:
    from .domain import DomainPolicy
    from .host import CpuInfo, HostHistory, HostStat
    from .pool import PoolCheck, PoolFinding, PoolHost, PoolLevel, PoolPlan, PoolSplit, PoolVm
    from .query import QueryResult
    from .variants import FeaturesetText, GuestType


class Param(NamedTuple):
    """A named parameter. `type` is a type as in annotations here, None for unit."""

    name: str
    type: Any


class Method:
    """A method: its name on the wire and in Python, its parameters in order, its result's type.

    Types are looked up when they are asked for: HOST.* is answered without the records of POOL.*.
    """

    def __init__(
        self, name: str, python_name: str, types: Callable[[], tuple[tuple[Param, ...], Any]]
    ) -> None:
        self.name = name
        self.python_name = python_name
        self._types = types

    @cached_property
    def params(self) -> tuple[Param, ...]:
        return self._types()[0]

    @cached_property
    def result(self) -> Any:
        return self._types()[1]


class Service(Protocol):
    """What answers the calls. Methods raise XenopsError."""

    def query(self, debug_info: str) -> QueryResult:
        """Name and version of the service.

        What answers at this socket. The member features of the reply says, in words, where the
        featuresets come from, so that a simulated host is never taken for a real one.
        """
        ...

    def host_stat(self, debug_info: str) -> HostStat:
        """CPU, hypervisor and chipset of this host.

        The same call, with the same record, as HOST.stat of xenopsd, for callers that want all
        three parts.
        """
        ...

    def host_get_cpu_info(self, debug_info: str) -> CpuInfo:
        """The CPU record that xapi stores for this host.

        Identity and topology of the CPU, and the five featuresets: what the hardware and Xen can
        do, what a new guest gets at boot, and the most that a guest may arrive with in a
        migration.
        """
        ...

    def host_get_cpu_info_history(
        self, debug_info: str, last: int | None = None, timeout: int | None = None
    ) -> HostHistory:
        """What this host was before, when it changed, and the likely cause.

        Each fingerprint of the host that this service or one before it has seen: featuresets,
        policies, the version and build of Xen, its command line, microcode and firmware. Asked
        with the number of the last change that the caller knows and a time-out, it waits for the
        next one, as UPDATES.get of xenopsd does.
        """
        ...

    def host_get_domain_policy(self, debug_info: str, domid: int) -> DomainPolicy:
        """The CPU policy that a domain really has.

        Read from the hypervisor for each call: what the domain sees now, whatever a record says
        of it. VM.last_boot_CPU_flags is what was asked for when it started, which is more than
        this where the host did not have all of it. Does_not_exist (domain, its id) where there
        is no such domain; Internal_error where the service does not answer for the hypervisor
        below it.
        """
        ...

    def host_combine_cpu_policies(
        self, debug_info: str, policy1: FeaturesetText, policy2: FeaturesetText
    ) -> FeaturesetText:
        """The featureset that two hosts can both give.

        Combines two featuresets into the common one. The empty string stands for "no host yet"
        and leaves the other featureset as it is, so that the level of a pool can be folded from
        nothing.
        """
        ...

    def host_is_compatible(
        self, debug_info: str, vm_policy: FeaturesetText, host_policy: FeaturesetText
    ) -> bool:
        """May a VM with this featureset run on a host with that one?

        True when the host can give every feature that the VM was booted with, so that the VM can
        migrate there or resume there. The names of missing features go to the log of the
        service.
        """
        ...

    def pool_get_cpu_info(
        self, debug_info: str, hosts: list[PoolHost], before_2023: bool | None = None
    ) -> dict[str, str]:
        """The CPU record that xapi stores for a pool.

        From the records of its hosts as xapi makes it: counts are added, PV featuresets are
        levelled over all hosts and HVM featuresets over those that run HVM guests. The sets are
        those for boot, and a host without the keys that end in _host is passed over; before 2023
        xapi kept those for migration as well, and took them for boot where a host had no others.
        """
        ...

    def pool_level(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType
    ) -> PoolLevel:
        """The featureset that every host of a pool can give, and what each host costs it.

        Levels what the hosts give at boot as libxc does: what all have, and some features if any
        host has them, without what depends on a missing feature, with RSBA or RRSBA set anew.
        With the reason for each feature that is lost, the features that each host keeps out, and
        what the level means for security.
        """
        ...

    def pool_check(self, debug_info: str, vms: list[PoolVm], hosts: list[PoolHost]) -> PoolCheck:
        """May these VMs start, resume or migrate to these hosts, and at what price?

        Every VM on every host: a graded verdict, every feature that is missing by name with its
        reason, the risk of going without it and what helps, and the features that the host takes
        in only because they arrive with the VM. Verdicts come in the order of the VMs and hosts
        given; what holds for many pairs is told once.
        """
        ...

    def pool_plan(
        self, debug_info: str, before: list[PoolHost], after: list[PoolHost], vms: list[PoolVm]
    ) -> PoolPlan:
        """What happens to the levels and to VMs when the hosts of a pool change?

        Compares the pool before with the pool after: a join has one more host, a leave one
        fewer, an update the same name with another record. Changes nothing.
        """
        ...

    def pool_split(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType, parts: int
    ) -> PoolSplit:
        """The best partition of hosts into sub-pools.

        The partition into at most so many parts that gives up the fewest features, counted for
        each host that has them. Hosts of different vendors are never put together.
        """
        ...

    def pool_audit(
        self, debug_info: str, stored: dict[str, str], hosts: list[PoolHost]
    ) -> list[PoolFinding]:
        """Is the stored record of a pool what it should be?

        Compares a stored Pool.cpu_info with the one that the records of the hosts give, and says
        by name what is stored and should not be, and the reverse. An empty list means that the
        record is right.
        """
        ...


class Client:
    """The same methods for a caller.

    `call` takes a method's name and its named parameters as typed values, sends them, and
    returns the typed result or raises XenopsError.
    """

    def __init__(self, call: Callable[[str, Mapping[str, Any]], Any]) -> None:
        self._call = call

    def query(self, debug_info: str) -> QueryResult:
        """Name and version of the service."""
        params: dict[str, Any] = {"debug_info": debug_info, "unit": None}
        result: QueryResult = self._call("query", params)
        return result

    def host_stat(self, debug_info: str) -> HostStat:
        """CPU, hypervisor and chipset of this host."""
        params: dict[str, Any] = {"debug_info": debug_info}
        result: HostStat = self._call("HOST.stat", params)
        return result

    def host_get_cpu_info(self, debug_info: str) -> CpuInfo:
        """The CPU record that xapi stores for this host."""
        params: dict[str, Any] = {"debug_info": debug_info}
        result: CpuInfo = self._call("HOST.get_cpu_info", params)
        return result

    def host_get_cpu_info_history(
        self, debug_info: str, last: int | None = None, timeout: int | None = None
    ) -> HostHistory:
        """What this host was before, when it changed, and the likely cause."""
        params: dict[str, Any] = {"debug_info": debug_info, "last": last, "timeout": timeout}
        result: HostHistory = self._call("HOST.get_cpu_info_history", params)
        return result

    def host_get_domain_policy(self, debug_info: str, domid: int) -> DomainPolicy:
        """The CPU policy that a domain really has."""
        params: dict[str, Any] = {"debug_info": debug_info, "domid": domid}
        result: DomainPolicy = self._call("HOST.get_domain_policy", params)
        return result

    def host_combine_cpu_policies(
        self, debug_info: str, policy1: FeaturesetText, policy2: FeaturesetText
    ) -> FeaturesetText:
        """The featureset that two hosts can both give."""
        params: dict[str, Any] = {"debug_info": debug_info, "policy1": policy1, "policy2": policy2}
        result: FeaturesetText = self._call("HOST.combine_cpu_policies", params)
        return result

    def host_is_compatible(
        self, debug_info: str, vm_policy: FeaturesetText, host_policy: FeaturesetText
    ) -> bool:
        """May a VM with this featureset run on a host with that one?"""
        params: dict[str, Any] = {
            "debug_info": debug_info,
            "vm_policy": vm_policy,
            "host_policy": host_policy,
        }
        result: bool = self._call("HOST.is_compatible", params)
        return result

    def pool_get_cpu_info(
        self, debug_info: str, hosts: list[PoolHost], before_2023: bool | None = None
    ) -> dict[str, str]:
        """The CPU record that xapi stores for a pool."""
        params: dict[str, Any] = {
            "debug_info": debug_info,
            "hosts": hosts,
            "before_2023": before_2023,
        }
        result: dict[str, str] = self._call("POOL.get_cpu_info", params)
        return result

    def pool_level(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType
    ) -> PoolLevel:
        """The featureset that every host of a pool can give, and what each host costs it."""
        params: dict[str, Any] = {
            "debug_info": debug_info,
            "hosts": hosts,
            "guest_type": guest_type,
        }
        result: PoolLevel = self._call("POOL.level", params)
        return result

    def pool_check(self, debug_info: str, vms: list[PoolVm], hosts: list[PoolHost]) -> PoolCheck:
        """May these VMs start, resume or migrate to these hosts, and at what price?"""
        params: dict[str, Any] = {"debug_info": debug_info, "vms": vms, "hosts": hosts}
        result: PoolCheck = self._call("POOL.check", params)
        return result

    def pool_plan(
        self, debug_info: str, before: list[PoolHost], after: list[PoolHost], vms: list[PoolVm]
    ) -> PoolPlan:
        """What happens to the levels and to VMs when the hosts of a pool change?"""
        params: dict[str, Any] = {
            "debug_info": debug_info,
            "before": before,
            "after": after,
            "vms": vms,
        }
        result: PoolPlan = self._call("POOL.plan", params)
        return result

    def pool_split(
        self, debug_info: str, hosts: list[PoolHost], guest_type: GuestType, parts: int
    ) -> PoolSplit:
        """The best partition of hosts into sub-pools."""
        params: dict[str, Any] = {
            "debug_info": debug_info,
            "hosts": hosts,
            "guest_type": guest_type,
            "parts": parts,
        }
        result: PoolSplit = self._call("POOL.split", params)
        return result

    def pool_audit(
        self, debug_info: str, stored: dict[str, str], hosts: list[PoolHost]
    ) -> list[PoolFinding]:
        """Is the stored record of a pool what it should be?"""
        params: dict[str, Any] = {"debug_info": debug_info, "stored": stored, "hosts": hosts}
        result: list[PoolFinding] = self._call("POOL.audit", params)
        return result


METHODS: Final[Mapping[str, Method]] = {
    "query": Method(
        name="query",
        python_name="query",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("unit", None),
            ),
            interface.QueryResult,
        ),
    ),
    "HOST.stat": Method(
        name="HOST.stat",
        python_name="host_stat",
        types=lambda: (
            (Param("debug_info", str),),
            interface.HostStat,
        ),
    ),
    "HOST.get_cpu_info": Method(
        name="HOST.get_cpu_info",
        python_name="host_get_cpu_info",
        types=lambda: (
            (Param("debug_info", str),),
            interface.CpuInfo,
        ),
    ),
    "HOST.get_cpu_info_history": Method(
        name="HOST.get_cpu_info_history",
        python_name="host_get_cpu_info_history",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("last", int | None),
                Param("timeout", int | None),
            ),
            interface.HostHistory,
        ),
    ),
    "HOST.get_domain_policy": Method(
        name="HOST.get_domain_policy",
        python_name="host_get_domain_policy",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("domid", int),
            ),
            interface.DomainPolicy,
        ),
    ),
    "HOST.combine_cpu_policies": Method(
        name="HOST.combine_cpu_policies",
        python_name="host_combine_cpu_policies",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("policy1", interface.FeaturesetText),
                Param("policy2", interface.FeaturesetText),
            ),
            interface.FeaturesetText,
        ),
    ),
    "HOST.is_compatible": Method(
        name="HOST.is_compatible",
        python_name="host_is_compatible",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("vm_policy", interface.FeaturesetText),
                Param("host_policy", interface.FeaturesetText),
            ),
            bool,
        ),
    ),
    "POOL.get_cpu_info": Method(
        name="POOL.get_cpu_info",
        python_name="pool_get_cpu_info",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("hosts", list[interface.PoolHost]),
                Param("before_2023", bool | None),
            ),
            dict[str, str],
        ),
    ),
    "POOL.level": Method(
        name="POOL.level",
        python_name="pool_level",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("hosts", list[interface.PoolHost]),
                Param("guest_type", interface.GuestType),
            ),
            interface.PoolLevel,
        ),
    ),
    "POOL.check": Method(
        name="POOL.check",
        python_name="pool_check",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("vms", list[interface.PoolVm]),
                Param("hosts", list[interface.PoolHost]),
            ),
            interface.PoolCheck,
        ),
    ),
    "POOL.plan": Method(
        name="POOL.plan",
        python_name="pool_plan",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("before", list[interface.PoolHost]),
                Param("after", list[interface.PoolHost]),
                Param("vms", list[interface.PoolVm]),
            ),
            interface.PoolPlan,
        ),
    ),
    "POOL.split": Method(
        name="POOL.split",
        python_name="pool_split",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("hosts", list[interface.PoolHost]),
                Param("guest_type", interface.GuestType),
                Param("parts", int),
            ),
            interface.PoolSplit,
        ),
    ),
    "POOL.audit": Method(
        name="POOL.audit",
        python_name="pool_audit",
        types=lambda: (
            (
                Param("debug_info", str),
                Param("stored", dict[str, str]),
                Param("hosts", list[interface.PoolHost]),
            ),
            list[interface.PoolFinding],
        ),
    ),
}

# Methods of xenopsd's interface that are xenopsd's to answer.
LEFT_TO_XENOPSD: Final[frozenset[str]] = frozenset(
    {
        "get_diagnostics",
        "Task.stat",
        "Task.cancel",
        "Task.destroy",
        "Task.list",
        "Task.destroy_on_finish",
        "HOST.get_console_data",
        "HOST.get_total_memory_mib",
        "HOST.send_debug_keys",
        "HOST.set_worker_pool_size",
        "HOST.update_guest_agent_features",
        "HOST.upgrade_cpu_features",
        "HOST.set_numa_affinity_policy",
        "VM.add",
        "VM.remove",
        "VM.generate_state_string",
        "VM.migrate",
        "VM.create",
        "VM.build",
        "VM.create_device_model",
        "VM.destroy",
        "VM.pause",
        "VM.unpause",
        "VM.request_rdp",
        "VM.run_script",
        "VM.set_xsdata",
        "VM.set_vcpus",
        "VM.set_shadow_multiplier",
        "VM.set_memory_dynamic_range",
        "VM.stat",
        "VM.exists",
        "VM.list",
        "VM.delay",
        "VM.start",
        "VM.shutdown",
        "VM.reboot",
        "VM.suspend",
        "VM.resume",
        "VM.s3suspend",
        "VM.s3resume",
        "VM.export_metadata",
        "VM.import_metadata",
        "VM.import_metadata_async",
        "PCI.add",
        "PCI.remove",
        "PCI.stat",
        "PCI.list",
        "PCI.dequarantine",
        "VBD.add",
        "VBD.plug",
        "VBD.unplug",
        "VBD.eject",
        "VBD.insert",
        "VBD.stat",
        "VBD.list",
        "VBD.remove",
        "VUSB.add",
        "VUSB.plug",
        "VUSB.unplug",
        "VUSB.stat",
        "VUSB.list",
        "VUSB.remove",
        "VIF.add",
        "VIF.plug",
        "VIF.unplug",
        "VIF.move",
        "VIF.stat",
        "VIF.list",
        "VIF.remove",
        "VIF.set_carrier",
        "VIF.set_locking_mode",
        "VIF.set_ipv4_configuration",
        "VIF.set_ipv6_configuration",
        "VIF.set_pvs_proxy",
        "VGPU.add",
        "VGPU.stat",
        "VGPU.list",
        "VGPU.remove",
        "UPDATES.get",
        "UPDATES.last_id",
        "UPDATES.inject_barrier",
        "UPDATES.remove_barrier",
        "UPDATES.refresh_vm",
        "DEBUG.trigger",
        "DEBUG.shutdown",
        "Observer.create",
        "Observer.destroy",
        "Observer.set_enabled",
        "Observer.set_attributes",
        "Observer.set_endpoints",
        "Observer.init",
        "Observer.set_trace_log_dir",
        "Observer.set_export_interval",
        "Observer.set_host_id",
        "Observer.set_max_traces",
        "Observer.set_max_spans",
        "Observer.set_max_file_size",
        "Observer.set_compress_tracing_files",
    }
)
