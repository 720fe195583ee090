"""One host, as a source of featuresets read it: what everything above works from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from ..cpuid.policy import Policy
from ..features.featureset import Featureset
from ..features.fit import Fit, fit
from ..features.release import Release

UNKNOWN = "unknown"
# A set that nobody told: no words at all. A set without features has words, and they are zero.
UNTOLD: Final = Featureset()


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

    @property
    def length(self) -> int:
        """Of the longest, in words: a set that nobody told has none."""
        told = (self.host, self.raw, self.pv_default, self.hvm_default, self.pv_max, self.hvm_max)
        return max(featureset.length for featureset in told if featureset is not None)


@frozen
class Xen:
    """What the hypervisor says of itself; `version` is like `4.17.7`."""

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


@frozen
class Topology:
    """Counts over the whole host."""

    cpu_count: int
    socket_count: int
    threads_per_core: int
    nr_nodes: int


@frozen
class Host:
    """`policies`: by the names of Featuresets, as far as they are known.

    `origin` tells people where all this comes from; `notes` what they should know of it (what was
    assumed, what the hypervisor could not say).
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

    @property
    def fit(self) -> Fit:
        """The release whose names and masks fit this hypervisor, and what was assumed for that."""
        return fit(self.xen.version, self.featuresets.length)

    @property
    def release(self) -> Release:
        """The release whose names and masks fit this hypervisor."""
        return self.fit.release
