"""Bug reports (status reports) of XenServer and XCP-ng: many files, one or many hosts.

What they are called is decided by xen-bugtool (xenserver/status-report): the output of a command is
`xen-cpuid-p.out`, a file keeps its path. The files of one host are in one folder; a report of a
pool has a folder or an inner archive for each host.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from ..hosts import parts
from ..hosts.parts import Parts
from . import texts, xapi_db
from .archives import Damaged, Member
from .texts import Found
from .value import Input, InputError, printable

# What a file of any of these kinds has at most: xen-cpuid -p prints some 60 KiB for a host.
_MAX_TEXT = 1024 * 1024
# Of all hosts together, so that the policies of a report have room in memory.
_MAX_TEXTS = 10 * 1024 * 1024
_CPUINFO = 64 * 1024

_TELLING = re.compile(
    r"^(?P<host>.*?)[._-]*"
    r"(?P<kind>xen-cpuid|xl-info|cpuinfo|xapi-db|inventory\.xml|xe-|host-cpu-info|host-param-list|"
    r"vm-param-list|pool-param-list|cpuid)[^/]*$"
)
# Other files may be of any kind, so what cannot be read there is no matter.
_WANTED = re.compile(r"xen-cpuid|xapi-db|host-cpu-info|param-list")
_IGNORED = re.compile(r"xl-info-n|\.(?:gz|bz2|rrd|log)(?:\.\d+)?$")


def wanted(name: str) -> bool:
    """Whether a file may tell of a host or VM, by its path in the report."""
    base = name.rpartition("/")[2]
    if _IGNORED.search(base):
        return False
    return bool(_TELLING.match(base)) or base.endswith(".json")


def read(members: Iterable[Member], name: str, where: str) -> Input:
    """All hosts and VMs of the wanted files. Raises InputError where there are none.

    Where the archive is damaged, what came before counts, and Input.damage says so.
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
    return report.done(name, damage)


def folder(path: Path) -> Iterator[Member]:
    """The files of an unpacked report. Links are not followed."""
    count = 0
    for place, _, files in os.walk(path):
        for file in sorted(files):
            count += 1
            full = Path(place, file)
            name = full.relative_to(path).as_posix()
            if count > 100_000:
                raise Damaged(f"{path}: more than 100,000 files")
            if wanted(name) and full.is_file() and not full.is_symlink():
                with full.open("rb") as opened:
                    yield Member(printable(name), iter(partial(opened.read, 65536), b""))


class _Report:
    """The groups of parts so far, by the folder (and the name before the dot) of their files."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.size = 0
        self.groups: dict[str, Parts] = {}
        self.found: list[Found] = []
        self.unread: list[str] = []
        self.last_error = ""

    def member(self, member: Member) -> None:
        base = member.name.rpartition("/")[2]
        try:
            if base.startswith("xapi-db"):
                hosts, vms, stored = xapi_db.parse(member.chunks, member.name)
                self.found.append(Found(tuple(hosts), vms=tuple(vms), stored=tuple(stored)))
            elif base == "inventory.xml":
                self.add(member.name, Parts(name=_hostname(member.read(_MAX_TEXT))))
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
        found = texts.parse(data.decode("utf-8", "replace"), name.rpartition("/")[2], name)
        alone = [told for told in found.parts if not told.name or len(found.parts) == 1]
        for told in alone:
            self.add(name, told)
        if found.hosts or found.vms or found.stored or len(alone) < len(found.parts):
            self.found.append(found)

    def add(self, name: str, told: Parts) -> None:
        key = _group(name)
        self.groups[key] = self.groups[key] | told if key in self.groups else told

    def done(self, name: str, damage: str) -> Input:
        hosts = []
        for key, told in self.groups.items():
            if told.a_host:
                short = printable(told.name or key.rpartition("/")[2] or name)
                hosts.append((short, parts.host(told, f"{self.where}: {key or short}")))
        known = {short for short, _ in hosts}
        for found in self.found:
            hosts += found.hosts
            for told in found.parts:
                # xapi's database has each host of the pool: those of the report are known better.
                if told.name not in known and told.a_host:
                    known.add(told.name)
                    hosts.append((told.name, parts.host(told, f"{self.where}: {told.name}")))
        vms = tuple(vm for found in self.found for vm in found.vms)
        if not hosts and not vms:
            raise InputError(damage or self.nothing())
        notes = tuple(f"{unread} could not be read" for unread in self.unread[:10])
        return Input(
            name,
            "host" if hosts else "vm",
            hosts=tuple(host for _, host in hosts),
            host_names=tuple(short for short, _ in hosts),
            vms=vms,
            stored=tuple(record for found in self.found for record in found.stored),
            notes=notes,
            damage=damage or (f"{self.where}: {self.last_error}" if self.unread else ""),
        )

    def nothing(self) -> str:
        if self.last_error:
            return f"{self.where}: {self.last_error}"
        return (
            f"{self.where}: nothing in it tells of a host's featuresets; a report of XenServer or "
            "XCP-ng has xen-cpuid-v.out and xen-cpuid-p.out (entry xen-info)"
        )


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
