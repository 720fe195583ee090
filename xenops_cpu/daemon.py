"""The daemon: puts the parts together, and goes when it is told to."""

from __future__ import annotations

import logging
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from attrs import evolve

from .helper import CannotStart, Helper, HelperError, Setup
from .limits import LIMITS, Limits
from .log import task
from .service.service import OnInconsistent, XenopsCpu
from .sources import Source
from .sources.fresh import Fresh
from .transports.conversation import Answers, Reply
from .transports.http import Request
from .transports.unix_http import Server
from .transports.unix_socket import SocketError, listening
from .wire import CONTENT_TYPES, JSONRPC, XMLRPC, dispatch

log = logging.getLogger(__name__)

__all__ = ["SocketError", "serve"]

# A change of the host (late microcode) shows in the answers this many seconds later at the most.
STALE_SECONDS = 2.0

# There is no configuration that SIGHUP could ask to read again: it is a terminal that closes.
_STOP = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def serve(
    path: Path,
    source: Source,
    on_inconsistent: OnInconsistent = "error",
    mode: int = 0o600,
    group: str | None = None,
    limits: Limits = LIMITS,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve `source` on the socket `path` until a signal of _STOP; what was sent is answered.

    `ready` is called when calls are answered. Raises SocketError when the socket cannot be had.
    """
    limits = _within_files(limits)
    service = XenopsCpu(Fresh(source, STALE_SECONDS), on_inconsistent)
    setup = Setup(
        source=source,
        on_inconsistent=on_inconsistent,
        instance_id=service.instance_id,
        stale_seconds=STALE_SECONDS,
        loglevel=logging.getLogger("xenops_cpu").level or logging.INFO,
        limits=limits,
    )
    with (
        _stop_signals() as told_to_stop,
        listening(path, mode, group) as listener,
        _Staff(service, setup) as staff,
    ):
        answers = Answers(staff.quick, staff.long, _refuse)
        server = Server(listener, answers, limits, json=path.suffix == ".json")
        told_to_stop(server.stop)
        service.query("start")  # reads the source, so that the log begins with what it says
        log.info("serving %s on %s", source.name, path)
        ready()
        server.serve()
    log.info("stopped")


@contextmanager
def _stop_signals() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Until the socket is gone again, a signal of _STOP stops the server, once there is one."""
    stops: list[Callable[[], None]] = []
    signalled = False

    def stop(number: int, _frame: FrameType | None) -> None:
        nonlocal signalled
        signalled = True
        task.set("stop")
        log.info("%s: stopping", signal.Signals(number).name)
        for each in stops:
            each()

    def told_to_stop(how: Callable[[], None]) -> None:
        stops.append(how)
        if signalled:
            how()

    before = {
        number: signal.signal(number, stop)
        for number in _STOP
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN  # nohup
    }
    try:
        yield told_to_stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Staff:
    """Who answers: the service itself in the loop, helpers what may take long."""

    def __init__(self, service: XenopsCpu, setup: Setup) -> None:
        self._service = service
        self._helpers = [Helper(setup) for _ in range(setup.limits.helpers)]
        self._free = list(self._helpers)

    def __enter__(self) -> _Staff:
        return self

    def __exit__(self, *_: object) -> None:
        for helper in self._helpers:
            helper.close()

    def quick(self, request: Request) -> Reply | None:
        """In the loop; None for a call that may take long."""
        otherwise = JSONRPC if request.json else XMLRPC
        reply = dispatch.quick_answer(self._service, request.body, otherwise=otherwise)
        task.set("")  # what the log tells from here on is no longer about this call
        if reply is None:
            return None
        return reply, CONTENT_TYPES[XMLRPC if reply.startswith(b"<") else JSONRPC]

    def long(self, request: Request) -> Reply:
        """On a thread of its own, by a helper; here if there can be none."""
        wire = dispatch.wire_of(request.body, JSONRPC if request.json else XMLRPC)
        helper = self._free.pop()
        try:
            return helper.ask(request), CONTENT_TYPES[wire]
        except HelperError as error:
            log.error("a long call failed: %s", error)
            return dispatch.failure(wire, str(error)), CONTENT_TYPES[wire]
        except CannotStart as error:
            log.error("cannot start the helper process: %s; answering without it", error)
            reply = dispatch.answer(self._service, request.body, otherwise=wire)
            task.set("")
            return reply, CONTENT_TYPES[wire]
        finally:
            self._free.append(helper)


def _refuse(message: str, json: bool) -> tuple[bytes, str]:
    wire = JSONRPC if json else XMLRPC
    return dispatch.failure(wire, message), CONTENT_TYPES[wire]


def _within_files(limits: Limits) -> Limits:
    """As many open files as connections may need; as many connections as there may be files."""
    wanted = limits.connections + limits.reserved_files
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        soft = max(soft, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    connections = max(min(limits.connections, soft - limits.reserved_files), 1)
    if connections == limits.connections:
        return limits
    log.warning("%d open files are allowed: %d connections at once", soft, connections)
    share = connections / limits.connections
    return evolve(
        limits,
        connections=connections,
        process_connections=max(int(limits.process_connections * share), 1),
        user_connections=max(int(limits.user_connections * share), 1),
    )
