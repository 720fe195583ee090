"""A text of any format, by its contents."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

from .. import files
from ..cpuid.policy import Policy, PolicyError
from ..cpuid.words import guest_featureset
from ..cpus import dumps
from ..errors import InputError
from ..features.featureset import Featureset
from ..features.release import Release, ReleaseError
from ..features.release import release as release_named
from ..hosts import capture, parts
from ..hosts.parts import Parts
from ..hosts.record import featureset
from ..interface import GuestType
from ..limits import input_limits
from ..pools.vm import TYPE_NOT_TOLD, Vm, of_flags, with_policy
from ..sources import cpuinfo
from ..sources.printed import xen_cpuid, xl_info
from ..text import json_text
from . import hex_words, together, xapi_json, xapi_log, xe
from .collected import Collected, apart, once
from .value import Input, Kind, NamedHost, Stored
from .xapi_log import Event

KINDS = (
    "what xen-cpuid, xe host-cpu-info, xe host-param-list, xe vm-param-list, xl info or cpuid -r "
    "prints, a capture, a dump of InstLatx64 or libcpuid, records of CPUs or VMs as JSON, "
    "/proc/cpuinfo, a featureset, a CPU policy"
)
_FEATURESET = re.compile(r"\s*[0-9a-fA-F][0-9a-zA-Z]{0,9}(?:[-:][0-9a-zA-Z]{1,10})+\s*")
# What xen-ucode show-cpu-info prints (xen/tools/misc/xen-ucode.c).
_UCODE = re.compile(r"\s*CPU signature [0-9a-f-]+ .*?revision 0x(?P<revision>[0-9a-f]{1,8})")


@frozen
class Contents:
    """What a text has. `parts`: of one host or, with names, of several; `hosts`: whole ones.
    `hw_caps`: as in Input; `names` and `generation`: as in Collected; `letters`: how many
    characters of texts are kept.
    """

    parts: tuple[Parts, ...] = ()
    hosts: tuple[NamedHost, ...] = ()
    vms: tuple[Vm, ...] = ()
    stored: tuple[Stored, ...] = ()
    left_out: Mapping[str, int] = field(factory=dict)
    featureset: Featureset | None = None
    policy: Policy | None = None
    names: Mapping[str, str] = field(factory=dict)
    hw_caps: Featureset | None = None
    generation: int = 0
    letters: int = 0
    events: tuple[Event, ...] = ()

    @classmethod
    def of(cls, collected: Collected) -> Contents:
        return cls(
            tuple(collected.hosts),
            vms=tuple(collected.vms),
            stored=tuple(collected.stored),
            left_out=collected.left_out,
            names=collected.names,
            generation=collected.generation,
            letters=collected.room.letters,
        )


def parse(text: str, name: str, where: str, release: str | None = None) -> Contents:
    """`release`: to simulate the CPU of a dump under, None for the default. Raises InputError."""
    files.check(text, where)
    start = text.lstrip()[:1]
    if xapi_log.recognises(text[:65536].encode(errors="replace")):
        return Contents(events=xapi_log.parse([text.encode(errors="replace")]))
    if start in ("{", "["):
        contents = _json(text, name, where)
        if contents is not None:
            return contents
    elif xen_cpuid.recognises(text):
        return _xen_cpuid(text, where)
    elif xl_info.recognises(text):
        return Contents(parts=(xl_info.parse(text),), hw_caps=xl_info.hw_caps(text))
    elif xe.recognises(text):
        return Contents.of(xe.parse(text, where))
    elif text.count("\n") < 3 and "->" in text:
        return Contents(policy=_policy(text, where))
    elif _flags(text):
        flags = xe.members(text.replace("\n", ";"))
        return Contents(vms=(of_flags(flags, name, None, where),))
    elif len(text) < 4096 and (hex_words.is_featureset(text) or _FEATURESET.fullmatch(text)):
        return Contents(featureset=featureset(hex_words.joined(text), where))
    elif _cpuinfo(text):
        revision = cpuinfo.microcode(text)
        return Contents(parts=(Parts(processor=cpuinfo.parse(text), microcode=revision),))
    elif match := _UCODE.match(text):
        return Contents(parts=(Parts(microcode=int(match["revision"], 16)),))
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
    elif contents.events:
        kind = "log"
    vm = contents.vms[0] if len(contents.vms) == 1 and not hosts else None
    return Input(
        name,
        kind,
        hosts=apart(together.hosts(hosts).hosts),
        featureset=vm.features if vm else contents.featureset,
        policy=vm.policy if vm else contents.policy,
        vms=once(contents.vms),
        stored=contents.stored,
        left_out=contents.left_out,
        names=contents.names,
        events=contents.events,
        hw_caps=contents.hw_caps,
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
    except json_text.TooMuch as error:
        raise InputError(f"{where}: {error}") from error
    except json_text.JsonError as error:
        if _a_line_each(text):
            return None
        raise InputError(f"{where}: begins as JSON does, and is none: {error}") from error
    if isinstance(document, dict) and "leaves" in document:
        return None
    if isinstance(document, dict) and document.get("format") == capture.FORMAT:
        try:
            host = capture.load(text)
        except capture.CaptureError as error:
            raise InputError(f"{where}: {error}") from error
        short = host.name or re.sub(r"\.json$", "", name)
        return Contents(hosts=(NamedHost(short, host),))
    collected = xapi_json.parse(document, where)
    if collected.hosts or collected.vms or collected.stored or collected.left_out:
        return Contents.of(collected)
    raise InputError(f"{where}: {_no_record(document)}")


def _a_line_each(text: str) -> bool:
    """Whether the first line is a whole document, as in a corpus."""
    try:
        json_text.parse(text.lstrip().partition("\n")[0])
    except json_text.JsonError:
        return False
    return True


def _no_record(document: object) -> str:
    """What JSON is not, so that whoever made it sees what is missing."""
    kind = "JSON"
    if isinstance(document, dict):
        members = [str(name)[:40] for name in document]
        kind = f"JSON with the members {', '.join(members[:8]) or '(none)'}"
        if len(members) > 8:
            kind += f" and {len(members) - 8} more"
    elif isinstance(document, list):
        kind = f"a JSON list of {len(document)}"
    return (
        f'{kind}: no capture, for it has no "format": "{capture.FORMAT}" at the top; no record of '
        "a host, which has cpu_info or features_hvm; none of a VM, which has last_boot_CPU_flags; "
        'none of a CPU, which has "leaves"'
    )


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
        message = str(error)
        if "no known format" in message:
            message = f"{where}: no known format; readable are {KINDS}"
        raise InputError(message) from error
    if len(read) > input_limits.READ_CPUS:
        raise InputError(
            f"{where}: {len(read)} CPUs; simulate --corpus reads any number, this up to "
            f"{input_limits.READ_CPUS}"
        )
    short = name.removesuffix(".txt")
    return Contents(
        hosts=tuple(of_dump(d, short if d.name == where else d.name, release) for d in read)
    )
