"""Hosts that a name or a socket stands for rather than a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Error, InputError
from ..sources import choose, simulated
from ..sources.simulated import Simulated
from .value import Input, NamedHost

if TYPE_CHECKING:
    from pathlib import Path

    from ..cpus.dumps import Dump
    from ..hosts.host import Host
    from ..interface import HostStat, QueryResult


def resolve(text: str, release: str | None = None) -> Input:
    """A source by its name (KINDS of sources); `release`: where it simulates and names none.

    Raises InputError.
    """
    kind, _, value = text.partition(":")
    name = value or kind
    if kind == "recorded":
        from pathlib import Path

        name = Path(value).name.removesuffix(".json")
    try:
        source = choose.source(text, release=release)
        host = source.read()
    except Error as error:
        raise InputError(str(error)) from error
    return _input(text, NamedHost(name, host, source if isinstance(source, Simulated) else None))


def service(path: Path) -> Input:
    """The host that a running service answers for. Raises InputError."""
    from ..interface import XenopsError
    from ..transports import client  # with HTTP and TLS

    try:
        connected = client.connect(path)
        query, stat = connected.query("xenops-cpu"), connected.host_stat("xenops-cpu")
    except (client.ConnectionFailed, XenopsError) as error:
        raise InputError(str(error)) from error
    return _input(str(path), NamedHost(path.name, _served(path, query, stat)))


def of_dump(dump: Dump, name: str, release: str | None = None) -> NamedHost:
    """The CPU of a dump under a release, None for the default one. Raises InputError."""
    try:
        source = simulated.of_dump(dump.cpu, dump.notes, dump.params, release)
        return NamedHost(name, source.read(), source)
    except Error as error:
        raise InputError(str(error)) from error


def _served(path: Path, query: QueryResult, stat: HostStat) -> Host:
    """Of a service: the sets it publishes. What raw is, and policies, it does not tell."""
    from attrs import asdict, evolve

    from ..hosts import parts
    from ..hosts.record import of_cpu_info

    facts = {
        kind: [fact.removeprefix(kind) for fact in query.features if fact.startswith(kind)]
        for kind in ("origin: ", "note: ")
    }
    record = of_cpu_info(
        {name: str(value) for name, value in asdict(stat.cpu_info).items()}, str(path)
    )
    return parts.host(
        evolve(
            record,
            version=stat.hypervisor.version,
            capabilities=stat.hypervisor.capabilities,
            iommu=stat.chipset_info.iommu,
            hvm=stat.chipset_info.hvm,
            notes=(*facts["note: "], *record.notes),
        ),
        ": ".join((f"the service at {path}", *facts["origin: "])),
    )


def _input(name: str, host: NamedHost) -> Input:
    return Input(name, "host", hosts=(host,))
