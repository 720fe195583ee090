"""What can be read only once: standard input, pipes, `<(…)` of a shell.

A reader looks at the beginning, then goes back, and a command may ask the same argument for its
hosts and for its VMs. So what comes is kept in a temporary file without a name while the program
runs.
"""

from __future__ import annotations

import stat
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO

from .. import files
from ..errors import InputError
from ..limits import amount, input_limits
from ..text import STDIN

if TYPE_CHECKING:
    from pathlib import Path

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
    """Whether this can be read, but only once."""
    try:
        return means_stdin(str(path)) or stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):  # whoever opens it says what is wrong
        return False


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
    return _kept(STDIN, "standard input")


@lru_cache(maxsize=64)
def _pipe(path: Path, _device: int, _number: int) -> BinaryIO:
    return _kept(path, str(path))


def _kept(path: Path | str, name: str) -> BinaryIO:
    import tempfile

    kept = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - as long as the program runs
    size = 0
    try:
        with files.opened(path, pipes=True) as pipe:
            while size <= input_limits.PIPE_BYTES and (chunk := pipe.read1(_CHUNK)):
                size += kept.write(chunk)
    except files.FileError as error:
        kept.close()
        raise InputError(f"cannot read {name}: {error.reason}") from error
    if size > input_limits.PIPE_BYTES:
        kept.close()
        most = amount(input_limits.PIPE_BYTES, "bytes")
        raise InputError(f"{name}: more than {most}: write it into a file and name that")
    file: BinaryIO = kept  # type: ignore[assignment]
    _files.append(file)
    return file
