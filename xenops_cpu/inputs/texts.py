"""A text of any format, by its contents."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from ..cpuid.policy import Policy, PolicyError
from ..cpuid.words import guest_featureset
from ..cpus import dumps
from ..features.featureset import Featureset
from ..hosts import capture, parts
from ..hosts.host import Host
from ..hosts.parts import Parts
from ..sources import cpuinfo
from . import vm_record, xe, xen_cpuid, xl_info
from .value import Input, InputError, Kind, Stored, VmRecord

KINDS = (
    "what xen-cpuid, xe host-cpu-info, xe host-param-list, xe vm-param-list, xl info or cpuid -r "
    "prints, a capture, a dump of InstLatx64 or libcpuid, records of CPUs or VMs as JSON, "
    "/proc/cpuinfo, a featureset, a CPU policy"
)
_FEATURESET = re.compile(r"\s*[0-9a-fA-F][0-9a-zA-Z]{0,9}(?:[-:][0-9a-zA-Z]{1,10})+\s*")
# A dump of a host with 1,000 CPUs has some 60,000.
MAX_LINES = 200_000
# Each takes a simulation; simulate --corpus does any number.
_MAX_CPUS = 500


@frozen
class Found:
    """What a text has. `parts`: of one host or, with names, of several; `hosts`: with names."""

    parts: tuple[Parts, ...] = ()
    hosts: tuple[tuple[str, Host], ...] = ()
    vms: tuple[VmRecord, ...] = ()
    stored: tuple[Stored, ...] = ()
    featureset: Featureset | None = None
    policy: Policy | None = None


def parse(text: str, name: str, where: str, release: str | None = None) -> Found:
    """`release`: to simulate the CPU of a dump under, None for the default. Raises InputError."""
    if text.count("\n") > MAX_LINES:
        raise InputError(f"{where}: a text of more than {MAX_LINES} lines")
    start = text.lstrip()[:1]
    if start in ("{", "["):
        found = _json(text, name, where)
        if found is not None:
            return found
    elif xen_cpuid.recognises(text):
        return _xen_cpuid(text, where)
    elif xl_info.recognises(text):
        return Found(parts=(xl_info.parse(text),))
    elif xe.recognises(text):
        hosts, vms, stored = xe.parse(text, where)
        return Found(tuple(hosts), vms=tuple(vms), stored=tuple(stored))
    elif text.count("\n") < 3 and "->" in text:
        return Found(policy=_policy(text, where))
    elif _flags(text):
        flags = xe.members(text.replace("\n", ";"))
        return Found(vms=(vm_record.of_flags(flags, name, "unknown", where),))
    elif len(text) < 4096 and _FEATURESET.fullmatch(text):
        return Found(featureset=parts.featureset(text.lower().replace("0x", ""), where))
    elif _cpuinfo(text):
        return Found(parts=(Parts(processor=cpuinfo.parse(text)),))
    return _dumps(text, name, where, release)


def as_input(found: Found, name: str, where: str) -> Input:
    """The Input that a single text makes."""
    hosts = list(found.hosts)
    name = re.sub(r"\.(?:txt|out|json)$", "", name)
    for told in found.parts:
        short = told.name or name
        hosts.append((short, parts.host(told, where if short == name else f"{where}: {short}")))
    kind: Kind = (
        "host" if hosts else "vm" if found.vms else "policy" if found.policy else "featureset"
    )
    vm = found.vms[0] if len(found.vms) == 1 and not hosts else None
    return Input(
        name,
        kind,
        hosts=tuple(host for _, host in hosts),
        host_names=tuple(short for short, _ in hosts),
        featureset=vm.featureset if vm else found.featureset,
        policy=vm.policy if vm else found.policy,
        vms=found.vms,
        stored=found.stored,
    )


def _xen_cpuid(text: str, where: str) -> Found:
    printed = xen_cpuid.parse(text, where)
    if printed.domains:
        release = parts.host(printed.parts, where).release
        vms = tuple(
            VmRecord(
                name=f"domain {number}",
                domain_type="unknown",
                featureset=guest_featureset(policy, release),
                policy=policy,
                source=f"{where}: xen-cpuid -p {number}",
            )
            for number, policy in printed.domains.items()
        )
        return Found((printed.parts,) if printed.parts.a_host else (), vms=vms)
    if printed.parts.a_host:
        return Found((printed.parts,))
    if len(printed.decoded) == 1:
        return Found(featureset=printed.decoded[0])
    raise InputError(
        f"{where}: {len(printed.decoded)} sets and none under Dynamic sets; what xen-cpuid -d or "
        "-p prints has those of a host"
    )


def _json(text: str, name: str, where: str) -> Found | None:
    """None for JSON of a kind that the readers of dumps know."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(document, dict) and document.get("format") == capture.FORMAT:
        try:
            return Found(hosts=((re.sub(r"\.json$", "", name), capture.load(text)),))
        except capture.CaptureError as error:
            raise InputError(f"{where}: {error}") from error
    hosts: list[Parts] = []
    vms: list[VmRecord] = []
    stored: list[Stored] = []
    for record in _records(document):
        info = record.get("cpu_info", record)
        if isinstance(info, dict) and "features_pv" in info:
            short = str(record.get("name_label") or record.get("hostname") or "")
            strings = {key: str(value) for key, value in info.items()}
            version = _member(record, "software_version", "xen") or _member(
                record, "hypervisor", "version"
            )
            stored.append(Stored("pool" if "master" in record else "host", short, strings))
            if "master" not in record:
                told = parts.of_cpu_info(strings, where)
                hosts.append(evolve(told, name=short, version=version))
        elif vm_record.recognises(record):
            vms.append(vm_record.parse(record, where))
    if hosts or vms or stored:
        return Found(tuple(hosts), vms=tuple(vms), stored=tuple(stored))
    return None


def _records(document: object) -> Iterator[Mapping[str, Any]]:
    """The record, or the records of a list or of a map by reference (VM.get_all_records)."""
    values = document if isinstance(document, list) else [document]
    for value in values:
        if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
            if "cpu_info" in value or "last_boot_CPU_flags" in value:
                yield value
            else:
                yield from value.values()
        elif isinstance(value, dict):
            yield value


def _member(record: Mapping[str, Any], key: str, name: str) -> str:
    inner = record.get(key)
    return str(inner.get(name, "")) if isinstance(inner, dict) else ""


def _policy(text: str, where: str) -> Policy:
    try:
        return Policy.parse(text)
    except PolicyError as error:
        raise InputError(f"{where}: {error}") from error


def _flags(text: str) -> bool:
    return len(text) < 4096 and {"vendor", "features"} <= xe.members(text.replace("\n", ";")).keys()


def _cpuinfo(text: str) -> bool:
    return text.lstrip().startswith("processor") and "vendor_id" in text[:4096]


def _dumps(text: str, name: str, where: str, release: str | None) -> Found:
    from .named import simulate

    try:
        read = dumps.parse(text, where)
    except dumps.DumpError as error:
        said = str(error)
        if "no known format" in said:
            said = f"{where}: no known format; readable are {KINDS}"
        raise InputError(said) from error
    if len(read) > _MAX_CPUS:
        raise InputError(
            f"{where}: {len(read)} CPUs; simulate --corpus reads any number, this up to {_MAX_CPUS}"
        )
    short = name.removesuffix(".txt")
    return Found(
        hosts=tuple(
            (short if dump.name == where else dump.name, simulate(dump, release)) for dump in read
        )
    )
