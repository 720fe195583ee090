"""Call a service on its Unix socket: the typed methods of the interface, or any method by name.

Whoever listens there is not trusted: a reply has a limit in bytes, and a call one in time as a
whole, however slowly or quickly its bytes come.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import interface
from ..limits.service import LIMITS
from ..wire import XMLRPC
from ..wire.caller import caller

TIMEOUT_SECONDS = 30.0
_RETRY_SECONDS = 0.01


class ConnectionFailed(Exception):
    """No answer from the socket; the message says why and what to look at."""


class _TooMuch(OSError):
    """More bytes than a reply may have."""


class _BoundedSocket(socket.socket):
    """A socket whose reads and writes have an end in time and in bytes, all together."""

    def __init__(self, deadline: float, most: int) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._deadline = deadline
        self._left = most

    def _wait_no_longer(self) -> None:
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self.settimeout(seconds)

    def connect(self, address: Any) -> None:
        while True:
            self._wait_no_longer()
            try:
                return super().connect(address)
            except BlockingIOError:
                # A socket with a time-out does not wait for a place among those not yet accepted.
                time.sleep(_RETRY_SECONDS)

    def sendall(self, data: Any, flags: int = 0) -> None:
        self._wait_no_longer()
        super().sendall(data, flags)  # its time-out is for all of it

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        self._wait_no_longer()
        count = super().recv_into(buffer, nbytes, flags)
        self._left -= count
        if self._left < 0:
            raise _TooMuch
        return count


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float, most: int) -> None:
        super().__init__("localhost")
        self._path = str(path)
        self._deadline = time.monotonic() + timeout
        self._most = most

    def connect(self) -> None:
        self.sock = _BoundedSocket(self._deadline, self._most)
        self.sock.connect(self._path)


def sender(
    path: Path, timeout: float = TIMEOUT_SECONDS, most: int = LIMITS.reply_bytes
) -> Callable[[bytes], bytes]:
    """A function from a call's body to the reply's; each call has a connection of its own.

    `timeout`: seconds for a call from its start to its end; `most`: bytes of a reply with its head.
    Raises ConnectionFailed.
    """

    def send(body: bytes) -> bytes:
        connection = _UnixConnection(path, timeout, most)
        try:
            connection.request("POST", "/", body)
            with connection.getresponse() as reply:
                return reply.read()
        except FileNotFoundError as error:
            raise ConnectionFailed(f"no service at {path}: no such socket") from error
        except ConnectionRefusedError as error:
            raise ConnectionFailed(f"no service at {path}: nobody listens there") from error
        except PermissionError as error:
            raise ConnectionFailed(f"no permission to connect to {path}") from error
        except TimeoutError as error:
            raise ConnectionFailed(f"no answer from {path} within {timeout:g} s") from error
        except _TooMuch as error:
            raise ConnectionFailed(f"the answer from {path} exceeds {most:,} bytes") from error
        except (OSError, http.client.HTTPException, ValueError, OverflowError) as error:
            raise ConnectionFailed(f"no answer from {path}: {error}") from error
        finally:
            connection.close()

    return send


def connect(path: Path, wire: str = XMLRPC, timeout: float = TIMEOUT_SECONDS) -> interface.Client:
    """The service's methods. They raise ConnectionFailed, and the XenopsError of a reply."""
    return interface.Client(caller(sender(path, timeout), wire))
