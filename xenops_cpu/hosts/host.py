"""One host, as a source of featuresets read it: what everything above works from.

A featureset of guests is of a *guest type* and of a *kind*: what a new guest gets (default), or the
most a guest may arrive with (max).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from attrs import field, frozen

from ..cpuid.cpu import Cpu
from ..cpuid.policy import Policy
from ..features.featureset import Featureset
from ..features.fit import Fit, fit
from ..features.release import Release
from ..interface import GuestType
from .membership import NO_POOL, Membership
from .moment import UNKNOWN_MOMENT, Moment

UNKNOWN = "unknown"
# A set that nobody told: no words at all. A set without features has words, and they are zero.
UNTOLD: Final = Featureset()
# Notes on what nobody told: how they begin, and those that are looked for.
NOT_TOLD = "not told: "
NO_SETS = "no featureset is told, only what CPU it is"
NO_IOMMU = f"{NOT_TOLD}whether there is an IOMMU"


class Kind(Enum):
    """Xen's two policies for a guest type: default is for boot, max for migration."""

    DEFAULT = "default"
    MAX = "max"


DEFAULT, MAX = Kind.DEFAULT, Kind.MAX

# The members of Featuresets, in the order in which people expect them.
SETS = ("raw", "host", "pv_default", "hvm_default", "pv_max", "hvm_max")
# What they are, for people: a title, and what stands behind it.
TITLES = {
    "raw": ("raw", "what CPUID shows"),
    "host": ("host", "what Xen uses"),
    "pv_max": ("PV max", "the most a PV guest may arrive with"),
    "pv_default": ("PV default", "what a PV guest gets at boot"),
    "hvm_max": ("HVM max", "the most an HVM or PVH guest may arrive with"),
    "hvm_default": ("HVM default", "what an HVM or PVH guest gets at boot"),
}


def set_name(guest: GuestType, kind: Kind) -> str:
    """Of a guest type's set among the members of Featuresets: `hvm_max`."""
    return f"{guest.name.lower()}_{kind.value}"


@frozen
class Featuresets:
    """The sets of Xen's sysctl get_cpu_featureset (xen/include/public/sysctl.h).

    `pv_default` and `hvm_default` are what a new guest gets (indices `pv` and `hvm` there),
    `pv_max` and `hvm_max` the most a guest may arrive with: None on a Xen that has no such sets
    (before 4.14). All zero where Xen does not offer a guest type (no HVM, for instance).
    """

    raw: Featureset
    host: Featureset
    pv_default: Featureset
    hvm_default: Featureset
    pv_max: Featureset | None = None
    hvm_max: Featureset | None = None

    def of(self, guest: GuestType, kind: Kind) -> Featureset | None:
        """The set of a guest type; None for max on a Xen that has no such sets."""
        return self.named(set_name(guest, kind))

    def default(self, guest: GuestType) -> Featureset:
        """What a new guest of a type gets, which every Xen has."""
        return self.pv_default if guest is GuestType.PV else self.hvm_default

    def named(self, name: str) -> Featureset | None:
        """By its name in SETS. Raises AttributeError for any other."""
        featureset: Featureset | None = getattr(self, name)
        return featureset

    @property
    def length(self) -> int:
        """Of the longest, in words: a set that nobody told has none."""
        sets = (self.named(name) for name in SETS)
        return max(featureset.length for featureset in sets if featureset is not None)


@frozen
class Xen:
    """What the hypervisor says of itself; `version` is like `4.17.7`, or `4.17.6-2` with the
    release of XenServer's package.
    """

    version: str
    capabilities: str = ""
    commandline: str = ""


@frozen
class Processor:
    """The lines of /proc/cpuinfo that xapi stores; UNKNOWN where a line is missing, as in xenopsd.

    `speed` is in MHz, `flags` are Linux's names of what dom0 sees: no featureset.
    """

    vendor: str = UNKNOWN
    modelname: str = UNKNOWN
    speed: str = UNKNOWN
    family: str = UNKNOWN
    model: str = UNKNOWN
    stepping: str = UNKNOWN
    flags: str = UNKNOWN

    @classmethod
    def of(cls, cpu: Cpu) -> Processor:
        """What CPUID itself says; speed and flags are Linux's to tell."""
        return cls(
            vendor=cpu.vendor,
            modelname=cpu.brand or UNKNOWN,
            family=str(cpu.family),
            model=str(cpu.model),
            stepping=str(cpu.stepping),
        )


@frozen
class Topology:
    """Counts over the whole host."""

    cpu_count: int
    socket_count: int
    threads_per_core: int
    nr_nodes: int


@frozen
class Host:
    """`policies`: by the names of SETS, as far as they are known.

    `origin` tells people where all this comes from; `notes` what they should know of it (what was
    assumed, what the hypervisor could not say). `uuid`: xapi's, "" where it is not known.
    `recorded`: the sets are those of xapi's Host.cpu_info, whose migration sets are what they are,
    boot or not; Xen's own are joined with boot. `name`: what xapi calls the host, "" where it is
    not told. `microcode`: the revision that it runs, None where it is not told. `moment`: when all
    this was read. `membership`: what xapi says of it as a member of its pool.
    """

    origin: str
    xen: Xen
    processor: Processor
    topology: Topology
    iommu: bool
    hvm: bool
    featuresets: Featuresets
    policies: Mapping[str, Policy] = field(factory=dict)
    notes: tuple[str, ...] = ()
    uuid: str = ""
    recorded: bool = False
    name: str = ""
    microcode: int | None = None
    moment: Moment = UNKNOWN_MOMENT
    membership: Membership = NO_POOL

    @property
    def fit(self) -> Fit:
        """The release whose names and masks fit this hypervisor, and what was assumed for that."""
        return fit(self.xen.version, self.featuresets.length)

    @property
    def release(self) -> Release:
        """The release whose names and masks fit this hypervisor."""
        return self.fit.release

    @property
    def vendor(self) -> str:
        """The CPU's, "" where it is not known."""
        return "" if self.processor.vendor == UNKNOWN else self.processor.vendor
