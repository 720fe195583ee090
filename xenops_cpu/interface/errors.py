"""Errors of the interface: a failed call is one of them.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

from attrs import define, setters

from .failures import InternalError, XenopsError
from .variants import Int64, PowerState


@define(repr=False, on_setattr=setters.frozen)
class AlreadyExists(XenopsError):
    """Something with this name exists already."""

    tag: ClassVar[str] = "Already_exists"
    kind: str
    identifier: str


@define(repr=False, on_setattr=setters.frozen)
class DoesNotExist(XenopsError):
    """Nothing with this name exists."""

    tag: ClassVar[str] = "Does_not_exist"
    kind: str
    identifier: str


@define(repr=False, on_setattr=setters.frozen)
class Unimplemented(XenopsError):
    """The method belongs to xenopsd's interface and this service leaves it to xenopsd."""

    tag: ClassVar[str] = "Unimplemented"
    method: str


@define(repr=False, on_setattr=setters.frozen)
class DomainNotBuilt(XenopsError):
    """The VM has no domain yet."""

    tag: ClassVar[str] = "Domain_not_built"


@define(repr=False, on_setattr=setters.frozen)
class InvalidVcpus(XenopsError):
    """A VM cannot have this number of virtual CPUs."""

    tag: ClassVar[str] = "Invalid_vcpus"
    vcpus: int


@define(repr=False, on_setattr=setters.frozen)
class BadPowerState(XenopsError):
    """The VM is in one power state and the call needs another."""

    tag: ClassVar[str] = "Bad_power_state"
    found: PowerState
    expected: PowerState


@define(repr=False, on_setattr=setters.frozen)
class FailedToAcknowledgeShutdownRequest(XenopsError):
    """The guest did not react to the request to shut down."""

    tag: ClassVar[str] = "Failed_to_acknowledge_shutdown_request"


@define(repr=False, on_setattr=setters.frozen)
class FailedToAcknowledgeSuspendRequest(XenopsError):
    """The guest did not react to the request to suspend."""

    tag: ClassVar[str] = "Failed_to_acknowledge_suspend_request"


@define(repr=False, on_setattr=setters.frozen)
class FailedToShutdown(XenopsError):
    """The guest did not shut down in time."""

    tag: ClassVar[str] = "Failed_to_shutdown"
    vm: str
    seconds: float


@define(repr=False, on_setattr=setters.frozen)
class FailedToSuspend(XenopsError):
    """The guest did not suspend in time."""

    tag: ClassVar[str] = "Failed_to_suspend"
    vm: str
    seconds: float


@define(repr=False, on_setattr=setters.frozen)
class DeviceIsConnected(XenopsError):
    """The device is plugged in."""

    tag: ClassVar[str] = "Device_is_connected"


@define(repr=False, on_setattr=setters.frozen)
class DeviceNotConnected(XenopsError):
    """The device is not plugged in."""

    tag: ClassVar[str] = "Device_not_connected"


@define(repr=False, on_setattr=setters.frozen)
class DeviceDetachRejected(XenopsError):
    """The guest refused to let a device go."""

    tag: ClassVar[str] = "Device_detach_rejected"
    kind: str
    identifier: str
    reason: str


@define(repr=False, on_setattr=setters.frozen)
class MediaNotEjectable(XenopsError):
    """The medium cannot be ejected."""

    tag: ClassVar[str] = "Media_not_ejectable"


@define(repr=False, on_setattr=setters.frozen)
class MediaPresent(XenopsError):
    """There is a medium in the drive."""

    tag: ClassVar[str] = "Media_present"


@define(repr=False, on_setattr=setters.frozen)
class MediaNotPresent(XenopsError):
    """There is no medium in the drive."""

    tag: ClassVar[str] = "Media_not_present"


@define(repr=False, on_setattr=setters.frozen)
class NoBootableDevice(XenopsError):
    """The VM has nothing to boot from."""

    tag: ClassVar[str] = "No_bootable_device"


@define(repr=False, on_setattr=setters.frozen)
class BootloaderError(XenopsError):
    """The boot loader failed."""

    tag: ClassVar[str] = "Bootloader_error"
    vm: str
    reason: str


@define(repr=False, on_setattr=setters.frozen)
class CannotFreeThisMuchMemory(XenopsError):
    """The host cannot free as much memory as the call needs."""

    tag: ClassVar[str] = "Cannot_free_this_much_memory"
    needed: Int64
    free: Int64


@define(repr=False, on_setattr=setters.frozen)
class VmsFailedToCooperate(XenopsError):
    """These VMs did not give back the memory that they were asked for."""

    tag: ClassVar[str] = "Vms_failed_to_cooperate"
    vms: list[str]


@define(repr=False, on_setattr=setters.frozen)
class InputOutputError(XenopsError):
    """Reading or writing failed."""

    tag: ClassVar[str] = "IO_error"


@define(repr=False, on_setattr=setters.frozen)
class FailedToContactRemoteService(XenopsError):
    """A service that this one needs cannot be reached."""

    tag: ClassVar[str] = "Failed_to_contact_remote_service"
    service: str


@define(repr=False, on_setattr=setters.frozen)
class HookFailed(XenopsError):
    """A hook script failed."""

    tag: ClassVar[str] = "Hook_failed"
    script: str
    reason: str
    stdout: str
    exit_code: str


@define(repr=False, on_setattr=setters.frozen)
class NotEnoughMemory(XenopsError):
    """There is not enough memory."""

    tag: ClassVar[str] = "Not_enough_memory"
    needed: Int64


@define(repr=False, on_setattr=setters.frozen)
class Cancelled(XenopsError):
    """The task was cancelled."""

    tag: ClassVar[str] = "Cancelled"
    task: str


@define(repr=False, on_setattr=setters.frozen)
class StorageBackendError(XenopsError):
    """The storage backend reported an error."""

    tag: ClassVar[str] = "Storage_backend_error"
    code: str
    arguments: list[str]


@define(repr=False, on_setattr=setters.frozen)
class PCIBackNotLoaded(XenopsError):
    """The pciback module is not loaded."""

    tag: ClassVar[str] = "PCIBack_not_loaded"


@define(repr=False, on_setattr=setters.frozen)
class FailedToRunScript(XenopsError):
    """A script failed."""

    tag: ClassVar[str] = "Failed_to_run_script"
    reason: str


@define(repr=False, on_setattr=setters.frozen)
class FailedToStartEmulator(XenopsError):
    """The VM's device emulator did not start."""

    tag: ClassVar[str] = "Failed_to_start_emulator"
    vm: str
    emulator: str
    reason: str


@define(repr=False, on_setattr=setters.frozen)
class BallooningTimeoutBeforeMigration(XenopsError):
    """The VM did not balloon down before its migration."""

    tag: ClassVar[str] = "Ballooning_timeout_before_migration"


@define(repr=False, on_setattr=setters.frozen)
class UnknownError(XenopsError):
    """An error that this version of the interface does not know."""

    tag: ClassVar[str] = "Unknown_error"
    catches_unknown: ClassVar[bool] = True


Error: TypeAlias = (
    AlreadyExists
    | DoesNotExist
    | Unimplemented
    | DomainNotBuilt
    | InvalidVcpus
    | BadPowerState
    | FailedToAcknowledgeShutdownRequest
    | FailedToAcknowledgeSuspendRequest
    | FailedToShutdown
    | FailedToSuspend
    | DeviceIsConnected
    | DeviceNotConnected
    | DeviceDetachRejected
    | MediaNotEjectable
    | MediaPresent
    | MediaNotPresent
    | NoBootableDevice
    | BootloaderError
    | CannotFreeThisMuchMemory
    | VmsFailedToCooperate
    | InputOutputError
    | FailedToContactRemoteService
    | HookFailed
    | NotEnoughMemory
    | Cancelled
    | StorageBackendError
    | PCIBackNotLoaded
    | FailedToRunScript
    | FailedToStartEmulator
    | BallooningTimeoutBeforeMigration
    | InternalError
    | UnknownError
)
