"""The daemon: puts the parts together, and goes when it is told to."""

from __future__ import annotations

import logging
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from .log import task
from .service.service import OnInconsistent, XenopsCpu
from .sources import Source
from .sources.fresh import Fresh
from .transports.connection import Limits
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
    limits: Limits | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve `source` on the socket `path` until a signal of _STOP; the calls in hand are finished.

    `ready` is called when calls are answered. Raises SocketError when the socket cannot be had.
    """
    limits = limits or Limits()
    _allow_files(limits.connections + 32)
    service = XenopsCpu(Fresh(source, STALE_SECONDS), on_inconsistent)
    with listening(path, mode, group) as listener:

        def answer(body: bytes) -> tuple[bytes, str]:
            reply = dispatch.answer(service, body)
            task.set("")  # what the log tells from here on is no longer about this call
            return reply, CONTENT_TYPES[XMLRPC if reply.startswith(b"<") else JSONRPC]

        server = Server(listener, answer, _refuse, limits)

        def stop(number: int, _frame: FrameType | None) -> None:
            task.set("stop")
            log.info("%s: stopping", signal.Signals(number).name)
            server.stop()

        before = {
            number: signal.signal(number, stop)
            for number in _STOP
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN  # nohup
        }
        try:
            service.query("start")  # reads the source, so that the log begins with what it says
            log.info("serving %s on %s", source.name, path)
            ready()
            server.serve()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    log.info("stopped")


def _refuse(message: str, json: bool) -> tuple[bytes, str]:
    wire = JSONRPC if json else XMLRPC
    return dispatch.failure(wire, message), CONTENT_TYPES[wire]


def _allow_files(wanted: int) -> None:
    """As many open files as connections may need, as far as we may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
