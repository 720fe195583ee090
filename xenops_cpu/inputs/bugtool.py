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
from pathlib import Path
from xml.etree.ElementTree import ParseError

from attrs import evolve
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from .. import files, input_limits
from ..features.release import Release
from ..hosts import parts
from ..hosts.parts import Parts
from ..limits import amount
from ..pools.vm import Vm
from . import texts, xapi_db
from .archives import Account, Damaged, Member, OverBudget, plain
from .collected import apart, once
from .texts import Contents
from .value import Input, InputError, NamedHost, Stored, printable

# What stands in the names of files that tell something; what is before it may be a host's name.
_TELLING = re.compile(
    r"xen-cpuid|xl-info|cpuinfo|xapi-db|inventory\.xml|xensource-inventory|xe-|host-cpu-info|"
    r"host-param-list|vm-param-list|pool-param-list|cpuid"
)
_INSTALLATION = re.compile(r"^INSTALLATION_UUID='?([0-9a-fA-F-]{8,36})", re.MULTILINE)
# Other files may be of any kind, so what cannot be read there is no matter.
_WANTED = re.compile(r"xen-cpuid|xapi-db|host-cpu-info|param-list")
_IGNORED = re.compile(r"xl-info-n|\.(?:gz|bz2|rrd|log)(?:\.\d+)?$")


def wanted(name: str) -> bool:
    """Whether a file may tell of a host or VM, by its path in the report."""
    base = name.rpartition("/")[2]
    if len(base) > input_limits.NAME_LENGTH or _IGNORED.search(base):
        return False
    return bool(_TELLING.search(base)) or base.endswith(".json")


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
    """The files of an unpacked report, within the budget of an archive. Links are not followed."""
    account = Account()
    folders = [path]
    while folders:
        try:
            entries = sorted(_entries(folders.pop(), account), key=lambda entry: entry.name)
        except OSError:  # it may not be read, or is there no longer
            continue
        folders += [Path(e.path) for e in reversed(entries) if e.is_dir(follow_symlinks=False)]
        for entry in entries:
            name = Path(entry.path).relative_to(path).as_posix()
            if wanted(name) and entry.is_file(follow_symlinks=False):
                yield Member(printable(name), _contents(Path(entry.path), account))


def _entries(folder: Path, account: Account) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            account.member()
            yield entry


def _contents(path: Path, account: Account) -> Iterator[bytes]:
    with files.opened(path) as file:
        yield from plain(file, account)


class _Report:
    """The groups of parts so far, by the folder (and the name before the dot) of their files."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.size = 0
        self.groups: dict[str, Parts] = {}
        self.kept = 0
        self.whole: list[NamedHost] = []
        self.recorded: dict[object, Parts] = {}
        self.vms: dict[object, Vm] = {}
        self.stored: dict[object, Stored] = {}
        self.left_out: Counter[str] = Counter()
        self.unread: list[str] = []
        self.last_error = ""

    def member(self, member: Member) -> None:
        base = member.name.rpartition("/")[2]
        try:
            if base.startswith("xapi-db"):
                self.keep(Contents.of(xapi_db.parse(member.chunks, member.name)))
            elif base == "inventory.xml":
                self.add(member.name, Parts(name=_hostname(member.read(input_limits.MEMBER_BYTES))))
            elif base == "xensource-inventory":
                self.add(
                    member.name, Parts(uuid=_installation(member.read(input_limits.MEMBER_BYTES)))
                )
            elif "cpuinfo" in base:
                self.text(member.name, next(member.chunks, b"")[: input_limits.CPUINFO_BYTES])
            else:
                self.text(member.name, member.read(input_limits.MEMBER_BYTES))
        except Damaged:
            raise
        except InputError as error:
            if _WANTED.search(base):
                self.unread.append(member.name)
                self.last_error = str(error)

    def text(self, name: str, data: bytes) -> None:
        self.size += len(data)
        if self.size > input_limits.MEMBERS_BYTES:
            size = amount(input_limits.MEMBERS_BYTES, "bytes")
            raise OverBudget(
                "members_bytes", f"more than {size} of what xen-cpuid and others print"
            )
        contents = texts.parse(data.decode("utf-8", "replace"), name.rpartition("/")[2], name)
        alone = [part for part in contents.parts if not part.name or len(contents.parts) == 1]
        for part in alone:
            self.add(name, part)
        others = contents.hosts or contents.vms or contents.stored or contents.left_out
        if others or len(alone) < len(contents.parts):
            self.keep(contents)

    def keep(self, contents: Contents) -> None:
        """Each host, VM and record once: of two of the same UUID the later one."""
        self.kept += 1
        self.whole += contents.hosts
        for number, part in enumerate(contents.parts):
            if part.a_host:
                self.recorded[part.uuid or (self.kept, number)] = part
        for number, vm in enumerate(contents.vms):
            self.vms[vm.uuid or (self.kept, number)] = vm
        for number, record in enumerate(contents.stored):
            self.stored[record.uuid or (self.kept, number)] = record
        self.left_out |= Counter(contents.left_out)
        if len(self.vms) > input_limits.VMS:
            raise OverBudget("vms", f"more than {input_limits.VMS:,} VMs")
        hosts = max(len(self.whole) + len(self.recorded), len(self.stored))
        if hosts > input_limits.HOSTS:
            raise OverBudget("hosts", f"more than {input_limits.HOSTS:,} hosts")

    def add(self, name: str, part: Parts) -> None:
        key = _group(name)
        self.groups[key] = self.groups[key] | part if key in self.groups else part
        if len(self.groups) > input_limits.HOSTS:
            raise OverBudget("hosts", f"more than {input_limits.HOSTS:,} hosts")

    def done(self, name: str, damage: str, assumed: Release | None) -> Input:
        own = [
            NamedHost(short, parts.host(part, f"{self.where}: {key or short}", assumed))
            for key, part in self.groups.items()
            if part.a_host
            for short in (printable(part.name or key.rpartition("/")[2] or name),)
        ]
        recorded = [
            NamedHost(part.name, parts.host(part, f"{self.where}: {part.name}", assumed))
            for part in self.recorded.values()
        ]
        hosts = [*_merged([*own, *self.whole], recorded)]
        vms = once(self.vms.values())
        if not hosts and not vms and not self.left_out:
            raise InputError(damage or self.nothing())
        return Input(
            name,
            "host" if hosts else "vm",
            hosts=apart(hosts),
            vms=vms,
            stored=tuple(self.stored.values()),
            left_out=self.left_out,
            notes=tuple(f"{unread} could not be read" for unread in self.unread[:10]),
            damage=damage or (f"{self.where}: {self.last_error}" if self.unread else ""),
        )

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
    head, _, base = name.rpartition("/")
    above, _, folder = head.rpartition("/")
    match = _TELLING.search(base)
    prefix = base[: match.start()].rstrip("._-") if match else ""
    return "/".join(filter(None, (above if folder in ("proc", "etc") else head, prefix)))


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
