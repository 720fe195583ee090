"""What the files of a report have, kept until all are read: the newest of each pool's databases, a
bounded number of hosts, VMs and letters of names, and of logs the newest events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from ...hosts.moment import Moment
from ...hosts.parts import Parts
from ...limits import input_limits
from .. import xapi_log
from ..archives import OverBudget
from ..contents import Contents
from ..xapi_log import Event
from . import file_names


@frozen
class Source:
    """What one text or database has. `database`: it is one; all hosts of `pools` are in it."""

    contents: Contents
    moment: Moment
    name: str
    database: bool = False
    pools: frozenset[str] = field(default=frozenset())


class Sources:
    """Texts and databases in their order; of an older database of a pool only that it is there."""

    def __init__(self) -> None:
        self._every: list[Source] = []
        self._newest: dict[frozenset[str], int] = {}
        self._hosts = self._vms = self._letters = 0

    def add(self, source: Source) -> None:
        """Raises OverBudget."""
        place = len(self._every)
        if source.database:
            best = self._newest.get(source.pools)
            if best is None or _better(source, self._every[best]):
                self._newest[source.pools] = place
                if best is not None:
                    self._count(self._every[best].contents, -1)
                    self._every[best] = _without_contents(self._every[best])
            else:
                source = _without_contents(source)
        self._every.append(source)
        self._count(source.contents, 1)
        self._check()

    def current(self) -> tuple[list[Source], list[str]]:
        """The sources without older databases of a pool, and a note on each of those."""
        kept, notes = [], []
        for source in self._every:
            best = self._every[self._newest[source.pools]] if source.database else source
            if best is source:
                kept.append(source)
            elif source.moment.newer(best.moment) is False and source.contents.generation:
                notes.append(
                    f"passed over: {source.name}, an older copy of xapi's database "
                    f"(generation {source.contents.generation}) than {best.name} "
                    f"({best.contents.generation})"
                )
            else:
                notes.append(f"passed over: {source.name}; {best.name} tells of the same pool")
        return kept, notes

    def _count(self, contents: Contents, sign: int) -> None:
        hosts = len(contents.hosts) + sum(part.a_host for part in contents.parts)
        self._hosts += sign * max(hosts, len(contents.stored))
        self._vms += sign * len(contents.vms)
        self._letters += sign * contents.letters

    def _check(self) -> None:
        for name, count, most, noun in (
            ("hosts", self._hosts, input_limits.HOSTS, "hosts"),
            ("vms", self._vms, input_limits.VMS, "VMs"),
            ("kept_letters", self._letters, input_limits.KEPT_LETTERS,
             "characters in names and records of hosts and VMs"),
        ):  # fmt: skip
            if count > most:
                raise OverBudget(name, f"more than {most:,} {noun}")


class Logs:
    """The logs of a report, each with its group of files; of very many the newest."""

    def __init__(self) -> None:
        self._every: list[tuple[str, int, tuple[Event, ...]]] = []
        self._count = 0

    def add(self, name: str, events: tuple[Event, ...]) -> None:
        """`name`: of the log's file."""
        age = file_names.log_age(name) or 0
        self._every.append((file_names.group(name), -age, events))
        self._count += len(events)
        if self._count > input_limits.LOGS_EVENTS:
            self._forget()

    def merged(self, groups: Mapping[str, Parts]) -> tuple[Event, ...]:
        """Of all logs, with the host that each is of; older logs first."""
        return xapi_log.merged(self._with_hosts(groups))

    def _with_hosts(self, groups: Mapping[str, Parts]) -> Iterator[tuple[Event, ...]]:
        self._sort()
        for group, _, events in self._every:
            part = groups.get(group, Parts())
            host = part.uuid or part.name
            yield tuple(
                evolve(event, host=host) if event.kind == "host" else event for event in events
            )

    def _sort(self) -> None:
        self._every.sort(key=lambda log: log[:2])

    def _forget(self) -> None:
        """Of a half, so that it happens seldom; the last of all are those that are told."""
        self._sort()
        place = 0
        while self._count > input_limits.LOGS_EVENTS // 2:
            self._count -= len(self._every[place][2])
            place += 1
        del self._every[:place]


def _without_contents(source: Source) -> Source:
    return evolve(source, contents=Contents(generation=source.contents.generation))


def _better(source: Source, other: Source) -> bool:
    """The newer database; where that is not known the one that went through the coordinator."""
    newer = source.moment.newer(other.moment)
    if newer is not None:
        return newer
    return file_names.DUMPED in source.name and file_names.DUMPED not in other.name
