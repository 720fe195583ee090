"""A text of any format, by its contents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, field, frozen

from .. import files, input_limits, json_text
from ..cpuid.policy import Policy, PolicyError
from ..cpuid.words import guest_featureset
from ..cpus import dumps
from ..errors import InputError
from ..features.featureset import Featureset
from ..features.release import Release, ReleaseError
from ..features.release import release as release_named
from ..hosts import capture, parts
from ..hosts.parts import Parts
from ..hosts.record import featureset, of_cpu_info
from ..interface import GuestType
from ..pools.vm import TYPE_NOT_TOLD, Vm, of_flags, with_policy
from ..sources import cpuinfo
from . import vm_record, xe, xen_cpuid, xl_info
from .collected import Collected, Room, apart, once
from .value import Input, Kind, NamedHost, Stored

KINDS = (
    "what xen-cpuid, xe host-cpu-info, xe host-param-list, xe vm-param-list, xl info or cpuid -r "
    "prints, a capture, a dump of InstLatx64 or libcpuid, records of CPUs or VMs as JSON, "
    "/proc/cpuinfo, a featureset, a CPU policy"
)
_FEATURESET = re.compile(r"\s*[0-9a-fA-F][0-9a-zA-Z]{0,9}(?:[-:][0-9a-zA-Z]{1,10})+\s*")


@frozen
class Contents:
    """What a text has. `parts`: of one host or, with names, of several; `hosts`: whole ones."""

    parts: tuple[Parts, ...] = ()
    hosts: tuple[NamedHost, ...] = ()
    vms: tuple[Vm, ...] = ()
    stored: tuple[Stored, ...] = ()
    left_out: Mapping[str, int] = field(factory=dict)
    featureset: Featureset | None = None
    policy: Policy | None = None

    @classmethod
    def of(cls, collected: Collected) -> Contents:
        return cls(
            tuple(collected.hosts),
            vms=tuple(collected.vms),
            stored=tuple(collected.stored),
            left_out=collected.left_out,
        )


def parse(text: str, name: str, where: str, release: str | None = None) -> Contents:
    """`release`: to simulate the CPU of a dump under, None for the default. Raises InputError."""
    files.check(text, where)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        contents = _json(text, name, where)
        if contents is not None:
            return contents
    elif xen_cpuid.recognises(text):
        return _xen_cpuid(text, where)
    elif xl_info.recognises(text):
        return Contents(parts=(xl_info.parse(text),))
    elif xe.recognises(text):
        return Contents.of(xe.parse(text, where))
    elif text.count("\n") < 3 and "->" in text:
        return Contents(policy=_policy(text, where))
    elif _flags(text):
        flags = xe.members(text.replace("\n", ";"))
        return Contents(vms=(of_flags(flags, name, None, where),))
    elif len(text) < 4096 and _FEATURESET.fullmatch(text):
        return Contents(featureset=featureset(text.lower().replace("0x", ""), where))
    elif _cpuinfo(text):
        return Contents(parts=(Parts(processor=cpuinfo.parse(text)),))
    return _dumps(text, name, where, release)


def as_input(contents: Contents, name: str, where: str, release: str | None = None) -> Input:
    """The Input that a single text makes. `release`: whose names count where none is told."""
    hosts = list(contents.hosts)
    name = re.sub(r"\.(?:txt|out|json)$", "", name)
    assumed = assumed_release(release)
    for each in contents.parts:
        short = each.name or name
        origin = where if short == name else f"{where}: {short}"
        hosts.append(NamedHost(short, parts.host(each, origin, assumed)))
    kind: Kind = "featureset"
    if hosts:
        kind = "host"
    elif contents.vms or contents.left_out:
        kind = "vm"
    elif contents.policy:
        kind = "policy"
    vm = contents.vms[0] if len(contents.vms) == 1 and not hosts else None
    return Input(
        name,
        kind,
        hosts=apart(hosts),
        featureset=vm.features if vm else contents.featureset,
        policy=vm.policy if vm else contents.policy,
        vms=once(contents.vms),
        stored=contents.stored,
        left_out=contents.left_out,
    )


def assumed_release(release: str | None) -> Release | None:
    """Raises InputError for a release that is not known."""
    try:
        return release_named(release) if release else None
    except ReleaseError as error:
        raise InputError(str(error)) from error


def _xen_cpuid(text: str, where: str) -> Contents:
    printed = xen_cpuid.parse(text, where)
    if printed.domains:
        xen = parts.host(printed.parts, where).release
        vms = tuple(
            with_policy(
                Vm(
                    name=f"domain {number}",
                    guest=GuestType.HVM,
                    features=guest_featureset(policy, xen),
                    typed=False,
                    source=f"{where}: xen-cpuid -p {number}",
                    notes=(TYPE_NOT_TOLD,),
                ),
                policy,
            )
            for number, policy in printed.domains.items()
        )
        return Contents((printed.parts,) if printed.parts.a_host else (), vms=vms)
    if printed.parts.a_host:
        return Contents((printed.parts,))
    if len(printed.decoded) == 1:
        return Contents(featureset=printed.decoded[0])
    raise InputError(
        f"{where}: {len(printed.decoded)} sets and none under Dynamic sets; what xen-cpuid -d or "
        "-p prints has those of a host"
    )


def _json(text: str, name: str, where: str) -> Contents | None:
    """None for JSON of a kind that the readers of dumps know."""
    try:
        document = json_text.parse(text)
    except json_text.TooManyElements as error:
        raise InputError(f"{where}: {error}") from error
    except json_text.JsonError:
        return None
    if isinstance(document, dict) and document.get("format") == capture.FORMAT:
        try:
            host = capture.load(text)
        except capture.CaptureError as error:
            raise InputError(f"{where}: {error}") from error
        return Contents(hosts=(NamedHost(re.sub(r"\.json$", "", name), host),))
    collected = Collected(room=Room(where))
    records = list(_records(document))
    # What VMs run as is in another class of xapi's, which a dump of all records has as well.
    types = {
        reference: str(record["current_domain_type"])
        for reference, record in records
        if "current_domain_type" in record and "last_boot_CPU_flags" not in record
    }
    for _, record in records:
        info = record.get("cpu_info", record)
        if isinstance(info, dict) and any(key in info for key in ("features_pv", "features_hvm")):
            _add_host(record, info, where, collected)
        elif vm_record.recognises(record):
            vm = vm_record.of_json(record, where)
            current = vm.current_type or types.get(str(record.get("metrics", "")), "")
            collected.add_vm(evolve(vm, current_type=current), where)
    if collected.hosts or collected.vms or collected.stored or collected.left_out:
        return Contents.of(collected)
    return None


def _add_host(
    record: Mapping[str, Any], info: Mapping[str, Any], where: str, collected: Collected
) -> None:
    name = str(record.get("name_label") or record.get("hostname") or record.get("name") or "")
    uuid = str(record.get("uuid") or "")
    strings = {key: str(value) for key, value in info.items()}
    pool = "master" in record
    collected.add_stored(Stored("pool" if pool else "host", name, strings, uuid))
    if not pool:
        version = _member(record, "software_version", "xen")
        version = version or _member(record, "hypervisor", "version")
        parts_ = of_cpu_info(strings, where)
        collected.hosts.append(evolve(parts_, name=name, uuid=uuid, version=version))


def _records(document: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The record, or the records of a list or of a map by reference (VM.get_all_records)."""
    values = document if isinstance(document, list) else [document]
    for value in values:
        if isinstance(value, dict) and value and all(isinstance(v, dict) for v in value.values()):
            if "cpu_info" in value or "last_boot_CPU_flags" in value:
                yield "", value
            else:
                yield from value.items()
        elif isinstance(value, dict):
            yield "", value


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


def _dumps(text: str, name: str, where: str, release: str | None) -> Contents:
    from .named import of_dump

    try:
        read = dumps.parse(text, where)
    except dumps.DumpError as error:
        said = str(error)
        if "no known format" in said:
            said = f"{where}: no known format; readable are {KINDS}"
        raise InputError(said) from error
    if len(read) > input_limits.READ_CPUS:
        raise InputError(
            f"{where}: {len(read)} CPUs; simulate --corpus reads any number, this up to "
            f"{input_limits.READ_CPUS}"
        )
    short = name.removesuffix(".txt")
    return Contents(
        hosts=tuple(of_dump(d, short if d.name == where else d.name, release) for d in read)
    )
