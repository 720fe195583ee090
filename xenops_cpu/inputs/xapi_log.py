"""What xapi's log says of CPU features: /var/log/xensource.log, and lines pasted out of it.

    Aug 21 10:02:11 xs-01 xapi: [debug||71 |host.evacuate R:4f|cpuid_helpers] VM last booted on CPU
    with features 1fcbfbff-…; host CPUs have migration features 1fc9cbf5-…

Facts (xapi 26.17): ocaml/xapi/cpuid_helpers.ml, create_misc.ml, xapi_host.ml, xapi_xenops.ml,
ocaml/xenopsd/xc/xenops_server_xen.ml, ocaml/libs/log/debug.ml for what stands before the message.
The lines of one check follow each other with the same thread and task.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from attrs import evolve, field, frozen

from ..features.featureset import Featureset, FeaturesetError
from ..limits import input_limits

Kind = Literal["check", "lacking", "host", "pool", "flags", "prevents", "note"]

_PREFIX = re.compile(
    r"(?P<time>.{0,80}?)\[(?:[\dTZ:.+-]{10,40}\|)?\s*(?:debug|info|warn|error)\|"
    r"(?P<task>[^|\]]{0,200}\|[^|\]]{0,200}\|[^|\]]{0,200})\|[^\]]{0,200}\]\s*+(?P<message>.*)"
)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:?\d\d)?|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d"
)
_HEX = r"([0-9a-fA-F]{1,8}(?:[-:][0-9a-fA-F]{1,8})*)"

# A UUID, an OpaqueRef, a vendor.
_ID = r"(\S{1,100})"

_CHECKING = re.compile(rf"Checking CPU compatibility of {_ID} VM {_ID} with host {_ID}")
_VENDORS = re.compile(rf"VM last booted on CPU of vendor {_ID}; host CPUs are of vendor {_ID}")
_FEATURES = re.compile(
    rf"VM last booted on CPU with features {_HEX}; host CPUs have migration features {_HEX}"
)
_REFUSED = re.compile(
    rf"VM CPU features \({_HEX}\) are not compatible with host CPU features \({_HEX}\)"
)
_LACKING = re.compile(
    r"VM's CPU policy is not compatible with the target host's\. The host is missing: (.{0,500})"
)
_CHANGED = re.compile(
    r"The (?:CPU features of this (host)|(pool)-level CPU features) have changed\. "
    rf"Old features_hvm_host={_HEX}\. New features_hvm_host={_HEX}"
)
_FLAGS = re.compile(rf"Updating VM {_ID} last_boot_CPU_flags <- {_HEX}")
_PREVENTS = re.compile(rf"VM {_ID} preventing evacuation of host {_ID}: (.{{0,500}})")
_FAILED = re.compile(r"((?:CANNOT_EVACUATE_HOST|VM_INCOMPATIBLE_WITH_THIS_HOST)\b.{0,500})")
# What is told as it stands, with what it means.
_NOTES = (
    (
        "CPUID default policy has features that are not present in Max policy",
        "a new guest gets more than the host takes in: xenopsd gives up, and xapi keeps the host's "
        "old record",
    ),
    (
        "Failed to get host CPU info; not updating database",
        "xapi keeps the host's old record of its CPU: xenopsd did not answer",
    ),
    (
        "Pool thinks rolling upgrade",
        "xapi corrects its own idea of whether a rolling upgrade is under way",
    ),
    (
        "truncated on this host",
        "a VM was to get features in words that this host does not have: its domain was not built",
    ),
    (
        "is missing required `features_",
        "xapi passes a host over when it levels the pool: its record is of before 2019",
    ),
)
_NEEDLES = re.compile(
    "|".join(
        re.escape(text)
        for text in (
            "CPU compatibility of", "VM last booted on CPU", "VM CPU features (",
            "CPU policy is not compatible", "CPU features of this host", "pool-level CPU features",
            "last_boot_CPU_flags <-", "preventing evacuation of host", "CANNOT_EVACUATE_HOST",
            "VM_INCOMPATIBLE_WITH_THIS_HOST", *(text for text, _ in _NOTES),
        )
    ).encode()
)  # fmt: skip


@frozen
class Event:
    """One thing that the log says.

    `vm`, `host`: UUID or OpaqueRef, "" where the lines do not tell. `old`, `new`: of a check what
    the VM has seen and what the host takes in; of a change the sets before and after; of flags the
    new ones. `domain_type`, `vendors`: of a check. `text`: the names that libxc prints, xapi's
    reasons, or what a line means. `refused`: xapi said so. `count`: how often; `time`: the last.
    """

    kind: Kind
    time: str = field(default="", eq=False)
    vm: str = ""
    host: str = ""
    old: Featureset | None = None
    new: Featureset | None = None
    domain_type: str = ""
    vendors: tuple[str, str] | None = None
    text: str = ""
    refused: bool = False
    count: int = field(default=1, eq=False)

    @property
    def missing(self) -> Featureset:
        """Of a check: what the VM has seen and the host does not take in."""
        if self.kind != "check" or self.old is None or self.new is None:
            return Featureset()
        return self.old - self.new


def recognises(head: bytes) -> bool:
    """By the beginning of a file: a line as xapi's daemons write them, or a sentence of theirs."""
    lines = head.decode("utf-8", "replace").splitlines()[:50]
    return any(_PREFIX.match(line) for line in lines) or (
        bool(_NEEDLES.search(head)) and not head.lstrip().startswith((b"<", b"{", b"["))
    )


def parse(chunks: Iterable[bytes]) -> tuple[Event, ...]:
    """The events of a log, each different one once, in the order of their last appearance."""
    reading = _Reading()
    for line in _telling(chunks):
        reading.line(line)
    reading.end()
    return tuple(reading.events.values())[-input_limits.LOG_EVENTS :]


def merged(logs: Iterable[tuple[Event, ...]]) -> tuple[Event, ...]:
    """Of several logs, older ones first."""
    events: dict[Event, Event] = {}
    for log in logs:
        for event in log:
            _put(events, event)
    return tuple(events.values())[-input_limits.LOG_EVENTS :]


def _telling(chunks: Iterable[bytes]) -> Iterator[str]:
    """The lines in which something of interest stands; of a long one the end."""
    remainder = b""
    for chunk in chunks:
        data = remainder + chunk
        end = data.rfind(b"\n") + 1
        remainder = data[end:][-input_limits.XAPI_LINE_BYTES :]
        yield from _lines(data[:end])
    yield from _lines(remainder)


def _lines(data: bytes) -> Iterator[str]:
    place = 0
    while match := _NEEDLES.search(data, place):
        start = data.rfind(b"\n", 0, match.start()) + 1
        place = data.find(b"\n", match.end())
        place = len(data) if place < 0 else place
        yield data[max(start, place - input_limits.XAPI_LINE_BYTES) : place].decode(
            "utf-8", "replace"
        )


class _Reading:
    """Checks are put together from the lines of one task; all else is one line."""

    def __init__(self) -> None:
        self.events: dict[Event, Event] = {}
        self.open: dict[str, Event] = {}

    def line(self, line: str) -> None:
        prefix = _PREFIX.match(line)
        task, time = "", ""
        message = line.strip()
        if prefix:
            task, message = prefix["task"], prefix["message"]
            when = _TIME.search(line[: prefix.start("task")])
            time = when[0] if when else ""
        if not self._check(task, time, message):
            for event in _events(message):
                _put(self.events, evolve(event, time=time))

    def _check(self, task: str, time: str, message: str) -> bool:
        if match := _CHECKING.search(message):
            self._close(task)
            self.open[task] = Event("check", time, vm=match[2], host=match[3], domain_type=match[1])
            self._forget()
        elif match := _VENDORS.search(message):
            event = evolve(self._of(task), vendors=(match[1], match[2]))
            self._put(task, time, event)
        elif (match := _REFUSED.search(message)) or (match := _FEATURES.search(message)):
            sets = _sets(match[1], match[2])
            if sets is None:
                return True
            event = self._of(task)
            if event.old is not None and (event.old, event.new) != sets:
                self._close(task)
                event = self._of(task)
            refused = event.refused or match.re is _REFUSED
            self._put(task, time, evolve(event, old=sets[0], new=sets[1], refused=refused))
            if match.re is _REFUSED:  # the last line of a check
                self._close(task)
        else:
            return False
        return True

    def _of(self, task: str) -> Event:
        return self.open.get(task, Event("check"))

    def _put(self, task: str, time: str, event: Event) -> None:
        self.open[task] = evolve(event, time=time or event.time)
        self._forget()

    def _close(self, task: str) -> None:
        event = self.open.pop(task, None)
        if event is not None and (event.old is not None or event.vendors is not None):
            _put(self.events, event)

    def _forget(self) -> None:
        """The oldest check that has not ended, where there are too many."""
        if len(self.open) > input_limits.LOG_TASKS:
            self._close(next(iter(self.open)))

    def end(self) -> None:
        for task in list(self.open):
            self._close(task)


def _events(message: str) -> Iterator[Event]:
    if match := _LACKING.search(message):
        yield Event("lacking", text=match[1].strip())
    elif match := _CHANGED.search(message):
        sets = _sets(match[3], match[4])
        if sets is not None:
            yield Event("host" if match[1] else "pool", old=sets[0], new=sets[1])
    elif match := _FLAGS.search(message):
        sets = _sets(match[2], match[2])
        if sets is not None:
            yield Event("flags", vm=match[1], new=sets[1])
    elif match := _PREVENTS.search(message):
        yield Event("prevents", vm=match[1], host=match[2], text=match[3].strip())
    elif match := _FAILED.search(message):
        yield Event("prevents", text=match[1].strip())
    else:
        for text, meaning in _NOTES:
            if text in message:
                yield Event("note", text=meaning)


def _put(events: dict[Event, Event], event: Event) -> None:
    """The same thing again counts, and moves to the end."""
    before = events.pop(event, None)
    if before is not None:
        event = evolve(event, count=event.count + before.count, time=event.time or before.time)
    events[event] = event
    if len(events) > 2 * input_limits.LOG_EVENTS:
        for old in list(events)[: input_limits.LOG_EVENTS]:
            del events[old]


def _sets(old: str, new: str) -> tuple[Featureset, Featureset] | None:
    """None for what is no featureset: a log may be cut anywhere."""
    try:
        return Featureset.parse(old), Featureset.parse(new)
    except FeaturesetError:
        return None
