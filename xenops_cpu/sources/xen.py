"""The hypervisor of this machine, asked through libxc from dom0."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from ..cpuid.policy import Policy
from ..features.featureset import Featureset
from ..features.fit import fit
from ..hosts import compat_bits
from ..hosts.host import Featuresets, Host, Topology, Xen
from . import cpuinfo
from .info import Physinfo
from .libxc import Handle
from .libxc_errors import CallFailed, XenError
from .microcode import revision

# Indices of the sysctls get_cpu_featureset and get_cpu_policy (xen/include/public/sysctl.h).
# The two do not agree, and the first calls a default by the guest type alone.
FEATURESETS = {
    "raw": 0, "host": 1, "pv_default": 2, "hvm_default": 3, "pv_max": 4, "hvm_max": 5,
}  # fmt: skip
POLICIES = {
    "raw": 0, "host": 1, "pv_max": 2, "hvm_max": 3, "pv_default": 4, "hvm_default": 5,
}  # fmt: skip
# Since 4.14; an older hypervisor answers EINVAL.
OPTIONAL = ("pv_max", "hvm_max")


@frozen
class XenSource:
    """Opens libxc for each read and closes it again: nothing of it outlives the call.

    `boot_cpuinfo`: the copy of /proc/cpuinfo made at boot, where there is one (see cpuinfo).
    """

    boot_cpuinfo: Path | None = None

    @property
    def name(self) -> str:
        return "xen"

    def read(self) -> Host:
        """Everything that a capture holds. Raises XenError, SourceError for cpuinfo."""
        with Handle() as xc:
            hypervisor = Xen(xc.version(), xc.capabilities(), xc.commandline())
            info = xc.physinfo()
            featuresets = _featuresets(xc)
            policies, notes = _policies(xc)
            patched = xc.adds_compatibility_bits
            processor = cpuinfo.read(self.boot_cpuinfo)
            running = _microcode(xc, processor.vendor)
        fitting = fit(hypervisor.version, featuresets.host.length)
        release = fitting.release
        notes += _length_note(featuresets, release.length, release.title)
        notes += filter(None, (fitting.differs,))
        if patched and featuresets.pv_max is not None:
            notes += compat_bits.notes(release, processor.vendor, featuresets, policies)
        if not info.hvm:
            notes.append("HVM is not available on this host: its featuresets are empty")
        return Host(
            origin=f"the hypervisor of this host, Xen {hypervisor.version}",
            xen=hypervisor,
            processor=processor,
            topology=_topology(info),
            iommu=info.iommu,
            hvm=info.hvm,
            featuresets=featuresets,
            policies=policies,
            microcode=running,
            notes=tuple(notes),
        )


def microcode(vendor: str) -> int | None:
    """The revision that the first CPU runs with, as Xen tells it (since 4.18), else as Linux shows
    it; None where neither does."""
    try:
        with Handle() as xc:
            return _microcode(xc, vendor)
    except XenError:
        return revision(vendor)


def _microcode(xc: Handle, vendor: str) -> int | None:
    try:
        return xc.microcode()
    except XenError:
        return revision(vendor)


def _featuresets(xc: Handle) -> Featuresets:
    length = xc.featureset_length()
    sets: dict[str, Featureset | None] = {}
    for name, index in FEATURESETS.items():
        sets[name] = xc.featureset(index, length)
        if sets[name] is None and name not in OPTIONAL:
            raise CallFailed(
                f"the hypervisor has no featureset {index} ({name})",
                "Xen 4.7 and later on x86 have it; update Xen",
            )
    return Featuresets(**sets)  # type: ignore[arg-type]  # None is refused above


def _policies(xc: Handle) -> tuple[dict[str, Policy], list[str]]:
    """Policies explain a featureset; a host whose policies cannot be read still has those."""
    try:
        read = xc.policy_reader()
        if read is None:
            return {}, ["this release of libxc cannot read CPU policies (4.12 can)"]
        return {name: read(index) for name, index in POLICIES.items()}, []
    except XenError as error:
        return {}, [f"CPU policies could not be read: {error}"]


def _length_note(featuresets: Featuresets, known: int, title: str) -> list[str]:
    length = featuresets.host.length
    if length == known:
        return []
    return [
        f"featuresets have {length} words, {title} is known with {known}: "
        "bits without a name are shown as <word*32+bit>"
    ]


def _topology(info: Physinfo) -> Topology:
    """Sockets as xenopsd counts them; a hypervisor that says 0 threads or cores means 1."""
    per_socket = max(info.threads_per_core, 1) * max(info.cores_per_socket, 1)
    return Topology(
        cpu_count=info.nr_cpus,
        socket_count=info.nr_cpus // per_socket,
        threads_per_core=info.threads_per_core,
        nr_nodes=info.nr_nodes,
    )
