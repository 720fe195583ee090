"""Hosts for tests: the shipped captures, and small ones made up for one purpose."""

from collections.abc import Iterable

from attrs import evolve

from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.host import Featuresets, Host, Processor, Topology, Xen
from xenops_cpu.sources.recorded import Example, examples

EXAMPLES = tuple(examples())


def example(name: str = "epyc-xen-4.17") -> Host:
    return Example(name).read()


def names(text: str, xen: str = "4.17") -> Featureset:
    """The featureset with these features, by names separated by blanks."""
    return release(xen).featureset(text.split())


def made(
    default: str = "FPU SSE",
    max_: str | None = "FPU SSE HLE RTM",
    host: str = "FPU SSE HLE RTM",
    xen: str = "4.17",
    notes: Iterable[str] = (),
) -> Host:
    """A host whose PV and HVM guests get the same."""
    max_set = None if max_ is None else names(max_, xen)
    return Host(
        origin="made up",
        xen=Xen(f"{xen}.1"),
        processor=Processor(vendor="GenuineIntel"),
        topology=Topology(cpu_count=4, socket_count=1, threads_per_core=2, nr_nodes=1),
        iommu=False,
        hvm=True,
        featuresets=Featuresets(
            raw=names(host, xen),
            host=names(host, xen),
            pv_default=names(default, xen),
            hvm_default=names(default, xen),
            pv_max=max_set,
            hvm_max=max_set,
        ),
        notes=tuple(notes),
    )


class Fixed:
    """A source that gives what it is told to, and counts."""

    name = "fixed"

    def __init__(self, host: Host) -> None:
        self.host = host
        self.reads = 0

    def read(self) -> Host:
        self.reads += 1
        return self.host


__all__ = ["EXAMPLES", "Fixed", "evolve", "example", "made", "names"]
