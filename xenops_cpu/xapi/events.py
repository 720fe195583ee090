"""What changes in a pool, as it changes: xapi's event.from, asked again and again.

1. The first question has no token and is answered with every object there is; each answer gives the
   token for the next. A change comes with the object's whole record.
2. Nobody answers, or xapi is starting: asked again after 1, 2, 4 … 60 seconds, with the same token.
3. xapi does not know the token any more (it started anew with another database), or the number of
   its objects is not what the events so far come to (a deletion was missed): everything is asked
   for again, and the answer says that it is everything.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, cast

from attrs import define, field, frozen

from . import pool
from .errors import AnswerError, ApiFailure, Unreachable
from .session import Session
from .value import Value

CLASSES = tuple(pool.FIELDS)
# xapi answers without events after so long; it may take a while longer on a busy host.
WAIT_SECONDS = 30.0
_GRACE_SECONDS = 60.0
_LONGEST_PAUSE = 60.0
_LOST = ("EVENT_FROM_TOKEN_PARSE_FAILURE", "EVENTS_LOST")
_COMING_UP = ("HOST_STILL_BOOTING",)
_KINDS = {kind.lower(): kind for kind in CLASSES}

Operation = Literal["add", "mod", "del"]


@frozen
class Change:
    """One object that came, changed or went; `record` is None for one that went."""

    kind: str
    reference: str
    operation: Operation
    record: pool.Record | None


@frozen
class Batch:
    """The changes since the last batch, in order. `everything`: all objects there are, and no
    other; what was known before and is not among them is gone.
    """

    changes: tuple[Change, ...]
    everything: bool


def follow(
    session: Session,
    waiting: Callable[[Exception, float], None] = lambda _error, _seconds: None,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[Batch]:
    """Batches without end, the first with everything; empty ones too (each 30 seconds).

    `waiting` is told why nobody answers and how many seconds it will be until the next try. Raises
    XapiError for what does not get better by waiting.
    """
    counts, token, seconds = _Counts(), "", 1.0
    while True:
        try:
            changes, answer = _ask(session, token)
        except (Unreachable, ApiFailure) as error:
            code = error.code if isinstance(error, ApiFailure) else ""
            if code in _LOST and token:
                token = ""
                continue
            if code and code not in _COMING_UP:
                raise
            waiting(error, seconds)
            pause(seconds)
            seconds = min(2 * seconds, _LONGEST_PAUSE)
            continue
        seconds = 1.0
        batch = Batch(changes, everything=not token)
        counts.apply(batch)
        token = _token(answer, session)
        yield batch
        if counts.differ(answer, batch.everything):
            token = ""


def _ask(session: Session, token: str) -> tuple[tuple[Change, ...], Mapping[str, Value]]:
    changes: list[Change] = []

    def each(_name: str, event: Value) -> None:
        change = _change(event)
        if change is not None:
            changes.append(change)

    answer = session.call(
        "event.from",
        cast(Value, list(CLASSES)),
        token,
        WAIT_SECONDS,
        each=each,
        inside="events",
        seconds=WAIT_SECONDS + _GRACE_SECONDS if token else None,
    )
    if not isinstance(answer, dict):
        raise AnswerError(f"{session.coordinator}: event.from gave no events")
    return tuple(changes), answer


def _token(answer: Mapping[str, Value], session: Session) -> str:
    token = answer.get("token")
    if not isinstance(token, str) or not token:
        raise AnswerError(f"{session.coordinator}: event.from gave no token")
    return token


def _change(event: Value) -> Change | None:
    if not isinstance(event, dict):
        return None
    kind = _KINDS.get(str(event.get("class")).lower(), "")
    operation, reference = event.get("operation"), str(event.get("ref"))
    if not kind or operation not in ("add", "mod", "del"):
        return None
    snapshot = event.get("snapshot")
    record = pool.Record(kind, reference, pool.kept(kind, snapshot)) if snapshot else None
    if operation != "del" and record is None:
        return None
    return Change(kind, reference, cast(Operation, operation), record)


@define
class _Counts:
    """The objects that there should be by the events so far, to be held to xapi's own count.

    xapi counts at another moment than it collects, so after everything was sent a difference is
    taken as it is: only one that arises later means that something was missed.
    """

    references: dict[str, set[str]] = field(factory=lambda: {kind: set() for kind in CLASSES})
    drift: dict[str, int] = field(factory=dict)

    def apply(self, batch: Batch) -> None:
        if batch.everything:
            self.references = {kind: set() for kind in CLASSES}
        for change in batch.changes:
            known = self.references[change.kind]
            if change.operation == "del":
                known.discard(change.reference)
            else:
                known.add(change.reference)

    def differ(self, answer: Mapping[str, Value], everything: bool) -> bool:
        counts = answer.get("valid_ref_counts")
        if not isinstance(counts, dict):
            return False
        drift = {}
        for kind in CLASSES:
            text = str(counts.get(kind.lower(), ""))
            if text.isdigit():
                drift[kind] = int(text) - len(self.references[kind])
        before, self.drift = self.drift, drift
        return not everything and drift != before
