"""Bug reports (status reports) of XenServer and XCP-ng: many files, one or many hosts.

What they are called is decided by xen-bugtool (xenserver/status-report): the output of a command is
`xen-cpuid-p.out`, a file keeps its path. The files of one host are in one folder; a report of a
pool has a folder or an inner archive for each host.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import ParseError

from attrs import evolve
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .. import files
from ..features.release import Release
from ..hosts import parts
from ..hosts.parts import Parts
from . import texts, xapi_db
from .archives import Damaged, Member
from .collected import apart, once
from .texts import Contents
from .value import Input, InputError, NamedHost, Stored, printable

# What a file of any of these kinds has at most: xen-cpuid -p prints some 60 KiB for a host.
_MAX_TEXT = 1024 * 1024
# Of all hosts together, so that the policies of a report have room in memory.
_MAX_TEXTS = 10 * 1024 * 1024
_CPUINFO = 64 * 1024

_TELLING = re.compile(
    r"^(?P<host>.*?)[._-]*"
    r"(?P<kind>xen-cpuid|xl-info|cpuinfo|xapi-db|inventory\.xml|xensource-inventory|xe-|host-cpu-info|host-param-list|"
    r"vm-param-list|pool-param-list|cpuid)[^/]*$"
)
_INSTALLATION = re.compile(r"^INSTALLATION_UUID='?([0-9a-fA-F-]{8,36})", re.MULTILINE)
# Other files may be of any kind, so what cannot be read there is no matter.
_WANTED = re.compile(r"xen-cpuid|xapi-db|host-cpu-info|param-list")
_IGNORED = re.compile(r"xl-info-n|\.(?:gz|bz2|rrd|log)(?:\.\d+)?$")


def wanted(name: str) -> bool:
    """Whether a file may tell of a host or VM, by its path in the report."""
    base = name.rpartition("/")[2]
    if _IGNORED.search(base):
        return False
    return bool(_TELLING.match(base)) or base.endswith(".json")


def read(members: Iterable[Member], name: str, where: str, release: str | None = None) -> Input:
    """All hosts and VMs of the wanted files. Raises InputError where there are none.

    Where the archive is damaged, what came before counts, and Input.damage says so. `release`:
    whose names count for records that do not say which Xen they are of.
    """
    report = _Report(where)
    damage = ""
    try:
        for member in members:
            report.member(member)
    except Damaged as error:
        damage = f"{where}: {error}"
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return report.done(name, damage, texts.assumed_release(release))


def folder(path: Path) -> Iterator[Member]:
    """The files of an unpacked report. Links are not followed."""
    count = 0
    for place, _, names in os.walk(path):
        for base in sorted(names):
            count += 1
            full = Path(place, base)
            name = full.relative_to(path).as_posix()
            if count > 100_000:
                raise Damaged(f"{path}: more than 100,000 files")
            if wanted(name) and full.is_file() and not full.is_symlink():
                with files.opened(full) as file:
                    yield Member(printable(name), iter(partial(file.read, 65536), b""))


class _Report:
    """The groups of parts so far, by the folder (and the name before the dot) of their files."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.size = 0
        self.groups: dict[str, Parts] = {}
        self.contents: list[Contents] = []
        self.unread: list[str] = []
        self.last_error = ""

    def member(self, member: Member) -> None:
        base = member.name.rpartition("/")[2]
        try:
            if base.startswith("xapi-db"):
                self.contents.append(Contents.of(xapi_db.parse(member.chunks, member.name)))
            elif base == "inventory.xml":
                self.add(member.name, Parts(name=_hostname(member.read(_MAX_TEXT))))
            elif base == "xensource-inventory":
                self.add(member.name, Parts(uuid=_installation(member.read(_MAX_TEXT))))
            elif "cpuinfo" in base:
                self.text(member.name, next(member.chunks, b"")[:_CPUINFO])
            else:
                self.text(member.name, member.read(_MAX_TEXT))
        except Damaged:
            raise
        except InputError as error:
            if _WANTED.search(base):
                self.unread.append(member.name)
                self.last_error = str(error)

    def text(self, name: str, data: bytes) -> None:
        self.size += len(data)
        if self.size > _MAX_TEXTS:
            raise Damaged(f"more than {_MAX_TEXTS >> 20} MiB of what xen-cpuid and others print")
        contents = texts.parse(data.decode("utf-8", "replace"), name.rpartition("/")[2], name)
        alone = [part for part in contents.parts if not part.name or len(contents.parts) == 1]
        for part in alone:
            self.add(name, part)
        others = contents.hosts or contents.vms or contents.stored or contents.left_out
        if others or len(alone) < len(contents.parts):
            self.contents.append(contents)

    def add(self, name: str, part: Parts) -> None:
        key = _group(name)
        self.groups[key] = self.groups[key] | part if key in self.groups else part

    def done(self, name: str, damage: str, assumed: Release | None) -> Input:
        own = [
            NamedHost(short, parts.host(part, f"{self.where}: {key or short}", assumed))
            for key, part in self.groups.items()
            if part.a_host
            for short in (printable(part.name or key.rpartition("/")[2] or name),)
        ]
        recorded: dict[object, NamedHost] = {}
        for contents in self.contents:
            own += contents.hosts
            for number, part in enumerate(contents.parts):
                if part.a_host:
                    host = parts.host(part, f"{self.where}: {part.name}", assumed)
                    recorded[part.uuid or (id(contents), number)] = NamedHost(part.name, host)
        hosts = [*_merged(own, list(recorded.values()))]
        vms = once(vm for contents in self.contents for vm in contents.vms)
        left_out: Counter[str] = Counter()
        for contents in self.contents:
            left_out |= Counter(contents.left_out)
        if not hosts and not vms and not left_out:
            raise InputError(damage or self.nothing())
        return Input(
            name,
            "host" if hosts else "vm",
            hosts=apart(hosts),
            vms=vms,
            stored=tuple(self.stored()),
            left_out=left_out,
            notes=tuple(f"{unread} could not be read" for unread in self.unread[:10]),
            damage=damage or (f"{self.where}: {self.last_error}" if self.unread else ""),
        )

    def stored(self) -> Iterable[Stored]:
        """Each record once: of two of the same UUID the later one."""
        by_key: dict[object, Stored] = {}
        for contents in self.contents:
            for number, record in enumerate(contents.stored):
                by_key[record.uuid or (id(contents), number)] = record
        return by_key.values()

    def nothing(self) -> str:
        if self.last_error:
            return f"{self.where}: {self.last_error}"
        return (
            f"{self.where}: nothing in it tells of a host's featuresets; a report of XenServer or "
            "XCP-ng has xen-cpuid-v.out and xen-cpuid-p.out (entry xen-info)"
        )


def _merged(own: list[NamedHost], recorded: list[NamedHost]) -> Iterator[NamedHost]:
    """Xapi's database has each host of the pool; those of the report itself are known better.

    They are the same host by UUID; where the report does not tell its own, by a name that one host
    of the database has alone. What may be the same and may be another stays beside it, and says so.
    """
    taken: set[int] = set()
    for each in own:
        same = [i for i, other in enumerate(recorded) if _same(each, other)]
        if len(same) == 1:
            taken.add(same[0])
            uuid = recorded[same[0]].host.uuid
            yield evolve(each, host=evolve(each.host, uuid=uuid or each.host.uuid))
            continue
        note = (
            f"which of the {len(same)} hosts named {each.name} in xapi's database this is, the "
            "report does not say: it is told beside them"
        )
        notes = (*each.host.notes, note) if same else each.host.notes
        yield evolve(each, host=evolve(each.host, notes=notes))
    yield from (other for i, other in enumerate(recorded) if i not in taken)


def _same(own: NamedHost, recorded: NamedHost) -> bool:
    if own.host.uuid and recorded.host.uuid:
        return own.host.uuid == recorded.host.uuid
    return own.name == recorded.name


def _group(name: str) -> str:
    """The folder of a report, without the path that a file had on its host."""
    head, _, base = re.sub(r"(^|/)(?:proc|etc)/(?=[^/]*$)", r"\1", name).rpartition("/")
    match = _TELLING.match(base)
    prefix = match["host"] if match else ""
    return "/".join(filter(None, (head, prefix)))


def _hostname(data: bytes) -> str:
    """Of the report's inventory: attribute hostname of its summary."""
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException) as error:
        raise InputError(f"inventory.xml: {error}") from error
    summary = root.find("system-summary")
    return printable(summary.get("hostname", "")) if summary is not None else ""


def _installation(data: bytes) -> str:
    """INSTALLATION_UUID of xensource-inventory, which is the host's UUID; "" without one."""
    match = _INSTALLATION.search(data.decode("utf-8", "replace"))
    return match[1] if match else ""
