"""HTTP/1.x as far as a call needs it: bytes in, whole requests out; no sockets.

What xapi's client sends is small and regular (one POST with a Content-Length), and a general
parser costs as much as the rest of the call, so this reads just that: the request line, four
headers, the body. Whatever it cannot take is an HttpError, which the transport answers before it
closes. Any line may end in a bare LF (RFC 9112, section 2.2) and blank lines before a request are
skipped.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..wire import LIMITS

MAX_HEAD_BYTES = 16 * 1024

_HEAD_END = re.compile(rb"\n\r?\n")
_CONTENT_LENGTH = re.compile(rb"\ncontent-length:([^\n]*)")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~\w-]+)[ \t]+\S+[ \t]+HTTP/1\.([0-9])[ \t]*\r?\n")


class HttpError(Exception):
    """A request that cannot be taken; nothing that follows on the connection can be either."""


class Request(NamedTuple):
    """A whole request: any target will do, and of the headers only these two things matter."""

    body: bytes
    keep_alive: bool


class RequestReader:
    """Collects what arrives and gives whole requests, in order.

    `buffer` holds what has arrived and not been given; it never holds more than one head and one
    body of the sizes allowed plus what the last feed brought.
    """

    __slots__ = ("_body_start", "_keep_alive", "_length", "buffer", "max_body")

    def __init__(self, max_body: int = LIMITS.size) -> None:
        self.buffer = bytearray()
        self.max_body = max_body
        self._keep_alive: bool | None = None  # None: no whole head yet
        self._body_start = 0
        self._length = 0

    @property
    def missing(self) -> str:
        """What has not arrived yet of a request begun, in words; empty between requests."""
        if self._keep_alive is not None:
            got = len(self.buffer) - self._body_start
            return f"the request ends after {got} of {self._length} bytes of its body"
        if self.buffer.strip():
            return f"the request ends after {len(self.buffer)} bytes, within its headers"
        return ""

    @property
    def looks_like_json(self) -> bool:
        """A guess for a request that cannot be taken: in which wire to say so."""
        head, _, body = (
            bytes(self.buffer[: MAX_HEAD_BYTES + 64]).replace(b"\r", b"").partition(b"\n\n")
        )
        return body.lstrip()[:1] in (b"{", b"[") or b"json" in head.lower()

    def next(self) -> Request | None:
        """The next whole request, or None until more arrives. Raises HttpError."""
        if not self.buffer:
            return None
        keep_alive = self._keep_alive
        if keep_alive is None:
            keep_alive = self._keep_alive = self._read_head()
            if keep_alive is None:
                return None
        buffer = self.buffer
        end = self._body_start + self._length
        if len(buffer) < end:
            return None
        self._keep_alive = None
        request = Request(bytes(buffer[self._body_start : end]), keep_alive)
        del buffer[:end]
        return request

    def _read_head(self) -> bool | None:
        """Whether the connection is kept; None until the head is whole."""
        buffer = self.buffer
        if buffer.startswith((b"\r", b"\n")):
            del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
        if buffer and not buffer[:1].isalpha():
            raise HttpError(f"not an HTTP/1 request: it begins with {bytes(buffer[:20])!r}")
        blank_line = _HEAD_END.search(buffer, 0, MAX_HEAD_BYTES)
        # What does not begin like a request may never have a blank line: its first line will do.
        end = blank_line.end() if blank_line else buffer.find(b"\n", 0, MAX_HEAD_BYTES) + 1
        head = bytes(buffer[:end])
        line = _REQUEST_LINE.match(head)
        if head and line is None:
            start = head[:60].decode("ascii", "backslashreplace")
            raise HttpError(f"not an HTTP/1 request: it begins with {start!r}")
        if blank_line is None or line is None:
            if len(buffer) >= MAX_HEAD_BYTES:
                raise HttpError(f"no end of the HTTP headers within {MAX_HEAD_BYTES} bytes")
            return None
        method, minor = line.groups()
        fields = head[line.end() - 1 :].lower()
        if method != b"POST":
            raise HttpError(f"HTTP method {method.decode('ascii')}: a call is a POST")
        coding = _field(fields, b"\ntransfer-encoding:")
        if coding not in (None, b"identity"):
            raise HttpError("a request in Transfer-Encoding: send it whole, with a Content-Length")
        self._length = self._content_length(fields)
        self._body_start = end
        connection = _field(fields, b"\nconnection:")
        if connection is None:
            return minor != b"0"
        return b"close" not in connection and (minor != b"0" or b"keep-alive" in connection)

    def _content_length(self, fields: bytes) -> int:
        value = _field(fields, b"\ncontent-length:")
        if value is None:
            raise HttpError("no Content-Length: the body's length must be given")
        if fields.count(b"\ncontent-length:") != 1:
            lengths = {length.strip() for length in _CONTENT_LENGTH.findall(fields)}
            if len(lengths) != 1:
                raise HttpError("more than one Content-Length, and they differ")
        if not value.isdigit() or len(value) > 18:
            shown = value[:40].decode("ascii", "backslashreplace")
            raise HttpError(f"Content-Length {shown!r} is not a number of bytes")
        length = int(value)
        if length > self.max_body:
            raise HttpError(f"a body of {length} bytes: at most {self.max_body} are taken")
        return length


def _field(fields: bytes, name: bytes) -> bytes | None:
    """The value of a header; `fields` in lower case, each line behind its own line feed."""
    start = fields.find(name)
    if start < 0:
        return None
    start += len(name)
    return fields[start : fields.index(b"\n", start)].strip()


def response(body: bytes, content_type: str, keep_alive: bool) -> bytes:
    """The reply with its head. Always 200: rpclib reads any other status as a broken call."""
    close = "" if keep_alive else "connection: close\r\n"
    head = (
        f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n"
        f"content-type: {content_type}\r\n{close}\r\n"
    )
    return head.encode("ascii") + body
