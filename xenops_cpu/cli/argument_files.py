"""@FILE among arguments: it stands for those in the file, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .. import files
from ..errors import FileError
from ..limits import input_limits

MARK = "@"


def expanded(arguments: Sequence[str]) -> list[str]:
    """The arguments, with those of files in their places. Empty lines, and lines that begin with
    `#`, do not count. A file may name others. Raises FileError.
    """
    return list(_expanded(arguments, 0))


def _expanded(arguments: Sequence[str], depth: int) -> Iterator[str]:
    for argument in arguments:
        if not argument.startswith(MARK):
            yield argument
            continue
        path = argument.removeprefix(MARK)
        if depth == input_limits.ARGUMENT_DEPTH:
            raise FileError(path, f"named by a file in a file, {depth} levels deep")
        yield from _expanded(_lines(path), depth + 1)


def _lines(path: str) -> list[str]:
    data = files.read(path, input_limits.ARGUMENT_BYTES, pipes=True)
    lines = (line.strip() for line in data.decode(errors="surrogateescape").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
