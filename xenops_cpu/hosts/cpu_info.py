"""The record xapi stores of a host's CPU, from what a source read.

There are two kinds of featureset and they must not be mixed up: **boot** is what a new guest gets
(Xen's default), **migration** the most a guest may arrive with (boot OR Xen's max). xapi's names
for them are `features_pv_host`, `features_hvm_host` (boot) and `features_pv`, `features_hvm`
(migration).
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..features.featureset import Featureset
from ..features.release import Release
from ..interface import ChipsetInfo, CpuInfo, HostStat, Hypervisor
from .host import Featuresets, Host

# XenServer's libxc did this for hypervisors that have one set a guest type (xen.pg of 8.2,
# libxc-cpu-policies): a VM that saw TSX before Xen hid it may come in.
TAKEN_FROM_HOST = ("HLE", "RTM")


@frozen
class Offer:
    """What Xen offers to one guest type, `kind` PV or HVM (PVH guests get the HVM sets).

    `max_from_xen` is False where Xen has no max policy and `max` was made from default and host.
    """

    kind: str
    default: Featureset
    max: Featureset
    max_from_xen: bool = True

    @property
    def boot(self) -> Featureset:
        return self.default

    @property
    def migration(self) -> Featureset:
        return self.default | self.max


def offers(host: Host) -> tuple[Offer, Offer]:
    """The offers to PV and to HVM guests."""
    sets = host.featuresets
    return (
        _offer("PV", sets.pv_default, sets.pv_max, sets, host.release),
        _offer("HVM", sets.hvm_default, sets.hvm_max, sets, host.release),
    )


def _offer(
    kind: str, default: Featureset, max_: Featureset | None, sets: Featuresets, release: Release
) -> Offer:
    if max_ is not None:
        return Offer(kind, default, max_)
    if not default:  # this guest type does not exist here, so nobody can arrive either
        return Offer(kind, default, default, max_from_xen=False)
    known = [name for name in TAKEN_FROM_HOST if name in release.features]
    taken = release.featureset(known)
    return Offer(kind, default, (default - taken) | (sets.host & taken), max_from_xen=False)


def notes(host: Host) -> Iterator[str]:
    """What a person should know of the record: what the source said, and what was made up for."""
    yield from host.notes
    if host.featuresets.pv_max is None:
        yield (
            f"{host.release.title} has no max policies: max is default, with "
            f"{' and '.join(TAKEN_FROM_HOST)} as in host (XenServer's libxc did the same)"
        )


def inconsistencies(host: Host) -> Iterator[str]:
    """A sentence for each guest type whose default is not within its max."""
    for offer in offers(host):
        beyond = offer.default - offer.max
        if beyond:
            names = " ".join(host.release.names(beyond))
            yield f"{offer.kind} default is not within {offer.kind} max; default − max: {names}"


def cpu_info(host: Host) -> CpuInfo:
    """The sixteen members of Host.cpu_info. `features` is Xen's host set, as in xenopsd."""
    pv, hvm = offers(host)
    topology, processor = host.topology, host.processor
    return CpuInfo(
        cpu_count=topology.cpu_count,
        socket_count=topology.socket_count,
        threads_per_core=topology.threads_per_core,
        nr_nodes=topology.nr_nodes,
        vendor=processor.vendor,
        speed=processor.speed,
        modelname=processor.modelname,
        family=processor.family,
        model=processor.model,
        stepping=processor.stepping,
        flags=processor.flags,
        features=str(host.featuresets.host),
        features_pv=str(pv.migration),
        features_hvm=str(hvm.migration),
        features_pv_host=str(pv.boot),
        features_hvm_host=str(hvm.boot),
    )


def host_stat(host: Host) -> HostStat:
    """Host.t of xenopsd: the CPU, the hypervisor and what the chipset offers."""
    return HostStat(
        cpu_info=cpu_info(host),
        hypervisor=Hypervisor(version=host.xen.version, capabilities=host.xen.capabilities),
        chipset_info=ChipsetInfo(iommu=host.iommu, hvm=host.hvm),
    )


# xapi keeps these in its database (create_host_cpu in ocaml/xapi/create_misc.ml), all as strings.
XAPI_KEYS = (
    "cpu_count", "socket_count", "threads_per_core", "vendor", "speed", "modelname", "family",
    "model", "stepping", "flags", "features_pv", "features_hvm", "features_hvm_host",
    "features_pv_host",
)  # fmt: skip


def xapi_map(info: CpuInfo) -> dict[str, str]:
    """The string map that xapi stores in Host.cpu_info."""
    return {key: str(getattr(info, key)) for key in XAPI_KEYS}


def describe(host: Host) -> Iterator[str]:
    """Lines for the log: each guest type's max and default and what is in one of them only.

    Each as xen-cpuid takes it, and by name.
    """
    names = host.release.names
    for offer in offers(host):
        made = "" if offer.max_from_xen else " (made from default and host)"
        yield f"{offer.kind} max{made}: {offer.max.text(':')}"
        yield f"{offer.kind} max by name: {' '.join(names(offer.max)) or 'none'}"
        yield f"{offer.kind} default: {offer.default.text(':')}"
        yield f"{offer.kind} default by name: {' '.join(names(offer.default)) or 'none'}"
        for title, difference in (
            ("max − default", offer.max - offer.default),
            ("default − max", offer.default - offer.max),
        ):
            if difference or title == "max − default":
                yield f"{offer.kind} {title}: {difference.text(':')}"
                yield f"{offer.kind} {title}: {' '.join(names(difference)) or 'none'}"
