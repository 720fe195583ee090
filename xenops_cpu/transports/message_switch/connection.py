"""One connection to a message switch: blocking, kept open, one request at a time."""

from __future__ import annotations

import contextlib
import http.client
import socket
import struct
from pathlib import Path

from ... import files
from .messages import SwitchError

# A service's own calls are 512 KiB at most; a backlog of many of them comes in one answer.
MAX_ANSWER_BYTES = 16 << 20
ANSWER_SECONDS = 10.0

OK = 200

# What talking to a switch may raise.
FAILURES = (OSError, SwitchError)


class TooLarge(SwitchError):
    """An answer of the switch over MAX_ANSWER_BYTES."""


class _UnixConnection(http.client.HTTPConnection):
    auto_open = 0  # a connection opened behind our back would not be logged in

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Connection:
    """Open from the start until close(). Every method may raise what is in FAILURES."""

    def __init__(self, path: Path) -> None:
        self._http = _UnixConnection(path)
        try:
            self._http.connect()
        except OSError:
            self._http.close()
            raise

    def ask(
        self, method: str, target: str, body: bytes = b"", seconds: float = 0.0
    ) -> tuple[int, bytes]:
        """Status and body of the answer, waited for `seconds` longer than is usual."""
        sock = self._http.sock
        if sock is None:
            raise SwitchError(f"the switch closed the connection before {method} {target}")
        sock.settimeout(ANSWER_SECONDS + seconds)
        try:
            self._http.request(method, target, body, {"Content-Length": str(len(body))})
            answer = self._http.getresponse()
            content = answer.read(MAX_ANSWER_BYTES + 1)
        except http.client.HTTPException as error:
            raise SwitchError(f"no answer to {method} {target}: {error!r}") from error
        if len(content) > MAX_ANSWER_BYTES:
            raise TooLarge(f"the answer to {target} is larger than {MAX_ANSWER_BYTES} bytes")
        return answer.status, content

    def get(self, target: str) -> bytes:
        """The answer to a GET that cannot go wrong while the switch is well. Raises SwitchError."""
        status, body = self.ask("GET", target)
        if status != OK:
            text = body[:80].decode("utf-8", "replace")
            raise SwitchError(f"the switch answered GET {target} with {status} {text!r}")
        return body

    def peer(self) -> tuple[int, int]:
        """Process and start time of who listens: another pair means another life of the switch.

        The time is that of /proc/PID/stat, in ticks since the machine's start; 0 where unknown.
        """
        credentials = self._http.sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        pid: int = struct.unpack("iII", credentials)[0]
        try:
            # The name in brackets may hold blanks; the start time is field 22.
            line = files.head(f"/proc/{pid}/stat", 4096)
            return pid, int(line.rpartition(b")")[2].split()[19])
        except (IndexError, ValueError):  # a file that cannot be read is a ValueError as well
            return pid, 0

    def wake(self) -> None:
        """End a request that another thread waits in."""
        if (sock := self._http.sock) is not None:
            with contextlib.suppress(OSError):  # it had ended already
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._http.close()
