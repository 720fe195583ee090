"""A reply in a memory file: made piece by piece, sent by the kernel, gone when it is closed."""

from __future__ import annotations

import os
import socket

_AT_ONCE = 1 << 20


class MemoryFile:
    """`length` bytes of the file `fd`, which it owns. None of them is in this process's memory."""

    def __init__(self, fd: int, length: int) -> None:
        self._fd = fd
        self.length = length

    def send(self, sock: socket.socket, offset: int) -> int:
        """Send from `offset` what the socket takes now. Raises BlockingIOError, OSError."""
        return os.sendfile(sock.fileno(), self._fd, offset, min(self.length - offset, _AT_ONCE))

    def read(self) -> bytes:
        """All of it."""
        return os.pread(self._fd, self.length, 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()
