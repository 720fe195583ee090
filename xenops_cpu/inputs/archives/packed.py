"""gzip and bzip2 as streams of chunks, and chunks as something to read from."""

from __future__ import annotations

import bz2
import io
import zlib
from typing import BinaryIO

from .account import CHUNK, Account, Chunks, Damaged


def unpacked(packing: str, chunks: Chunks, account: Account) -> Chunks:
    """Several streams one after the other count as one, as with bunzip2 and gunzip."""
    step = _Bunzip() if packing == "bzip2" else Inflate()
    for chunk in chunks:
        for piece in step.feed(chunk):
            account.make(len(piece))
            yield piece
    if not step.ended:
        raise Damaged(f"the {packing} data is cut short")


class _Bunzip:
    def __init__(self) -> None:
        self._machine = bz2.BZ2Decompressor()

    @property
    def ended(self) -> bool:
        return self._machine.eof

    def feed(self, data: bytes) -> Chunks:
        while True:
            if self._machine.eof:
                if not data.startswith(b"BZh"):
                    return
                self._machine = bz2.BZ2Decompressor()
            try:
                piece = self._machine.decompress(data, CHUNK)
            except OSError as error:
                raise Damaged("the bzip2 data is damaged") from error
            if piece:
                yield piece
            data = self._machine.unused_data if self._machine.eof else b""
            if self._machine.needs_input or (self._machine.eof and not data):
                return


class Inflate:
    """Of gzip, or with `bits` -15 the deflate of zip."""

    def __init__(self, bits: int = 31) -> None:
        self._bits = bits
        self._machine = zlib.decompressobj(bits)

    @property
    def ended(self) -> bool:
        return self._machine.eof

    def feed(self, data: bytes) -> Chunks:
        while data:
            if self._machine.eof:
                if not data.startswith(b"\x1f\x8b") or self._bits != 31:
                    return
                self._machine = zlib.decompressobj(self._bits)
            try:
                piece = self._machine.decompress(data, CHUNK)
            except zlib.error as error:
                raise Damaged(f"the compressed data is damaged ({error})") from error
            if piece:
                yield piece
            data = self._machine.unused_data or self._machine.unconsumed_tail


class Stream:
    """Chunks as something to read from; short only where they end.

    With `file`, from which the chunks come as they are, what is skipped is not read.
    """

    def __init__(self, chunks: Chunks, file: BinaryIO | None = None) -> None:
        self._chunks = chunks
        self._file = file
        self._buffer = bytearray()
        self.position = 0

    def peek(self, count: int) -> bytes:
        while len(self._buffer) < count:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._buffer += chunk
        return bytes(self._buffer[:count])

    def read(self, count: int) -> bytes:
        data = self.peek(count)
        del self._buffer[: len(data)]
        self.position += len(data)
        return data

    def remainder(self) -> Chunks:
        if self._buffer:
            yield self.read(len(self._buffer))
        yield from self._chunks

    def take(self, count: int) -> Chunks:
        """The next `count` bytes. Raises Damaged where they end before."""
        while count:
            data = self.read(min(count, len(self._buffer) or 1))
            if not data:
                raise Damaged(f"cut short: {count} bytes of a member are missing")
            count -= len(data)
            yield data

    def skip(self, count: int) -> None:
        """Past the next `count` bytes. Raises Damaged where they end before."""
        if self._file is not None and count > len(self._buffer):
            count -= len(self.read(len(self._buffer)))
            here = self._file.tell()
            end = self._file.seek(0, io.SEEK_END)
            self._file.seek(min(here + count, end))
            if here + count > end:
                raise Damaged(f"cut short: {here + count - end} bytes of a member are missing")
            self.position += count
            return
        for _ in self.take(count):
            pass
