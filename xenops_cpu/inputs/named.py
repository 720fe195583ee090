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
from ..features.release import ReleaseError, release
from ..hosts import parts
from ..hosts.host import Host
from ..interface import HostStat, QueryResult, XenopsError
from ..sources import SourceError
from ..sources.recorded import Example, Recorded
from ..sources.simulated import DEFAULT_RELEASE, Simulated, Subject, other_cpu
from .value import Input, InputError


def resolve(kind: str, rest: str) -> Input:
    """example:NAME, recorded:FILE, cpu:NAME[@RELEASE]. Raises InputError."""
    if kind == "cpu":
        return _cpu(rest)
    source = Example(rest) if kind == "example" else Recorded(Path(rest))
    try:
        host = source.read()
    except SourceError as error:
        raise InputError(str(error)) from error
    return _one(source.name, Path(rest).name.removesuffix(".json"), host)


def this_machine() -> Input:
    """What the default release would offer on this machine's CPU. Raises InputError."""
    try:
        host = Simulated().read()
    except SourceError as error:
        raise InputError(str(error)) from error
    return _one("simulated", "simulated", host)


def service(path: Path) -> Input:
    """The host that a running service answers for. Raises InputError."""
    try:
        connected = client.connect(path)
        query, stat = connected.query("xenops-cpu"), connected.host_stat("xenops-cpu")
    except (client.ConnectionFailed, XenopsError) as error:
        raise InputError(str(error)) from error
    return _one(str(path), path.name, _host(path, query, stat))


def _cpu(text: str) -> Input:
    """A shipped CPU under the release after the last @, else under the default one."""
    name, at, wanted = text.rpartition("@")
    try:
        named = shipped.find(name if at else text)
    except shipped.UnknownCpu as error:
        raise InputError(str(error)) from error
    subject = other_cpu(named.cpu, named.notes)
    host = simulated(subject, wanted if at else DEFAULT_RELEASE, named.params)
    return _one(f"cpu:{text}", named.id, host)


def simulate(dump: Dump, wanted: str | None = None) -> Host:
    """The CPU of a dump under a release, None for the default one. Raises InputError."""
    return simulated(other_cpu(dump.cpu, dump.notes), wanted or DEFAULT_RELEASE, dump.params)


def simulated(
    subject: Subject, wanted: str = DEFAULT_RELEASE, params: Mapping[str, Any] | None = None
) -> Host:
    """What a release would offer on a CPU. `params` are a record's. Raises InputError."""
    try:
        xen = release(wanted)
    except ReleaseError as error:
        raise InputError(str(error)) from error
    if xen.name not in DERIVED_RELEASES:
        raise InputError(
            f"what {xen.title} derives is not known; there are {', '.join(DERIVED_RELEASES)}"
        )
    try:
        return Simulated(subject, xen, options_of(params)).read()
    except (SourceError, RecordError) as error:
        raise InputError(str(error)) from error


def _host(path: Path, query: QueryResult, stat: HostStat) -> Host:
    """Of a service: the sets it publishes. What raw is, and policies, it does not tell."""
    facts = {
        kind: [fact.removeprefix(kind) for fact in query.features if fact.startswith(kind)]
        for kind in ("origin: ", "note: ")
    }
    told = parts.of_cpu_info(
        {name: str(value) for name, value in asdict(stat.cpu_info).items()}, str(path)
    )
    return parts.host(
        evolve(
            told,
            version=stat.hypervisor.version,
            capabilities=stat.hypervisor.capabilities,
            iommu=stat.chipset_info.iommu,
            hvm=stat.chipset_info.hvm,
            notes=(*facts["note: "], *told.notes),
        ),
        ": ".join((f"the service at {path}", *facts["origin: "])),
    )


def _one(name: str, short: str, host: Host) -> Input:
    return Input(name, "host", hosts=(host,), host_names=(short,))
