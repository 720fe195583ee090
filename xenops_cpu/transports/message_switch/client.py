"""The other side: send a call into a service's queue and wait for its answer."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from . import messages
from .connection import FAILURES, OK, Connection
from .messages import SwitchError

_numbers = count(1)


def sender(path: Path, queue: str, timeout: float) -> Callable[[bytes], bytes]:
    """A function from a call's body to the reply's, each over a connection of its own.

    The answer is waited for `timeout` seconds. Raises SwitchError, which says why there is none.
    """

    def send(body: bytes) -> bytes:
        try:
            connection = Connection(path)
        except OSError as error:
            raise SwitchError(f"no message switch at {path}: {error.strerror or error}") from error
        try:
            return _call(connection, queue, body, timeout)
        except FAILURES as error:
            if isinstance(error, SwitchError):
                raise
            raise SwitchError(f"the message switch at {path} is lost: {error}") from error
        finally:
            connection.close()

    return send


def _call(connection: Connection, queue: str, body: bytes, timeout: float) -> bytes:
    own = f"xenops-cpu-call:{os.getpid()}:{next(_numbers)}"
    connection.get(messages.login(own))
    connection.get(messages.create(own, persistent=False))
    status, sent = connection.ask("POST", messages.request(queue, own), body)
    if status != OK or sent.strip() == b"[]":
        raise SwitchError(f"nobody serves the queue {queue} (the switch said {status} {sent!r})")
    deadline = time.monotonic() + timeout
    after = None
    while (left := deadline - time.monotonic()) > 0:
        poll = messages.transfer(own, after, left)
        status, answer = connection.ask("POST", "/transfer", poll, left)
        payload, after = _answer(answer, json.loads(sent)[0])
        if payload is not None:
            return payload
    raise SwitchError(f"no answer from the queue {queue} within {timeout:g} s")


def _answer(body: bytes, call: list[Any]) -> tuple[bytes | None, str | None]:
    """The payload that answers `call` (["QUEUE", id]) in what a poll gave; the next `from`."""
    try:
        poll = json.loads(body)
        for _, message in poll["messages"]:
            if message["kind"] == ["Response", call]:
                return message["payload"].encode(), None
        return None, str(poll["next"])
    except (ValueError, TypeError, KeyError) as error:
        raise SwitchError(f"the switch answered a poll with {body[:80]!r}") from error
