"""Bug reports (status reports) of XenServer and XCP-ng: many files, one or many hosts.

The files of one host are in one folder; a report of a pool has a folder or an inner archive for
each host. Any report may have xapi's database, which tells of all hosts and VMs of the pool, in two
copies: of each pool the newest copy of all is taken (file_names.py says how they differ).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve

from ... import files
from ...features.release import Release
from ...hosts import merge, parts
from ...hosts.membership import Membership
from ...hosts.moment import Moment
from ...hosts.parts import Parts
from ...limits import amount, input_limits
from .. import texts, together, xapi_log
from ..archives import Account, Damaged, Member, OverBudget, plain, ungzipped
from ..contents import Contents
from ..records import database
from ..records.collected import apart, once, without_record
from ..value import Input, InputError, NamedHost, printable
from . import file_names
from .file_names import wanted
from .sources import Logs, Source, Sources

_MOST_UNREAD = 10  # that are named


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
                # The folder's own name says when the report was made.
                shown = f"{path.name}/{name}" if file_names.time(path.name) else name
                yield Member(printable(shown), _contents(Path(entry.path), account), account)


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
        self.times: dict[str, str] = {}
        self.sources = Sources()
        self.logs = Logs()
        self.unread: list[str] = []
        self.last_error = ""

    def member(self, member: Member) -> None:
        base = member.name.rpartition("/")[2]
        try:
            if file_names.log_age(member.name) is not None:
                self.log(member)
            elif base.startswith(file_names.DATABASE):
                self.database(member, base.startswith(file_names.DUMPED))
            elif base == "inventory.xml":
                hostname, when = file_names.inventory(member.read(input_limits.MEMBER_BYTES))
                self.add(member.name, Parts(name=hostname))
                self.times.setdefault(file_names.group(member.name), when)
            elif base == "xensource-inventory":
                uuid = file_names.installation(member.read(input_limits.MEMBER_BYTES))
                self.add(member.name, Parts(uuid=uuid))
            elif base == "pool.conf":
                role = file_names.coordinator(member.read(input_limits.MEMBER_BYTES))
                self.add(member.name, Parts(membership=Membership(coordinator=role)))
            elif "cpuinfo" in base or base == "boot_time_cpus":
                self.text(member.name, next(member.chunks, b"")[: input_limits.CPUINFO_BYTES])
            else:
                self.text(member.name, member.read(input_limits.MEMBER_BYTES))
        except Damaged:
            raise
        except InputError as error:
            if file_names.matters(base):
                if len(self.unread) < _MOST_UNREAD:
                    self.unread.append(member.name)
                self.last_error = str(error)

    def log(self, member: Member) -> None:
        """A log that is damaged tells what came before; there are others of it."""
        chunks = ungzipped(member) if file_names.packed(member.name) else member.chunks
        self.logs.add(member.name, xapi_log.parse(chunks))

    def database(self, member: Member, dumped: bool) -> None:
        contents = Contents.of(database.parse(member.chunks, member.name))
        when = file_names.time(member.name) if dumped else ""
        moment = Moment(when, contents.generation)
        pools = {part.membership.pool for part in contents.parts if part.membership.pool}
        self.sources.add(
            Source(contents, moment, member.name, database=True, pools=frozenset(pools))
        )

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
            if name.rpartition("/")[2].startswith("xen-ucode"):  # Xen knows it before dom0 does
                key = file_names.group(name)
                self.groups[key] = evolve(self.groups[key], microcode=part.microcode)
        others = contents.hosts or contents.vms or contents.stored or contents.left_out
        if others or len(alone) < len(contents.parts):
            self.sources.add(Source(contents, Moment(file_names.time(name)), name))

    def add(self, name: str, part: Parts) -> None:
        key = file_names.group(name)
        self.groups[key] = self.groups[key] | part if key in self.groups else part
        self.times.setdefault(key, "")
        self.times[key] = self.times[key] or file_names.time(name)
        if len(self.groups) > input_limits.HOSTS:
            raise OverBudget("hosts", f"more than {input_limits.HOSTS:,} hosts")

    def done(self, name: str, damage: str, assumed: Release | None) -> Input:
        current, notes = self.sources.current()
        hosts = self.hosts(name, current, assumed)
        vms = once(together.vms([(each.contents.vms, each.moment) for each in current]))
        left_out: Counter[str] = Counter()
        names: dict[str, str] = {}
        for each in current:
            left_out |= Counter(each.contents.left_out)
            names |= each.contents.names
        events = self.logs.merged(self.groups)
        if not hosts and not vms and not left_out and not events:
            raise InputError(damage or self.nothing())
        databases = [each.moment for each in current if each.database]
        known = {named.host.uuid for named in hosts}
        unknown = [pair for each in current for pair in each.contents.unknown]
        damage = damage or (f"{self.where}: {self.last_error}" if self.unread else "")
        return Input(
            name,
            "host" if hosts else "vm" if vms or left_out else "log",
            hosts=apart(hosts),
            vms=vms,
            stored=together.stored([(each.contents.stored, each.moment) for each in current]),
            left_out=left_out,
            notes=(*notes, *(f"{unread} could not be read" for unread in self.unread)),
            damage=damage or without_record(unknown, known),
            moment=databases[0] if len(databases) == 1 else Moment(),
            names=names,
            events=events,
        )

    def hosts(
        self, name: str, current: Iterable[Source], assumed: Release | None
    ) -> tuple[NamedHost, ...]:
        """Those of the report itself and those of the databases, each once."""
        own = {
            key: evolve(
                part,
                name=printable(part.name or key.rpartition("/")[2] or name),
                moment=Moment(self.times.get(key, "")),
            )
            for key, part in self.groups.items()
            if part.a_host
        }
        recorded = {
            part.uuid or (each.name, number): (evolve(part, moment=each.moment), each)
            for each in current
            for number, part in enumerate(each.contents.parts)
            if part.a_host
        }
        named: list[NamedHost] = []
        places: set[object] = set()
        for key, part in own.items():
            same = [place for place, (other, _) in recorded.items() if _same(part, other)]
            readings = [merge.Reading(part, self.origin(key or part.name))]
            if len(same) == 1:
                places.add(same[0])
                other, source = recorded[same[0]]
                readings.append(merge.Reading(other, self.origin(source.name)))
            elif same:
                part = evolve(part, notes=(*part.notes, _unclear(len(same), part.name)))
                readings = [merge.Reading(part, readings[0].origin)]
            named.append(_host(readings, assumed))
        named += [
            _host([merge.Reading(part, self.origin(part.name))], assumed)
            for place, (part, _) in recorded.items()
            if place not in places
        ]
        whole = [host for each in current for host in each.contents.hosts]
        return together.hosts([*named, *whole]).hosts

    def origin(self, name: str) -> str:
        return f"{self.where}: {name}"

    def nothing(self) -> str:
        if self.last_error:
            return f"{self.where}: {self.last_error}"
        return (
            f"{self.where}: nothing in it tells of a host's featuresets; a report of XenServer or "
            "XCP-ng has xen-cpuid-v.out and xen-cpuid-p.out (entry xen-info)"
        )


def _host(readings: list[merge.Reading], assumed: Release | None) -> NamedHost:
    whole = merge.merge(readings)
    return NamedHost(printable(whole.parts.name), parts.host(whole.parts, whole.origin, assumed))


def _same(own: Parts, recorded: Parts) -> bool:
    """By UUID; where the report does not tell its own, by name."""
    if own.uuid and recorded.uuid:
        return own.uuid == recorded.uuid
    return own.name == recorded.name


def _unclear(count: int, name: str) -> str:
    return (
        f"which of the {count} hosts named {name} in xapi's database this is, the report does not "
        "say: it is told beside them"
    )


__all__ = ["folder", "read", "wanted"]
