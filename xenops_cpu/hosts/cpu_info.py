"""The record xapi stores of a host's CPU, from what a source read.

xapi's names for the two kinds of featureset are `features_pv_host`, `features_hvm_host` (boot) and
`features_pv`, `features_hvm` (migration).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..interface import ChipsetInfo, CpuInfo, GuestType, HostStat, Hypervisor
from .host import Host
from .offer import TAKEN_FROM_HOST, offer, offers


def notes(host: Host) -> Iterator[str]:
    """What a person should know of the record: what the source said, and what was made up for."""
    yield from host.notes
    both = offers(host)
    if any(each.boot.length for each in both) and not any(each.max_from_xen for each in both):
        yield (
            f"{host.release.title} has no max policies: max is default, with "
            f"{' and '.join(TAKEN_FROM_HOST)} as in host (XenServer's libxc did the same)"
        )


def cpu_info(host: Host) -> CpuInfo:
    """The sixteen members of Host.cpu_info. `features` is Xen's host set, as in xenopsd."""
    pv, hvm = offer(host, GuestType.PV), offer(host, GuestType.HVM)
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


# xapi keeps these in its database (create_host_cpu in ocaml/xapi/create_misc.ml), all as strings;
# nr_nodes since July 2025.
XAPI_KEYS = (
    "cpu_count", "socket_count", "threads_per_core", "nr_nodes", "vendor", "speed", "modelname",
    "family", "model", "stepping", "flags", "features_pv", "features_hvm", "features_hvm_host",
    "features_pv_host",
)  # fmt: skip


def xapi_map(info: CpuInfo, before_2025: bool = False) -> dict[str, str]:
    """The string map that xapi stores in Host.cpu_info; `before_2025` without nr_nodes."""
    keys = [key for key in XAPI_KEYS if not (before_2025 and key == "nr_nodes")]
    return {key: str(getattr(info, key)) for key in keys}


def describe(host: Host) -> Iterator[str]:
    """Texts for the log: each guest type's max and default and what is in one of them only.

    Each twice, as xen-cpuid takes it and then by name.
    """
    names = host.release.names
    for each in offers(host):
        kind = each.guest.name
        basis = "" if each.max_from_xen else " (made from default and host)"
        yield f"{kind} max{basis}: {each.max.text(':')}"
        yield f"{kind} max by name: {' '.join(names(each.max)) or 'none'}"
        yield f"{kind} default: {each.boot.text(':')}"
        yield f"{kind} default by name: {' '.join(names(each.boot)) or 'none'}"
        for title, difference in (
            ("max − default", each.max - each.boot),
            ("default − max", each.boot - each.max),
        ):
            if difference or title == "max − default":
                yield f"{kind} {title}: {difference.text(':')}"
                yield f"{kind} {title}: {' '.join(names(difference)) or 'none'}"
