"""What a service and systemd say to each other: ready, alive, and sockets that are open already.

The protocol is in sd_notify(3), sd_watchdog_enabled(3) and sd_listen_fds(3): datagrams of
NAME=VALUE lines to $NOTIFY_SOCKET, and file descriptors from 3 on. Without systemd nothing is said.
"""

from __future__ import annotations

import os
import socket
import stat
import time

from ..errors import InputError

FIRST_FD = 3


class SystemdError(InputError):
    """What systemd handed over is not what this service can use."""


def notify(*lines: str) -> bool:
    """Tell systemd, such as READY=1; False where nobody listens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.settimeout(1.0)
        try:
            sock.sendto("\n".join(lines).encode(), address.replace("@", "\0", 1))
        except OSError:
            return False
    return True


def ready(status: str) -> None:
    """Calls are answered now."""
    notify("READY=1", f"STATUS={status}")


def reloading() -> None:
    """The configuration is read again; ready() ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping() -> None:
    notify("STOPPING=1")


def alive() -> None:
    notify("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """How often systemd wants to hear alive() at the least; None: it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or not _for_us("WATCHDOG_PID", missing_is_us=True):
        return None
    return int(microseconds) / 1e6 or None


def sockets() -> list[socket.socket]:
    """The listening sockets that systemd has opened for this process; each may be taken once.

    They are not handed on to processes started from here. Raises SystemdError for what is no
    listening Unix stream socket.
    """
    count = os.environ.get("LISTEN_FDS", "")
    ours = _for_us("LISTEN_PID", missing_is_us=False)
    for name in ("LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    if not ours or not count.isdecimal():
        return []
    return [_socket(FIRST_FD + number) for number in range(int(count))]


def _for_us(variable: str, missing_is_us: bool) -> bool:
    pid = os.environ.get(variable, "")
    return pid == str(os.getpid()) if pid else missing_is_us


def _socket(fd: int) -> socket.socket:
    os.set_inheritable(fd, False)
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        raise SystemdError(f"file descriptor {fd} from systemd is no socket: use ListenStream=")
    sock = socket.socket(fileno=fd)
    listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if (sock.family, sock.type, listening) != (socket.AF_UNIX, socket.SOCK_STREAM, 1):
        sock.detach()
        raise SystemdError(
            f"file descriptor {fd} from systemd is no listening Unix stream socket: use "
            "ListenStream=/PATH and Accept=no"
        )
    return sock
