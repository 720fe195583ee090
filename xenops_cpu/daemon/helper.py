"""The helper: a process of its own that answers the calls that may take long.

In the service's own process such a call would share the interpreter's lock with the loop, so that
every other caller waited some milliseconds for each of its system calls, and its memory would stay.
The helper is started by the first long call, answers one at a time, and ends when it has had
nothing to do for a while; then its memory is free. A call that takes too long, or more memory than
a call may, costs the helper and not the service.

Between the two is a pair of Unix sockets. First comes the setup; then each call as a head (length,
whether its caller reads JSON) and its body, and each reply as a head (length) and its body. A large
reply is a memory file instead: its descriptor comes with the head.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import struct
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from ..limits.service import LIMITS, Limits
from ..transports.http import Request
from ..transports.spool import MemoryFile, open_memory_file

if TYPE_CHECKING:
    import subprocess

log = logging.getLogger(__name__)

_CALL = struct.Struct("!Q?")
_REPLY = struct.Struct("!Q?")
# A larger reply goes as a file.
_INLINE_BYTES = 64 * 1024
_COMMANDS = "xenops-cpu's own commands (check, plan, level, split, audit) have no such limit"


class HelperError(Exception):
    """No answer from the helper: the message says why, and what to do instead."""


class CannotStart(Exception):
    """The helper cannot be started at all."""


class Setup(NamedTuple):
    """What the helper has to know: the source, and what the service was started with."""

    source: Any
    on_inconsistent: str
    instance_id: str
    stale_seconds: float
    loglevel: int
    limits: Limits = LIMITS
    log: str = "stderr"
    asks_libxc: bool = False


class Helper:
    """The service's side. One thread at a time may ask."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._sock: socket.socket | None = None
        self._idle_timer: threading.Timer | None = None

    def ask(self, request: Request) -> bytes | MemoryFile:
        """The reply to a long call. Raises HelperError, CannotStart."""
        with self._lock:
            if self._idle_timer is not None:
                self._idle_timer.cancel()
            if self._process is not None and self._process.poll() is not None:
                self._end(kill=True)  # it has died since the last call
            sock = self._sock or self._start()
            try:
                return _exchange(sock, request, self._setup.limits.helper_seconds)
            except TimeoutError:
                self._end(kill=True)
                seconds = self._setup.limits.helper_seconds
                raise HelperError(
                    f"the call takes longer than {seconds:g} s; {_COMMANDS}"
                ) from None
            except OSError:
                code = self._end(kill=True)
                raise HelperError(
                    f"the helper process ended within the call (code {code}); {_COMMANDS}"
                ) from None
            finally:
                self._idle_timer = threading.Timer(
                    self._setup.limits.helper_idle_seconds, self._end_the_idle
                )
                self._idle_timer.daemon = True
                self._idle_timer.start()

    def close(self) -> None:
        """End the process. A call in hand is not waited for."""
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end(kill=True)

    def _start(self) -> socket.socket:
        # Most services never get a long call, and need none of this.
        import pickle
        import subprocess

        ours, theirs = socket.socketpair()
        with theirs:
            try:
                setup = pickle.dumps(self._setup)
                self._process = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, "PYTHONPATH": _module_path()},
                )
                ours.sendall(_CALL.pack(len(setup), False) + setup)
            except Exception as error:
                ours.close()
                self._end(kill=True)
                raise CannotStart(str(error)) from error
        self._sock = ours
        return ours

    def _end_the_idle(self) -> None:
        if self._lock.acquire(blocking=False):  # else it is not idle
            try:
                self._end(kill=False)
            finally:
                self._lock.release()

    def _end(self, kill: bool) -> int | None:
        """The exit code of the process, if there was one. Without its socket it ends by itself."""
        sock, process = self._sock, self._process
        self._sock = self._process = None
        if sock is not None:
            sock.close()
        if process is None:
            return None
        if kill:
            process.kill()
        return process.wait()


def _module_path() -> str:
    """So that the helper finds the modules that this process finds."""
    return os.pathsep.join(folder or os.getcwd() for folder in sys.path)


def _exchange(sock: socket.socket, request: Request, seconds: float) -> bytes | MemoryFile:
    sock.settimeout(seconds)
    sock.sendall(_CALL.pack(len(request.body), request.json))
    sock.sendall(request.body)
    head, files, _, _ = socket.recv_fds(sock, _REPLY.size, 1)
    while head and len(head) < _REPLY.size:
        head += sock.recv(_REPLY.size - len(head))
    if not head:
        raise ConnectionResetError
    length, in_file = _REPLY.unpack(head)
    if in_file:
        return MemoryFile(files[0], length)
    body = _receive(sock, length)
    if body is None:
        raise ConnectionResetError
    return body


def _receive(sock: socket.socket, length: int) -> bytes | None:
    """So many bytes; None when the other side has gone."""
    data = bytearray()
    while len(data) < length:
        more = sock.recv(min(length - len(data), 1 << 20))
        if not more:
            return None
        data += more
    return bytes(data)


# ---- the helper's side -------------------------------------------------------------------------


def main(fd: int) -> None:
    """Answer what comes over the socket `fd`, until the service closes it."""
    import pickle
    import signal

    # A terminal and a service manager signal whole groups; the service says itself when it is over.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with socket.socket(fileno=fd) as sock, contextlib.suppress(BrokenPipeError, ConnectionError):
        first = _receive(sock, _CALL.size)
        setup = first and _receive(sock, _CALL.unpack(first)[0])
        if setup:
            _serve(sock, pickle.loads(setup))


def _serve(sock: socket.socket, setup: Setup) -> None:
    from ..service.service import XenopsCpu
    from ..sources.fresh import Fresh

    _give_way(setup.limits)
    service: Any = XenopsCpu(
        Fresh(setup.source, setup.stale_seconds),
        setup.on_inconsistent,  # type: ignore[arg-type]
        setup.instance_id,
        _libxc_level() if setup.asks_libxc else None,
    )
    logging.getLogger("xenops_cpu").addHandler(logging.NullHandler())
    service.query("helper")  # the service has logged already what the source says
    _log_to(setup.log, logging.getLevelName(setup.loglevel))
    while (head := _receive(sock, _CALL.size)) is not None:
        length, json = _CALL.unpack(head)
        body = _receive(sock, length)
        if body is None:
            return
        _answer(sock, service, body, json)
        del body


def _answer(sock: socket.socket, service: Any, body: bytes, json: bool) -> None:
    from ..wire import JSONRPC, XMLRPC, dispatch

    reply = dispatch.answer(service, body, otherwise=JSONRPC if json else XMLRPC)
    if len(reply) <= _INLINE_BYTES:
        sock.sendall(_REPLY.pack(len(reply), False) + reply)
        return
    with open(open_memory_file(), "wb", buffering=0) as file:
        file.write(reply)
        socket.send_fds(sock, [_REPLY.pack(len(reply), True)], [file.fileno()])


def _log_to(target: str, level: str) -> None:
    if target == "stderr":
        from .. import log as our_log

        our_log.to_stream(level)
    else:
        from ..log import targets

        targets.to_target(target, level)


def _libxc_level() -> Any:
    from ..sources.libxc_level import combine_of_libxc

    return combine_of_libxc()


def _give_way(limits: Limits) -> None:
    """The loop comes first: with the processor, and when memory is short."""
    import resource

    with contextlib.suppress(OSError):
        os.nice(5)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("500")
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (limits.helper_memory, limits.helper_memory))


if __name__ == "__main__":
    # By its full name, so that what is pickled has the same classes on both sides.
    from xenops_cpu.daemon import helper

    helper.main(int(sys.argv[1]))
