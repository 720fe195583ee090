"""The formats of texts. To add one, write its reader and give it a place in FORMATS
(docs/add-a-format.md); the lists that people get are made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import frozen

from ..cpuid.policy import Policy, PolicyError
from ..cpuid.words import guest_featureset
from ..cpus import dumps
from ..errors import InputError
from ..hosts import capture, parts
from ..hosts.parts import Parts
from ..hosts.record import featureset
from ..interface import GuestType
from ..limits import input_limits
from ..pools.vm import TYPE_NOT_TOLD, Vm, of_flags, with_policy
from ..sources import cpuinfo
from ..sources.printed import xen_cpuid, xl_info
from ..text import json_text
from . import hex_words, xapi_log
from .contents import Contents
from .records import xe, xenapi
from .value import NamedHost

_JSON = ("{", "[")
_FEATURESET = re.compile(r"\s*[0-9a-fA-F][0-9a-zA-Z]{0,9}(?:[-:][0-9a-zA-Z]{1,10})+\s*")
# What xen-ucode show-cpu-info prints (xen/tools/misc/xen-ucode.c).
_UCODE = re.compile(r"\s*CPU signature [0-9a-f-]+ .*?revision 0x(?P<revision>[0-9a-f]{1,8})")


@frozen
class Text:
    """`name`: of the file, `where`: how errors name it. `release`: to simulate the CPU of a dump
    under, None for the default.
    """

    text: str
    name: str
    where: str
    release: str | None = None


@frozen
class Format:
    """`title`: how people call it, in lists of what is readable. `recognises`: by the text alone,
    at no cost worth speaking of. `read` raises InputError.
    """

    title: str
    recognises: Callable[[str], bool]
    read: Callable[[Text], Contents]


def kinds() -> str:
    """All formats in words."""
    return ", ".join(form.title for form in FORMATS)


def _xen_cpuid(text: Text) -> Contents:
    where = text.where
    printed = xen_cpuid.parse(text.text, where)
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


def _json(text: Text) -> Contents:
    """A capture or records of xapi's; other JSON is of the kinds that the readers of dumps know."""
    where = text.where
    try:
        document = json_text.parse(text.text)
    except json_text.TooMuch as error:
        raise InputError(f"{where}: {error}") from error
    except json_text.JsonError as error:
        if _a_line_each(text.text):
            return _dumps(text)
        raise InputError(f"{where}: begins as JSON does, and is none: {error}") from error
    if isinstance(document, dict) and "leaves" in document:
        return _dumps(text)
    if isinstance(document, dict) and document.get("format") == capture.FORMAT:
        try:
            host = capture.load(text.text)
        except capture.CaptureError as error:
            raise InputError(f"{where}: {error}") from error
        short = host.name or re.sub(r"\.json$", "", text.name)
        return Contents(hosts=(NamedHost(short, host),))
    collected = xenapi.parse(document, where)
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


def _policy(text: Text) -> Contents:
    try:
        return Contents(policy=Policy.parse(text.text))
    except PolicyError as error:
        raise InputError(f"{text.where}: {error}") from error


def _dumps(text: Text) -> Contents:
    from .named import of_dump

    name, where, release = text.name, text.where, text.release
    try:
        read = dumps.parse(text.text, where)
    except dumps.DumpError as error:
        message = str(error)
        if "no known format" in message:
            message = f"{where}: no known format; readable are {kinds()}"
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


def _log(text: Text) -> Contents:
    return Contents(events=xapi_log.parse([text.text.encode(errors="replace")]))


def _is_log(text: str) -> bool:
    return xapi_log.recognises(text[:65536].encode(errors="replace"))


def _is_policy(text: str) -> bool:
    return text.count("\n") < 3 and "->" in text


def _flags(text: Text) -> Contents:
    flags = xe.members(text.text.replace("\n", ";"))
    return Contents(vms=(of_flags(flags, text.name, None, text.where),))


def _is_flags(text: str) -> bool:
    return len(text) < 4096 and {"vendor", "features"} <= xe.members(text.replace("\n", ";")).keys()


def _is_featureset(text: str) -> bool:
    if len(text) >= 4096:
        return False
    return hex_words.is_featureset(text) or bool(_FEATURESET.fullmatch(text))


def _cpuinfo(text: Text) -> Contents:
    revision = cpuinfo.microcode(text.text)
    return Contents(parts=(Parts(processor=cpuinfo.parse(text.text), microcode=revision),))


def _ucode(text: Text) -> Contents:
    match = _UCODE.match(text.text)
    assert match
    return Contents(parts=(Parts(microcode=int(match["revision"], 16)),))


# In the order in which a text is held to them: the first that recognises it reads it.
FORMATS = (
    Format("xapi's log", _is_log, _log),
    Format(
        "a capture, records as JSON",
        lambda text: text.lstrip()[:1] in _JSON,
        _json,
    ),
    Format("what xen-cpuid prints", xen_cpuid.recognises, _xen_cpuid),
    Format(
        "what xl info prints",
        xl_info.recognises,
        lambda text: Contents(
            parts=(xl_info.parse(text.text),), hw_caps=xl_info.hw_caps(text.text)
        ),
    ),
    Format(
        "what xe host-cpu-info, xe host-param-list, xe vm-param-list print",
        xe.recognises,
        lambda text: Contents.of(xe.parse(text.text, text.where)),
    ),
    Format("a CPU policy", _is_policy, _policy),
    Format("last_boot_CPU_flags", _is_flags, _flags),
    Format(
        "a featureset",
        _is_featureset,
        lambda text: Contents(featureset=featureset(hex_words.joined(text.text), text.where)),
    ),
    Format(
        "/proc/cpuinfo",
        lambda text: text.lstrip().startswith("processor") and "vendor_id" in text[:4096],
        _cpuinfo,
    ),
    Format(
        "what xen-ucode show-cpu-info prints",
        lambda text: bool(_UCODE.match(text)),
        _ucode,
    ),
    Format(
        "what cpuid -r prints, a dump of InstLatx64, a dump of libcpuid",
        lambda text: True,
        _dumps,
    ),
)
