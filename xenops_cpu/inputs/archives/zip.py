"""zip: PKWARE's APPNOTE 6.3. The directory at the end says where each file is."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from attrs import frozen

from ...limits import input_limits
from ..value import InputError, printable
from .account import CHUNK, Account, Chunks, Damaged
from .packed import Inflate


def files(file: BinaryIO, account: Account) -> Iterator[tuple[str, Chunks]]:
    """Name and contents of each plain file; contents nobody takes are not unpacked.

    Raises Damaged.
    """
    for entry in _directory(file, account):
        account.member()
        if not entry.name.endswith("/") and not entry.a_link:
            yield printable(entry.name, input_limits.PATH_LENGTH), _contents(file, entry, account)


@frozen
class _Entry:
    name: str
    encrypted: bool
    a_link: bool
    method: int
    packed: int
    offset: int


def _directory(file: BinaryIO, account: Account) -> Iterator[_Entry]:
    size = file.seek(0, io.SEEK_END)
    tail_start = max(0, size - 65_557)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise Damaged("the zip has no directory at its end: it is cut short")
    length, offset = _number(tail, at + 12, 4), _number(tail, at + 16, 4)
    if tail[max(0, at - 20) : at][:4] == b"PK\x06\x07":
        file.seek(_number(tail, at - 12, 8))
        record = file.read(56)
        if record[:4] != b"PK\x06\x06" or len(record) < 56:
            raise Damaged("the zip64 directory is not where the zip says")
        length, offset = _number(record, 40, 8), _number(record, 48, 8)
    if length > input_limits.ARCHIVE_DIRECTORY_BYTES or offset + length > size:
        raise Damaged(f"a zip directory of {length} bytes, which cannot be")
    file.seek(offset)
    data = file.read(length)
    account.take(length)
    at = 0
    while at < len(data):
        if data[at : at + 4] != b"PK\x01\x02" or len(data) - at < 46:
            raise Damaged("the zip's directory is damaged")
        name_length, extra, comment = (_number(data, at + place, 2) for place in (28, 30, 32))
        start = at + 46 + name_length
        packed, place = _number(data, at + 20, 4), _number(data, at + 42, 4)
        if 0xFFFFFFFF in (packed, place, _number(data, at + 24, 4)):
            packed, place = _zip64(data[start : start + extra], data[at : at + 46])
        flags = _number(data, at + 8, 2)
        yield _Entry(
            name=data[at + 46 : start].decode("utf-8", "replace").replace("\\", "/"),
            encrypted=bool(flags & 1),
            a_link=_number(data, at + 38, 4) >> 16 & 0o170000 == 0o120000,
            method=_number(data, at + 10, 2),
            packed=packed,
            offset=place,
        )
        at = start + extra + comment


def _zip64(extra: bytes, fixed: bytes) -> tuple[int, int]:
    """Packed size and place from the extra field 0001, which has what did not fit, in order."""
    at = 0
    while at + 4 <= len(extra):
        tag, length = _number(extra, at, 2), _number(extra, at + 2, 2)
        if tag == 1:
            sizes, place = [], at + 4
            for field_at in (24, 20, 42):
                value = _number(fixed, field_at, 4)
                if value == 0xFFFFFFFF:
                    value, place = _number(extra, place, 8), place + 8
                sizes.append(value)
            return sizes[1], sizes[2]
        at += 4 + length
    raise Damaged("a zip64 size is missing")


def _contents(file: BinaryIO, entry: _Entry, account: Account) -> Chunks:
    file.seek(entry.offset)
    head = file.read(30)
    if head[:4] != b"PK\x03\x04" or len(head) < 30:
        raise Damaged(f"{printable(entry.name)}: not where the zip's directory says")
    if entry.encrypted:
        raise InputError(f"{printable(entry.name)}: encrypted; unpack it first")
    if entry.method not in (0, 8):
        raise InputError(
            f"{printable(entry.name)}: packed by method {entry.method}; 0 and 8 (deflate) are read"
        )
    at = entry.offset + 30 + _number(head, 26, 2) + _number(head, 28, 2)
    step = Inflate(-15) if entry.method == 8 else None
    left = entry.packed
    while left and not (step and step.ended):
        file.seek(at)
        chunk = file.read(min(left, CHUNK))
        if not chunk:
            raise Damaged(f"{printable(entry.name)}: cut short")
        left, at = left - len(chunk), at + len(chunk)
        account.take(len(chunk))
        for piece in (chunk,) if step is None else step.feed(chunk):
            account.make(len(piece))
            yield piece
    if step is not None and not step.ended:
        raise Damaged(f"{printable(entry.name)}: the compressed data is cut short")


def _number(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
