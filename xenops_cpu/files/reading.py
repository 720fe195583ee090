"""Reading: nobody waits for nobody.

A name may stand for a file today and for a FIFO tomorrow, and to open a FIFO is to wait until
somebody writes into it. So nothing is opened here that is not of a wanted kind, opening never waits
(O_NONBLOCK), what was opened is looked at again (the name may stand for something else by then),
and whoever reads says how many bytes are enough. Regular files are always wanted; pipes and
terminals only where a person names them on the command line, and a pipe that gives nothing for
PIPE_SECONDS is given up.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import FileError
from ..limits import amount
from ..text import STDIN

if TYPE_CHECKING:
    from pathlib import Path

# A command that makes the text has to be through its first words by then: xe, asked of a busy
# coordinator, takes some seconds.
PIPE_SECONDS = 10.0

_KINDS = (
    (stat.S_ISDIR, "Is a directory (it is a folder)"),
    (stat.S_ISFIFO, "it is a FIFO (a pipe)"),
    (stat.S_ISSOCK, "it is a socket"),
    (stat.S_ISBLK, "it is a block device"),
    (stat.S_ISCHR, "it is a device"),
)
_AT_ONCE = os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read(path: Path | str, most: int, *, pipes: bool = False) -> bytes:
    """All of a file of at most so many bytes. `pipes`: see opened. Raises FileError."""
    with opened(path, pipes=pipes) as file:
        return read_all(file, path, most)


def read_all(file: BinaryIO, path: Path | str, most: int) -> bytes:
    """The rest of an open file, at most so many bytes. Raises FileError."""
    data = file.read(most + 1)
    if len(data) > most:
        raise FileError(path, f"larger than {amount(most, 'bytes')}")
    return data


def head(path: Path | str, count: int) -> bytes:
    """The first bytes of a regular file, up to so many. Raises FileError."""
    with opened(path) as file:
        return file.read(count)


def lines(path: Path | str, most: int, line: int, *, pipes: bool = False) -> Iterator[bytes]:
    """The lines of a file, with their ends, as they come: at most so many bytes, and of each line.

    Raises FileError.
    """
    size = number = 0
    with opened(path, pipes=pipes) as file:
        while text := file.readline(line + 1):
            size, number = size + len(text), number + 1
            if len(text) > line:
                raise FileError(path, f"line {number} has more than {amount(line, 'bytes')}")
            if size > most:
                raise FileError(path, f"larger than {amount(most, 'bytes')}")
            yield text


def opened(
    path: Path | str, *, pipes: bool = False, block_devices: bool = False
) -> io.BufferedReader:
    """A file to read from, opened without waiting. Raises FileError, also while it is read.

    A regular file; with `pipes` also what can be read only once: a FIFO, /dev/stdin, a terminal
    there, `-` for standard input; with `block_devices` those. Whoever reads says how much.
    """
    try:
        if pipes and str(path) == STDIN:
            if sys.stdin is None:  # 0 may be another file by now
                raise FileError(path, "standard input is closed: there is nothing to read")
            return io.BufferedReader(_File(os.dup(0), path))
        status = os.stat(path)
        if pipes and _is_stdin(status):  # which may not be opened anew by another user
            return io.BufferedReader(_File(os.dup(0), path))
        _check(path, status, pipes, block_devices)
        file = _File(os.open(path, os.O_RDONLY | _AT_ONCE), path)
        try:
            _check(path, os.fstat(file.fileno()), pipes, block_devices)
        except FileError:
            file.close()
            raise
        return io.BufferedReader(file)
    except OSError as error:
        raise FileError.of_system(path, error) from error
    except ValueError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(path, str(error)) from error  # a NUL in the name


def device(path: Path | str, flags: int = os.O_RDONLY) -> int:
    """A descriptor of a device of the system's, whose name this program chose. Raises OSError."""
    return os.open(path, flags | _AT_ONCE)


def _is_stdin(status: os.stat_result) -> bool:
    """Whether a name stands for what standard input is, and that is no file of its own."""
    mode = status.st_mode
    try:
        may_be = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (stat.S_ISCHR(mode) and os.isatty(0))
        return may_be and os.path.samestat(status, os.fstat(0))
    except OSError:  # it is closed
        return False


def _check(path: Path | str, status: os.stat_result, pipes: bool, block_devices: bool) -> None:
    mode = status.st_mode
    acceptable = (
        stat.S_ISREG(mode)
        or (pipes and stat.S_ISFIFO(mode))
        or (block_devices and stat.S_ISBLK(mode))
    )
    if not acceptable:
        kind = next((kind for is_of, kind in _KINDS if is_of(mode)), "it is of no known kind")
        raise FileError(path, f"{kind}; {'a file or a pipe' if pipes else 'a file'} is read")


class _File(io.FileIO):
    """An open file; a pipe waits for its next byte PIPE_SECONDS at the most, a person as long as it
    takes. Raises FileError.
    """

    def __init__(self, fd: int, path: Path | str) -> None:
        super().__init__(fd)
        self._path = path
        mode = os.fstat(fd).st_mode
        self._waits = not (stat.S_ISREG(mode) or stat.S_ISBLK(mode))
        self._patience = None if os.isatty(fd) else PIPE_SECONDS * 1000

    def readinto(self, buffer: Any) -> int:
        try:
            while True:
                if self._waits and not self._ready():
                    raise FileError(self._path, f"nothing came for {PIPE_SECONDS:g} s")
                count = super().readinto(buffer)
                if count is not None:
                    return count
        except OSError as error:
            raise FileError.of_system(self._path, error) from error

    def _ready(self) -> bool:
        import select  # pipes alone are waited for

        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(self._patience))
