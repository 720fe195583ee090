"""A reply in a memory file: made piece by piece, sent by the kernel, gone when it is closed."""

from __future__ import annotations

import errno
import os
import socket

_AT_ONCE = 1 << 20
# linux/memfd.h; Linux 6.3 and later want to know whether a memory file is ever executed.
_MFD_NOEXEC_SEAL = 0x8


def open_memory_file() -> int:
    """The descriptor of a new one, which can never be executed. Raises OSError."""
    name = "xenops-cpu-reply"
    try:
        return os.memfd_create(name, os.MFD_CLOEXEC | _MFD_NOEXEC_SEAL)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a kernel that does not know the flag
            raise
        return os.memfd_create(name, os.MFD_CLOEXEC)


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
