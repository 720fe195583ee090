"""Who answers: the service itself in the loop, a helper what may take long, a thread what waits."""

from __future__ import annotations

import logging
import queue
import re
import time
from collections.abc import Callable, Mapping

from ..interface import METHODS
from ..limits.service import LIMITS
from ..log import task
from ..service.service import XenopsCpu
from ..transports.conversation import Reply
from ..transports.http import Request
from ..wire import CONTENT_TYPES, JSONRPC, XMLRPC, dispatch
from ..wire.marshal import Value
from .helper import CannotStart, Helper, HelperError, Setup

log = logging.getLogger(__name__)

# What came of a call: its method, the tag of its error or nothing, seconds, its debug_info.
Observer = Callable[[str, str, float, str], None]

UNKNOWN = "unknown"  # all methods that nobody knows: a caller must not make names at will

# Of a helper's call and reply, which nobody here reads.
_METHOD = re.compile(rb"POOL\.[a-z_]+")
_TAG = re.compile(rb"ErrorDescription.{,80}?<value>([A-Z]\w+)|\"error\":\[?\"([A-Z]\w+)", re.DOTALL)
_TRACE = re.compile(rb"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_XML, _JSON = CONTENT_TYPES[XMLRPC], CONTENT_TYPES[JSONRPC]
_WAITING = [method.encode() for method in dispatch.WAITING]


class Staff:
    """`pages`: what is answered to GET, by path; `own`: methods beside those of the contract."""

    def __init__(
        self,
        service: XenopsCpu,
        setup: Setup,
        observe: Observer,
        pages: Mapping[str, Callable[[], Reply]],
        own: Mapping[str, Callable[[], Value]],
    ) -> None:
        self._service = service
        self._observe = observe
        self._pages, self._own = pages, own
        self._helpers = [Helper(setup) for _ in range(setup.limits.helpers)]
        self._free: queue.SimpleQueue[Helper] = queue.SimpleQueue()
        for helper in self._helpers:
            self._free.put(helper)

    def __enter__(self) -> Staff:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.close()

    def quick(self, request: Request) -> Reply | None:
        """In the loop; None for a call that may take long."""
        if request.page:
            return self._pages[request.page]()
        started = time.perf_counter()
        outcomes: dispatch.Outcomes = []
        otherwise = JSONRPC if request.json else XMLRPC
        reply = dispatch.quick_answer(
            self._service, request.body, LIMITS, otherwise, self._own, outcomes
        )
        self._note(outcomes, started)  # nothing of a call that is not answered here
        task.set("")  # what the log tells from here on is no longer about this call
        if reply is None:
            return None
        return reply, _XML if reply.startswith(b"<") else _JSON

    def waits(self, request: Request) -> bool:
        """Whether a call that is not quick only waits for something to happen."""
        body = request.body
        if not any(method in body for method in _WAITING):
            return False
        otherwise = JSONRPC if request.json else XMLRPC
        return dispatch.method_of(body, otherwise) in dispatch.WAITING

    def long(self, request: Request) -> Reply:
        """On a thread of its own: by a helper, or here what waits and if there can be no helper."""
        wire = dispatch.wire_of(request.body, JSONRPC if request.json else XMLRPC)
        if self.waits(request):
            return self._here(request.body, wire), CONTENT_TYPES[wire]
        started = time.perf_counter()
        helper = self._free.get()
        try:
            reply = helper.ask(request)
        except HelperError as error:
            log.error("a long call failed: %s", error)
            reply = dispatch.failure(wire, str(error))
        except CannotStart as error:
            log.error("cannot start the helper process: %s; answering without it", error)
            return self._here(request.body, wire), CONTENT_TYPES[wire]
        finally:
            self._free.put(helper)
        method = _METHOD.search(request.body)
        tag = _TAG.search(reply, 0, 400) if isinstance(reply, bytes) else None
        self._observe(
            method[0].decode() if method and method[0].decode() in METHODS else UNKNOWN,
            (tag[1] or tag[2]).decode() if tag else "",
            time.perf_counter() - started,
            f"\n{trace[0].decode()}" if (trace := _TRACE.search(request.body)) else "",
        )
        return reply, CONTENT_TYPES[wire]

    def over_the_switch(self, body: bytes) -> bytes:
        """A call out of the message switch, on a thread of its own: JSON whatever comes."""
        if dispatch.wire_of(body, JSONRPC) != JSONRPC:
            return dispatch.failure(JSONRPC, "a call over the message switch is JSON, not XML")
        reply = self.quick(Request(body, True, json=True)) or self.long(Request(body, True, True))
        if isinstance(reply[0], bytes):
            return reply[0]
        content = reply[0].read()
        reply[0].close()
        return content

    def _here(self, body: bytes, wire: str) -> bytes:
        started = time.perf_counter()
        outcomes: dispatch.Outcomes = []
        reply = dispatch.answer(
            self._service, body, otherwise=wire, own=self._own, outcomes=outcomes
        )
        self._note(outcomes, started)
        task.set("")
        return reply

    def _note(self, outcomes: dispatch.Outcomes, started: float) -> None:
        for method, tag in outcomes:
            known = method if method in METHODS or method in self._own else UNKNOWN
            self._observe(known, tag, time.perf_counter() - started, task.get())


def refuse(message: str, json: bool) -> tuple[bytes, str]:
    """The answer to a request that cannot be taken."""
    wire = JSONRPC if json else XMLRPC
    return dispatch.failure(wire, message), CONTENT_TYPES[wire]
