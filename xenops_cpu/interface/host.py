"""Records of the interface: host.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from attrs import frozen

from .variants import FeaturesetText


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
