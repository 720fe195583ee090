"""The service's interface: its records, errors and methods, and a client.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .variants import (
    FeaturesetText,
    GuestType,
    Int64,
    PolicyText,
    PowerState,
    SecurityKind,
    Verdict,
)

if TYPE_CHECKING:
    from .calls import LEFT_TO_XENOPSD, METHODS, Client, Method, Param, Service
    from .domain import DomainPolicy
    from .errors import (
        AlreadyExists,
        BadPowerState,
        BallooningTimeoutBeforeMigration,
        BootloaderError,
        Cancelled,
        CannotFreeThisMuchMemory,
        DeviceDetachRejected,
        DeviceIsConnected,
        DeviceNotConnected,
        DoesNotExist,
        DomainNotBuilt,
        Error,
        FailedToAcknowledgeShutdownRequest,
        FailedToAcknowledgeSuspendRequest,
        FailedToContactRemoteService,
        FailedToRunScript,
        FailedToShutdown,
        FailedToStartEmulator,
        FailedToSuspend,
        HookFailed,
        InputOutputError,
        InvalidVcpus,
        MediaNotEjectable,
        MediaNotPresent,
        MediaPresent,
        NoBootableDevice,
        NotEnoughMemory,
        PCIBackNotLoaded,
        StorageBackendError,
        Unimplemented,
        UnknownError,
        VmsFailedToCooperate,
    )
    from .failures import InternalError, XenopsError
    from .host import ChipsetInfo, CpuInfo, HostChange, HostHistory, HostStat, Hypervisor
    from .pool import (
        PoolAnswer,
        PoolChange,
        PoolCheck,
        PoolCost,
        PoolFeature,
        PoolFinding,
        PoolHost,
        PoolLevel,
        PoolLoss,
        PoolPart,
        PoolPlan,
        PoolRow,
        PoolSecurity,
        PoolSplit,
        PoolVm,
        TouchedVm,
    )
    from .query import QueryResult

# Where each of them is. To make a record's class takes a third of a millisecond, and
# there are some sixty: a name is imported when it is first used (__getattr__, below).
_PLACES = {
    "query": ("QueryResult",),
    "host": ("ChipsetInfo", "CpuInfo", "HostChange", "HostHistory", "HostStat", "Hypervisor"),
    "pool": (
        "PoolAnswer",
        "PoolChange",
        "PoolCheck",
        "PoolCost",
        "PoolFeature",
        "PoolFinding",
        "PoolHost",
        "PoolLevel",
        "PoolLoss",
        "PoolPart",
        "PoolPlan",
        "PoolRow",
        "PoolSecurity",
        "PoolSplit",
        "PoolVm",
        "TouchedVm",
    ),
    "domain": ("DomainPolicy",),
    "failures": ("InternalError", "XenopsError"),
    "errors": (
        "AlreadyExists",
        "BadPowerState",
        "BallooningTimeoutBeforeMigration",
        "BootloaderError",
        "Cancelled",
        "CannotFreeThisMuchMemory",
        "DeviceDetachRejected",
        "DeviceIsConnected",
        "DeviceNotConnected",
        "DoesNotExist",
        "DomainNotBuilt",
        "Error",
        "FailedToAcknowledgeShutdownRequest",
        "FailedToAcknowledgeSuspendRequest",
        "FailedToContactRemoteService",
        "FailedToRunScript",
        "FailedToShutdown",
        "FailedToStartEmulator",
        "FailedToSuspend",
        "HookFailed",
        "InputOutputError",
        "InvalidVcpus",
        "MediaNotEjectable",
        "MediaNotPresent",
        "MediaPresent",
        "NoBootableDevice",
        "NotEnoughMemory",
        "PCIBackNotLoaded",
        "StorageBackendError",
        "Unimplemented",
        "UnknownError",
        "VmsFailedToCooperate",
    ),
    "calls": ("LEFT_TO_XENOPSD", "METHODS", "Client", "Method", "Param", "Service"),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "LEFT_TO_XENOPSD",
    "METHODS",
    "AlreadyExists",
    "BadPowerState",
    "BallooningTimeoutBeforeMigration",
    "BootloaderError",
    "Cancelled",
    "CannotFreeThisMuchMemory",
    "ChipsetInfo",
    "Client",
    "CpuInfo",
    "DeviceDetachRejected",
    "DeviceIsConnected",
    "DeviceNotConnected",
    "DoesNotExist",
    "DomainNotBuilt",
    "DomainPolicy",
    "Error",
    "FailedToAcknowledgeShutdownRequest",
    "FailedToAcknowledgeSuspendRequest",
    "FailedToContactRemoteService",
    "FailedToRunScript",
    "FailedToShutdown",
    "FailedToStartEmulator",
    "FailedToSuspend",
    "FeaturesetText",
    "GuestType",
    "HookFailed",
    "HostChange",
    "HostHistory",
    "HostStat",
    "Hypervisor",
    "InputOutputError",
    "Int64",
    "InternalError",
    "InvalidVcpus",
    "MediaNotEjectable",
    "MediaNotPresent",
    "MediaPresent",
    "Method",
    "NoBootableDevice",
    "NotEnoughMemory",
    "PCIBackNotLoaded",
    "Param",
    "PolicyText",
    "PoolAnswer",
    "PoolChange",
    "PoolCheck",
    "PoolCost",
    "PoolFeature",
    "PoolFinding",
    "PoolHost",
    "PoolLevel",
    "PoolLoss",
    "PoolPart",
    "PoolPlan",
    "PoolRow",
    "PoolSecurity",
    "PoolSplit",
    "PoolVm",
    "PowerState",
    "QueryResult",
    "SecurityKind",
    "Service",
    "StorageBackendError",
    "TouchedVm",
    "Unimplemented",
    "UnknownError",
    "Verdict",
    "VmsFailedToCooperate",
    "XenopsError",
]


if not TYPE_CHECKING:  # to a type checker, nothing else is there

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
