"""A place in a large file: bytes are read only where they are asked for."""

from __future__ import annotations

import io
import struct
from typing import Any, BinaryIO

from ..value import InputError


class CutShort(InputError):
    """The image ends where more was promised."""


class Cursor:
    """`where` names the file in messages."""

    def __init__(self, file: BinaryIO, where: str, at: int = 0) -> None:
        self._file = file
        self.where = where
        self.size = file.seek(0, io.SEEK_END)
        self.at = at

    def take(self, count: int, field: str) -> bytes:
        """The next bytes. Raises CutShort."""
        self._file.seek(self.at)
        data = self._file.read(count)
        if len(data) < count:
            raise self._cut_short(count, field)
        self.at += count
        return data

    def fields(self, layout: str, field: str) -> tuple[Any, ...]:
        """Values as struct has them. Raises CutShort."""
        return struct.unpack(layout, self.take(struct.calcsize(layout), field))

    def skip(self, count: int, field: str) -> None:
        """Past bytes nobody needs. Raises CutShort where the file has not so many."""
        if self.at + count > self.size:
            raise self._cut_short(count, field)
        self.at += count

    def _cut_short(self, count: int, field: str) -> CutShort:
        return CutShort(
            f"{self.where}: cut short: {field} at byte {self.at} has {count} bytes, and the file "
            f"ends at byte {self.size}"
        )
