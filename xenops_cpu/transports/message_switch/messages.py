"""What is said to a message switch and what it says, as text; no sockets.

Targets are paths, bodies are JSON. Facts are measured with the switch of xen-api
(ocaml/message-switch) of August 2026; tests/golden/message_switch.jsonl has its own words.

- Ids count the messages of one queue from 0. A poll gives the newest first.
- `from` is a string: the id after which messages are wanted. A number or null is a 500, so it is
  left out where there is none.
- `next` is the highest id of the answer, over all queues of the poll: one poll asks for one queue.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from attrs import frozen

from ...errors import Error


class SwitchError(Error):
    """The switch said what it should not have said here; the text names the request."""


@frozen
class Request:
    """A call that waits in a queue: its id, the queue for the answer, the caller's bytes."""

    id: int
    reply_queue: str
    payload: bytes


@frozen
class Poll:
    """What a poll gave: calls by id, and `next`, the `from` of the next poll (None: no message).

    `strays`: ids of what is no call: answers that somebody sent here, messages that cannot be read.
    """

    requests: tuple[Request, ...]
    strays: tuple[int, ...]
    next: str | None


def login(token: str) -> str:
    return f"/login/{_name(token)}"


def create(queue: str, persistent: bool = True) -> str:
    """A queue: one that outlives who made it, or one that goes with its last connection."""
    return f"/{'persistent' if persistent else 'transient'}/{_name(queue)}"


def destroy(queue: str) -> str:
    return f"/destroy/{_name(queue)}"


def listing(prefix: str) -> str:
    """The names of the queues that begin with `prefix`."""
    return f"/list/{_name(prefix)}"


def request(queue: str, reply_queue: str) -> str:
    """A call into `queue`, whose answer is wanted in `reply_queue`."""
    return f"/request/{_name(queue)}/{_name(reply_queue)}"


def response(request: Request, queue: str) -> str:
    return f"/response/{_name(request.reply_queue)}/{_name(queue)}/{request.id}"


def ack(queue: str, id: int) -> str:
    return f"/ack/{_name(queue)}/{id}"


def _name(name: str) -> str:
    """A name as one part of a path; the switch's own client leaves these characters as they are."""
    return quote(name, safe=":@!$&'()*+,;=")


def transfer(queue: str, after: str | None, seconds: float) -> bytes:
    """The body of a poll (POST /transfer) that waits `seconds` for messages after id `after`."""
    start: dict[str, Any] = {} if after is None else {"from": after}
    return json.dumps(
        {**start, "timeout": float(seconds), "queues": [queue]}, separators=(",", ":")
    ).encode()


def parse_poll(body: bytes, queue: str) -> Poll:
    """What the switch answered to a poll of `queue`. Raises SwitchError."""
    try:
        answer = json.loads(body)
        messages, following = answer["messages"], answer["next"]
        entries = sorted((_entry(message, queue) for message in messages), key=lambda e: e[0])
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise SwitchError(
            f"the switch answered a poll of {queue} with {_shown(body)}, "
            'expected {"messages": [[["QUEUE", id], {...}], ...], "next": "id"}'
        ) from error
    return Poll(
        requests=tuple(request for _, request in entries if request is not None),
        strays=tuple(id for id, request in entries if request is None),
        next=str(following) if entries else None,
    )


def _entry(message: Any, queue: str) -> tuple[int, Request | None]:
    (name, id), content = message
    if name != queue or type(id) is not int:
        raise ValueError
    match content:
        case {"payload": str(payload), "kind": ["Request", str(reply_queue)]}:
            return id, Request(id, reply_queue, payload.encode("utf-8", "replace"))
    return id, None


def parse_names(body: bytes) -> list[str]:
    """A list of queues, or of what an answer became; [] also for what is no list of names."""
    try:
        names = json.loads(body)
    except ValueError:
        return []
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _shown(body: bytes) -> str:
    text = body[:80].decode("utf-8", "replace")
    return repr(text) + (f"... ({len(body)} bytes)" if len(body) > 80 else "")
