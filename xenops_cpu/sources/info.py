"""What libxc answers about the host and its domains, as far as it is needed."""

from __future__ import annotations

from attrs import frozen


@frozen
class Physinfo:
    """What physinfo says; counts are of what is online, speed in kHz."""

    threads_per_core: int
    cores_per_socket: int
    nr_cpus: int
    nr_nodes: int
    cpu_khz: int
    hvm: bool
    iommu: bool


@frozen
class DomainInfo:
    """A domain that is there. `uuid`: what its toolstack gave it, zeros for none. `hvm`: HVM or
    PVH, which look alike to the hypervisor.
    """

    domid: int
    uuid: str
    hvm: bool
