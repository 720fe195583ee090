"""Hosts that a name or a socket stands for rather than a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, evolve

from .. import client
from ..cpus import shipped
from ..cpus.corpus import RecordError, options_of
from ..cpus.dumps import Dump
from ..derivation import DERIVED_RELEASES
from ..errors import InputError
from ..features.release import Release, ReleaseError, release
from ..hosts import parts
from ..hosts.host import Host
from ..hosts.record import of_cpu_info
from ..interface import HostStat, QueryResult, XenopsError
from ..sources import SourceError
from ..sources.recorded import Example, Recorded
from ..sources.simulated import DEFAULT_RELEASE, Simulated, Subject, other_cpu
from .value import Input, NamedHost


def resolve(kind: str, rest: str, wanted: str | None = None) -> Input:
    """example:NAME, recorded:FILE, cpu:NAME[@RELEASE]; `wanted`: the release where cpu: names none.

    Raises InputError.
    """
    if kind == "cpu":
        return _cpu(rest, wanted)
    source = Example(rest) if kind == "example" else Recorded(Path(rest))
    try:
        host = source.read()
    except SourceError as error:
        raise InputError(str(error)) from error
    return _input(source.name, NamedHost(Path(rest).name.removesuffix(".json"), host))


def this_machine(wanted: str | None = None) -> Input:
    """What a release would offer on this machine's CPU, None for the default one.

    Raises InputError.
    """
    source = Simulated(xen=derived_release(wanted or DEFAULT_RELEASE))
    return _input("simulated", NamedHost("simulated", _read(source), source))


def service(path: Path) -> Input:
    """The host that a running service answers for. Raises InputError."""
    try:
        connected = client.connect(path)
        query, stat = connected.query("xenops-cpu"), connected.host_stat("xenops-cpu")
    except (client.ConnectionFailed, XenopsError) as error:
        raise InputError(str(error)) from error
    return _input(str(path), NamedHost(path.name, _served(path, query, stat)))


def of_dump(dump: Dump, name: str, wanted: str | None = None) -> NamedHost:
    """The CPU of a dump under a release, None for the default one. Raises InputError."""
    return simulated(name, other_cpu(dump.cpu, dump.notes), wanted, dump.params)


def simulated(
    name: str,
    subject: Subject,
    wanted: str | None = None,
    params: Mapping[str, Any] | None = None,
) -> NamedHost:
    """What a release would offer on a CPU. `params` are a record's. Raises InputError."""
    try:
        source = Simulated(
            subject,
            derived_release(wanted or DEFAULT_RELEASE),
            options_of(params),
            asked=wanted or "",
        )
    except RecordError as error:
        raise InputError(str(error)) from error
    return NamedHost(name, _read(source), source)


def derived_release(text: str) -> Release:
    """A release whose derivation is known. Raises InputError."""
    try:
        xen = release(text)
    except ReleaseError as error:
        raise InputError(str(error)) from error
    if xen.name not in DERIVED_RELEASES:
        raise InputError(
            f"what {xen.title} derives is not known; there are {', '.join(DERIVED_RELEASES)}"
        )
    return xen


def _cpu(text: str, wanted: str | None) -> Input:
    """A shipped CPU under the release after the last @."""
    name, at, named = text.rpartition("@")
    cpu = shipped.find(name if at else text)
    subject = other_cpu(cpu.cpu, cpu.notes)
    host = simulated(text, subject, named if at else wanted, cpu.params)
    return _input(f"cpu:{text}", host)


def _read(source: Simulated) -> Host:
    try:
        return source.read()
    except SourceError as error:
        raise InputError(str(error)) from error


def _served(path: Path, query: QueryResult, stat: HostStat) -> Host:
    """Of a service: the sets it publishes. What raw is, and policies, it does not tell."""
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
