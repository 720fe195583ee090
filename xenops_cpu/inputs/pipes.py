"""What can be read only once: standard input, pipes, `<(…)` of a shell.

A reader looks at the beginning, then goes back, and a command may ask the same argument for its
hosts and for its VMs. So what comes is kept in a temporary file without a name while the program
runs.
"""

from __future__ import annotations

import os
import stat
import sys
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError

STDIN = "-"
# A suspend image of any size may come; what matters of it is in front, and files may be larger.
MAX_BYTES = 2 * 1024 * 1024 * 1024
_IN_MEMORY = 16 * 1024 * 1024
_CHUNK = 1024 * 1024
# What is open as long as the command runs.
_files: list[BinaryIO] = []
_NAMES = ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")


def forget() -> None:
    """What was kept is read no more: the next command has a standard input of its own."""
    _stdin.cache_clear()
    _pipe.cache_clear()
    while _files:
        _files.pop().close()


def means_stdin(text: str) -> bool:
    return text == STDIN or text in _NAMES


def recognises(path: Path) -> bool:
    """Whether this can be read, but only once. Raises OSError where there is no such file."""
    return means_stdin(str(path)) or stat.S_ISFIFO(path.stat().st_mode)


def read(path: Path) -> BinaryIO:
    """All that comes, from its beginning, however often it is asked for. Raises InputError."""
    if means_stdin(str(path)):
        file = _stdin()
    else:
        status = path.stat()
        file = _pipe(path, status.st_dev, status.st_ino)
    file.seek(0)
    return file


@lru_cache(maxsize=1)
def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:
        raise InputError("standard input is closed: there is nothing to read")
    return _kept(sys.stdin.fileno(), "standard input")


@lru_cache(maxsize=64)
def _pipe(path: Path, _device: int, _number: int) -> BinaryIO:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return _kept(descriptor, str(path))
    finally:
        os.close(descriptor)


def _kept(descriptor: int, what: str) -> BinaryIO:
    import tempfile

    kept = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - as long as the program runs
    size = 0
    while chunk := os.read(descriptor, _CHUNK):
        size += len(chunk)
        if size > MAX_BYTES:
            kept.close()
            raise InputError(
                f"{what}: more than {MAX_BYTES >> 30} GiB: write it into a file and name that"
            )
        kept.write(chunk)
    file: BinaryIO = kept  # type: ignore[assignment]
    _files.append(file)
    return file
