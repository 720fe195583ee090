"""What was answered in one life of the switch: a call that comes again is not carried out again."""

from __future__ import annotations

import threading
from collections import OrderedDict

from attrs import field, mutable

from .messages import Request

MAX_ANSWERS = 256
MAX_BYTES = 4 << 20


@mutable(eq=False)
class Answers:
    """The last answers of one life, by the whole call. May be used by several threads.

    Another life of the switch uses ids again, so it gets an Answers of its own. A call in hand is
    here without its answer. The oldest are forgotten beyond MAX_ANSWERS and MAX_BYTES.
    """

    _lock: threading.Lock = field(factory=threading.Lock, init=False)
    _by_request: OrderedDict[Request, bytes | None] = field(factory=OrderedDict, init=False)
    _bytes: int = field(default=0, init=False)

    def begin(self, request: Request) -> tuple[bool, bytes | None]:
        """Whether the call is new and now in hand; else its answer, None where it is in hand."""
        with self._lock:
            if request in self._by_request:
                return False, self._by_request[request]
            self._by_request[request] = None
            return True, None

    def finish(self, request: Request, reply: bytes) -> None:
        """Keep the answer to a call in hand."""
        with self._lock:
            self._by_request[request] = reply
            self._bytes += len(request.payload) + len(reply)
            while self._bytes > MAX_BYTES or len(self._by_request) > MAX_ANSWERS:
                oldest = next((old for old, kept in self._by_request.items() if kept is not None))
                kept = self._by_request.pop(oldest)
                self._bytes -= len(oldest.payload) + len(kept or b"")
