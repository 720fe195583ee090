"""Files that commands write; files/replacing.py says how."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from .. import files
from . import Failure


def write_file(path: Path, text: str) -> None:
    """Put `text` into the file, in the place of what is there. Raises Failure."""
    try:
        files.write(path, text)
    except files.FileError as error:
        raise Failure(str(error)) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to piece by piece, put into its place when the context is left without an
    error. Raises Failure.
    """
    try:
        with files.writing(path) as file:
            yield file
    except files.FileError as error:
        raise Failure(str(error)) from error


def create_file(path: Path, text: str) -> None:
    """Put `text` into a new file. Raises Failure, also where there is one of that name."""
    try:
        files.create(path, text)
    except files.FileError as error:
        if error.errno == errno.EEXIST:
            raise Failure(f"{path} is there already; nothing is overwritten") from error
        raise Failure(str(error)) from error
