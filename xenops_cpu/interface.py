"""The service's interface: its records, errors and methods, and a client.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, Protocol, TypeAlias

from attrs import define, frozen, setters

# OCaml's int has 63 bits, which is what a plain int stands for here; an int64 has them all.
Int64: TypeAlias = Annotated[int, "int64"]

# A bitmap of CPU features as text: 32-bit words in hex, eight digits each, joined by "-". To the
# wire it is a string; whether it is a featureset is for the method to say.
FeaturesetText: TypeAlias = str

# A CPU policy as text: LEAF:SUBLEAF->EAX:EBX:ECX:EDX for each CPUID leaf, joined by semicolons, a
# slash, then INDEX->VALUE(FLAGS) for each MSR, joined by semicolons; all in hex, subleaf ffffffff
# where a leaf has none, flags 0. A later form would begin with its version, such as v2.
PolicyText: TypeAlias = str


class PowerState(Enum):
    """What a VM is doing."""

    # The VM runs.
    RUNNING = "Running"
    # The VM is shut down.
    HALTED = "Halted"
    # The VM's memory is saved in an image.
    SUSPENDED = "Suspended"
    # The VM has a domain that is not scheduled.
    PAUSED = "Paused"


@frozen
class QueryResult:
    """What answers at this socket."""

    # Name of the service.
    name: str
    # Who made it.
    vendor: str
    # Version of the program.
    version: str
    # What the service can do and where its featuresets come from, in words.
    features: list[str]
    # A UUID, new at each start of the service.
    instance_id: str


@frozen
class CpuInfo:
    """The CPU of a host, as xapi stores it."""

    # Logical CPUs that Xen runs on.
    cpu_count: int
    # CPU packages.
    socket_count: int
    # Logical CPUs of a core.
    threads_per_core: int
    # NUMA nodes.
    nr_nodes: int
    # Vendor string of CPUID leaf 0, such as GenuineIntel.
    vendor: str
    # Clock in MHz, as /proc/cpuinfo writes it.
    speed: str
    # Brand string of the CPU.
    modelname: str
    # CPU family, in decimal.
    family: str
    # CPU model, in decimal.
    model: str
    # CPU stepping, in decimal.
    stepping: str
    # Flags of /proc/cpuinfo, separated by blanks.
    flags: str
    # What Xen itself uses of the hardware.
    features: FeaturesetText
    # The most that a PV guest may arrive with in a migration (Xen's PV max).
    features_pv: FeaturesetText
    # The most that an HVM or PVH guest may arrive with in a migration (Xen's HVM max).
    features_hvm: FeaturesetText
    # What a new PV guest gets at boot (Xen's PV default).
    features_pv_host: FeaturesetText
    # What a new HVM or PVH guest gets at boot (Xen's HVM default).
    features_hvm_host: FeaturesetText


@frozen
class ChipsetInfo:
    """What the chipset and Xen together offer to guests."""

    # True when Xen can pass devices through to guests.
    iommu: bool
    # True when Xen can run HVM guests.
    hvm: bool


@frozen
class Hypervisor:
    """The hypervisor that the host runs."""

    # Version of Xen, such as 4.17.5.
    version: str
    # Guest types that Xen can run, each followed by a blank.
    capabilities: str


@frozen
class HostStat:
    """The state of a host."""

    # The CPU of the host.
    cpu_info: CpuInfo
    # The hypervisor.
    hypervisor: Hypervisor
    # The chipset.
    chipset_info: ChipsetInfo


@frozen
class HostChange:
    """One fingerprint of a host, and what it changed."""

    # The number of the entry; later ones have higher numbers.
    id: int
    # Where the featuresets came from: xen, simulated, ...
    source: str
    # When it was seen first, such as 2026-11-26T12:00:00Z.
    first_seen: str
    # When it was seen last.
    last_seen: str
    # Version of the hypervisor.
    xen: str
    # Command line of the hypervisor.
    commandline: str
    # Revision of the microcode in hex; empty if it cannot be read.
    microcode: str
    # Vendor, version and date of the firmware; empty if they cannot be read.
    bios: str
    # Changeset and build id of the hypervisor; empty if they cannot be read.
    build: str
    # Version of the service that recorded it.
    program: str
    # SHA-256 of the fingerprint; the same fingerprint has the same digest.
    digest: str
    # What differs from the entry before it, with features by name; empty for the first.
    changes: list[str]
    # What probably changed it, the likeliest first; empty for the first.
    causes: list[str]


@frozen
class HostHistory:
    """What a host was before."""

    # The entries that were asked for, the oldest first.
    entries: list[HostChange]
    # The number of the last entry there is, for the next call; 0 if there is none.
    last: int


class GuestType(Enum):
    """Which of a host's featuresets count for a guest."""

    # PV guests.
    PV = "Pv"
    # HVM guests, and PVH and PV-in-PVH guests.
    HVM = "Hvm"


@frozen
class DomainPolicy:
    """A domain that runs, and its CPU policy."""

    # The id of the domain.
    domid: int
    # What its toolstack gave it, which is the UUID of the VM in xapi; zeros for none.
    uuid: str
    # Hvm stands for PVH too, which looks alike to the hypervisor.
    guest_type: GuestType
    # Whose names the bits of the featureset have: 4.7 to 4.22, master, xenserver-8.2 or
    # xenserver-8, or a build of the last two.
    release: str
    # What a host has to take in for it: the features of the policy.
    featureset: FeaturesetText
    # Every leaf and MSR, in the order of the hypervisor, also those that are zero.
    policy: PolicyText


@frozen
class PoolHost:
    """A host of a pool."""

    # What to call it in answers.
    name: str
    # Host.cpu_info as xapi stores it, of any age.
    cpu_info: dict[str, str]
    # True when it can run HVM guests.
    hvm: bool
    # Its Xen release: 4.7 to 4.22, master, xenserver-8.2 or xenserver-8, or a build of the last
    # two; empty to go by the length of its featuresets.
    release: str


@frozen
class PoolVm:
    """A VM and the features that it has seen."""

    # What to call it in answers.
    name: str
    # Whose featuresets count for it.
    guest_type: GuestType
    # VM.last_boot_CPU_flags as xapi stores it (vendor and features); empty when it is shut down.
    last_boot_cpu_flags: dict[str, str]


@frozen
class PoolCost:
    """What one host costs the level."""

    # The host.
    host: str
    # Features that it lacks and another host has.
    lacks: list[str]
    # Of these, the features that all other hosts have.
    alone: list[str]


@frozen
class PoolLoss:
    """A feature that the level or a host does without."""

    # Its name.
    feature: str
    # The hosts that lack it.
    hosts: list[str]
    # Why that is so.
    reason: str


class SecurityKind(Enum):
    """What a finding is about."""

    # Work that one host needs of guests. In a register only those that boot there do it.
    FORCED = "Forced"
    # An immunity that some hosts lack. In a register guests of other hosts rely on it there.
    IMMUNITY = "Immunity"
    # A control that some hosts lack. In a register guests of other hosts rely on it there.
    CONTROL = "Control"
    # The pool loses a feature that guests miss in time, not in safety.
    SPEED = "Speed"


@frozen
class PoolSecurity:
    """What the level means for security and speed, one finding."""

    # What it is about.
    kind: SecurityKind
    # The feature that tells guests.
    feature: str
    # The hosts that cause it.
    hosts: list[str]
    # What it means, for people.
    text: str


@frozen
class PoolLevel:
    """The level of a pool for one type of guest."""

    # The release whose rules and names were used.
    release: str
    # The level.
    featureset: FeaturesetText
    # The same by name.
    features: list[str]
    # The hosts that count.
    hosts: list[str]
    # Hosts that run no such guests.
    skipped: list[str]
    # For each host that counts.
    costs: list[PoolCost]
    # Features that are lost.
    losses: list[PoolLoss]
    # Features of the level that hosts do not take in, so that they refuse VMs that boot with it.
    refused: list[PoolLoss]
    # What the level means for security.
    security: list[PoolSecurity]


class Verdict(Enum):
    """May the VM run on the host? From best to worst."""

    # It has seen nothing yet and boots here.
    BOOTS = "Boots"
    # It resumes or migrates here, and sees nothing that the host would not give.
    MIGRATES = "Migrates"
    # It resumes or migrates here, because the host takes in more than it gives; perhaps slowly.
    ONLY_BY_MAX = "Only_by_max"
    # The host lacks features: only a forced migration would go.
    ONLY_BY_FORCE = "Only_by_force"
    # Another vendor, no such guests here, or leaves that Xen refuses.
    IMPOSSIBLE = "Impossible"


@frozen
class PoolFeature:
    """A feature that a VM has seen and a host has not."""

    # Its name, or word and bit where it has none.
    name: str
    # Why the host does not take it in, or does not give it.
    reason: str
    # What the VM risks without it; empty where it is taken in.
    risk: str
    # What helps on that host; empty where nothing is known.
    remedy: str
    # For a bit that old records have for no use, where it comes from; else empty.
    compatibility: str


@frozen
class PoolAnswer:
    """The verdict for VMs on hosts of which all the same holds. Features are given by their place
    in the table that comes with the answers.
    """

    # The VMs.
    vms: list[str]
    # The hosts: each VM on each of them.
    hosts: list[str]
    # May they?
    verdict: Verdict
    # Which featuresets were compared.
    compared: str
    # Features that the hosts do not take in, all of them.
    missing: list[int]
    # Features that the hosts take in and do not give at boot.
    only_by_max: list[int]
    # What keeps the VMs out beside features.
    problems: list[str]
    # What can be done.
    remedies: list[str]
    # What was assumed or could not be compared.
    notes: list[str]


@frozen
class PoolRow:
    """The verdicts for one VM."""

    # The VM.
    vm: str
    # One for each host, in the order of the hosts.
    verdicts: list[Verdict]


@frozen
class PoolCheck:
    """May VMs go to hosts? Every pair has a verdict; each fact is told once."""

    # The hosts, in the order given.
    hosts: list[str]
    # The verdicts, in the order of the VMs given.
    rows: list[PoolRow]
    # The reasons; every pair of VM and host is in one of them.
    answers: list[PoolAnswer]
    # The features that the answers name by their place here.
    features: list[PoolFeature]
    # What to know of the hosts.
    notes: list[str]


@frozen
class PoolChange:
    """The level for one type of guest, before and after."""

    # Whose featuresets.
    guest_type: GuestType
    # The level before.
    before: FeaturesetText
    # The level after.
    after: FeaturesetText
    # Features that the level loses.
    lost: list[str]
    # Features that it gains.
    gained: list[str]


@frozen
class TouchedVm:
    """A VM that the change touches."""

    # The VM.
    vm: str
    # Hosts of the pool that took it in before and will not.
    closed: list[str]
    # Hosts that will take it in and did not before.
    opened: list[str]
    # True when no host will take it in any more.
    stranded: bool


@frozen
class PoolPlan:
    """What a change of hosts does."""

    # For each type of guest.
    changes: list[PoolChange]
    # VMs that are touched, and no others.
    vms: list[TouchedVm]
    # VMs that no host takes in, before or after.
    homeless: list[str]
    # Why hosts will not take touched VMs in.
    answers: list[PoolAnswer]
    # The features that the answers name by their place here.
    features: list[PoolFeature]


@frozen
class PoolPart:
    """A sub-pool."""

    # Its hosts.
    hosts: list[str]
    # Its level.
    featureset: FeaturesetText


@frozen
class PoolSplit:
    """A partition into sub-pools."""

    # The sub-pools.
    parts: list[PoolPart]
    # Features that hosts have and their level has not, added over all hosts.
    given_up: int
    # True when no other partition gives up less.
    exact: bool


@frozen
class PoolFinding:
    """A key of a stored record that is not as it should be."""

    # The key.
    key: str
    # What is stored; empty when the key is missing.
    stored: str
    # What should be stored.
    expected: str
    # Features that are stored and should not be.
    lost: list[str]
    # Features that should be stored and are not.
    gained: list[str]


class XenopsError(Exception):
    """A failed call. Each tag of the error variant is a class of its own below this one."""

    tag: ClassVar[str]
    # True for the class that stands for a tag that this version of the interface does not know.
    catches_unknown: ClassVar[bool] = False

    def __str__(self) -> str:
        return ": ".join([self.tag, ", ".join(map(str, self.args))]) if self.args else self.tag


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
class InternalError(XenopsError):
    """Anything else; the text says what was read, where, and what would have been right."""

    tag: ClassVar[str] = "Internal_error"
    message: str


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


@frozen
class Param:
    """A named parameter. `type` is a type as in this module's annotations, None for unit."""

    name: str
    type: Any


@frozen
class Method:
    """A method: its name on the wire and in Python, its parameters in order, its result's type."""

    name: str
    python_name: str
    params: tuple[Param, ...]
    result: Any


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
        params=(
            Param("debug_info", str),
            Param("unit", None),
        ),
        result=QueryResult,
    ),
    "HOST.stat": Method(
        name="HOST.stat",
        python_name="host_stat",
        params=(Param("debug_info", str),),
        result=HostStat,
    ),
    "HOST.get_cpu_info": Method(
        name="HOST.get_cpu_info",
        python_name="host_get_cpu_info",
        params=(Param("debug_info", str),),
        result=CpuInfo,
    ),
    "HOST.get_cpu_info_history": Method(
        name="HOST.get_cpu_info_history",
        python_name="host_get_cpu_info_history",
        params=(
            Param("debug_info", str),
            Param("last", int | None),
            Param("timeout", int | None),
        ),
        result=HostHistory,
    ),
    "HOST.get_domain_policy": Method(
        name="HOST.get_domain_policy",
        python_name="host_get_domain_policy",
        params=(
            Param("debug_info", str),
            Param("domid", int),
        ),
        result=DomainPolicy,
    ),
    "HOST.combine_cpu_policies": Method(
        name="HOST.combine_cpu_policies",
        python_name="host_combine_cpu_policies",
        params=(
            Param("debug_info", str),
            Param("policy1", FeaturesetText),
            Param("policy2", FeaturesetText),
        ),
        result=FeaturesetText,
    ),
    "HOST.is_compatible": Method(
        name="HOST.is_compatible",
        python_name="host_is_compatible",
        params=(
            Param("debug_info", str),
            Param("vm_policy", FeaturesetText),
            Param("host_policy", FeaturesetText),
        ),
        result=bool,
    ),
    "POOL.get_cpu_info": Method(
        name="POOL.get_cpu_info",
        python_name="pool_get_cpu_info",
        params=(
            Param("debug_info", str),
            Param("hosts", list[PoolHost]),
            Param("before_2023", bool | None),
        ),
        result=dict[str, str],
    ),
    "POOL.level": Method(
        name="POOL.level",
        python_name="pool_level",
        params=(
            Param("debug_info", str),
            Param("hosts", list[PoolHost]),
            Param("guest_type", GuestType),
        ),
        result=PoolLevel,
    ),
    "POOL.check": Method(
        name="POOL.check",
        python_name="pool_check",
        params=(
            Param("debug_info", str),
            Param("vms", list[PoolVm]),
            Param("hosts", list[PoolHost]),
        ),
        result=PoolCheck,
    ),
    "POOL.plan": Method(
        name="POOL.plan",
        python_name="pool_plan",
        params=(
            Param("debug_info", str),
            Param("before", list[PoolHost]),
            Param("after", list[PoolHost]),
            Param("vms", list[PoolVm]),
        ),
        result=PoolPlan,
    ),
    "POOL.split": Method(
        name="POOL.split",
        python_name="pool_split",
        params=(
            Param("debug_info", str),
            Param("hosts", list[PoolHost]),
            Param("guest_type", GuestType),
            Param("parts", int),
        ),
        result=PoolSplit,
    ),
    "POOL.audit": Method(
        name="POOL.audit",
        python_name="pool_audit",
        params=(
            Param("debug_info", str),
            Param("stored", dict[str, str]),
            Param("hosts", list[PoolHost]),
        ),
        result=list[PoolFinding],
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
