"""Call a service on its Unix socket: the typed methods of the interface, or any method by name."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from pathlib import Path

from . import interface
from .wire import XMLRPC
from .wire.caller import caller

TIMEOUT_SECONDS = 30.0
_RETRY_SECONDS = 0.01


class ConnectionFailed(Exception):
    """No answer from the socket; the message says why and what to look at."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        deadline = time.monotonic() + (self.timeout or 0.0)
        while True:
            try:
                return self.sock.connect(self._path)
            except BlockingIOError:
                # A socket with a time-out does not wait for a place among those not yet accepted.
                if time.monotonic() >= deadline:
                    raise TimeoutError from None
                time.sleep(_RETRY_SECONDS)


def sender(path: Path, timeout: float = TIMEOUT_SECONDS) -> Callable[[bytes], bytes]:
    """A function from a call's body to the reply's; each call has a connection of its own.

    Raises ConnectionFailed.
    """

    def send(body: bytes) -> bytes:
        connection = _UnixConnection(path, timeout)
        try:
            connection.request("POST", "/", body)
            return connection.getresponse().read()
        except FileNotFoundError as error:
            raise ConnectionFailed(f"no service at {path}: no such socket") from error
        except ConnectionRefusedError as error:
            raise ConnectionFailed(f"no service at {path}: nobody listens there") from error
        except PermissionError as error:
            raise ConnectionFailed(f"no permission to connect to {path}") from error
        except TimeoutError as error:
            raise ConnectionFailed(f"no answer from {path} within {timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionFailed(f"no answer from {path}: {error}") from error
        finally:
            connection.close()

    return send


def connect(path: Path, wire: str = XMLRPC, timeout: float = TIMEOUT_SECONDS) -> interface.Client:
    """The service's methods. They raise ConnectionFailed, and the XenopsError of a reply."""
    return interface.Client(caller(sender(path, timeout), wire))
