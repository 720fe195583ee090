"""tar: POSIX.1-2017 (ustar, pax), GNU's long names. Links, folders and devices are passed over."""

from __future__ import annotations

from collections.abc import Iterator

from ...limits import input_limits
from ..value import printable
from .account import Account, Chunks, Damaged
from .packed import Stream

BLOCK = 512


def recognises(head: bytes) -> bool:
    """By the checksum that each header has; ustar's magic came later."""
    if len(head) < BLOCK or not any(head):
        return False
    try:
        checksum = int(head[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return checksum == sum(head[:148]) + 8 * 32 + sum(head[156:BLOCK])


def files(stream: Stream, account: Account) -> Iterator[tuple[str, Chunks]]:
    """Name and contents of each plain file, as they come. Raises Damaged."""
    name: str | None = None
    length: int | None = None
    while len(head := stream.read(BLOCK)) < BLOCK or any(head):
        if not recognises(head):
            raise Damaged("a header of the tar is damaged or cut short")
        account.member()
        size = _size(head[124:136]) if length is None else length
        padding = -size % BLOCK
        match head[156:157]:
            case b"L" if size <= input_limits.PATH_LENGTH:
                name = b"".join(stream.take(size)).rstrip(b"\0").decode("utf-8", "replace")
            case b"x" if size <= 16 * input_limits.PATH_LENGTH:
                records = _pax(b"".join(stream.take(size)))
                name, length = records.get("path", name), _whole(records.get("size"))
            case b"0" | b"\0" | b"7":
                body, end = stream.take(size), stream.position + size
                yield printable(name or _name(head), input_limits.PATH_LENGTH), body
                stream.skip(end - stream.position)
                name = length = None
            case _:  # links, folders, devices, and headers that are longer than any name
                stream.skip(size)
                name = length = None
        stream.skip(padding)


def _name(head: bytes) -> str:
    name = head[:100].partition(b"\0")[0]
    prefix = head[345:500].partition(b"\0")[0] if head[257:263] == b"ustar\0" else b""
    return b"/".join(filter(None, (prefix, name))).decode("utf-8", "replace")


def _size(field: bytes) -> int:
    """Octal digits, or GNU's binary number where the first bit is set."""
    if field[0] & 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError as error:
        raise Damaged("a size in the tar is no number") from error


def _pax(data: bytes) -> dict[str, str]:
    """Records `LENGTH KEY=VALUE\\n`."""
    records: dict[str, str] = {}
    while data:
        digits = data.partition(b" ")[0]
        length = int(digits) if digits.isdigit() and len(digits) < 7 else 0
        if not length or length > len(data):
            raise Damaged("a pax header is damaged")
        key, _, value = data[len(digits) + 1 : length - 1].decode("utf-8", "replace").partition("=")
        records[key] = value
        data = data[length:]
    return records


def _whole(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise Damaged("a size in a pax header is no number")
    return int(text)
