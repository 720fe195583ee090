"""HTTP/1.x as far as a call needs it: bytes in, whole requests out; no sockets.

What xapi's client sends is small and regular (one POST with a Content-Length), and a general
parser costs as much as the rest of the call, so this reads just that: the request line, the header
lines, the body. Whatever it cannot take is an HttpError, which the transport answers before it
closes.

It refuses what h11 refuses, because two readers of one request that differ are how requests are
smuggled: folded lines, blanks before a colon, names that are no tokens, NUL in values, any
Transfer-Encoding, lengths that differ (a differential test). It is more lenient in two things that
h11 refuses and RFC 9112 wants or old clients need: blank lines before a request (section 2.2), and
a request without Host.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ..limits.service import LIMITS

MAX_HEAD_BYTES = LIMITS.head_bytes

_TOKEN = rb"[-!#$%&'*+.^_`|~0-9a-zA-Z]"
_LINE = _TOKEN + rb"++:[^\0\n\v\f\r]*+\r?\n"
_REQUEST_LINE = _TOKEN + rb"++ [!-~]++ HTTP/1\.[0-9]\r?\n"
_HEAD = re.compile(
    rb"(%s++) ([!-~]++) HTTP/1\.([0-9])\r?\n((?:%s)*+)\r?\n" % (_TOKEN, _LINE), re.DOTALL
)
_FIRST_LINE = re.compile(_REQUEST_LINE)
_HEAD_END = re.compile(rb"\n\r?\n")
# A head as short as this is remembered: clients send the same one with every call.
_REMEMBERED_BYTES = 512


class HttpError(Exception):
    """A request that cannot be taken; nothing that follows on the connection can be either.

    `has_body`: a body is on its way all the same, and will tell in which wire its caller reads.
    """

    def __init__(self, message: str, has_body: bool = False) -> None:
        super().__init__(message)
        self.has_body = has_body


# What may be asked for with GET; everything else is a call, whatever its target.
PAGES = (b"/metrics", b"/health")


class Request(NamedTuple):
    """A whole request: any target will do, and of the headers only these things matter.

    `json`: whether Content-Type or target are of JSON, for a body that does not tell itself.
    `page`: the one of PAGES that is asked for; empty for a call.
    """

    body: bytes
    keep_alive: bool
    json: bool = False
    page: str = ""

    @property
    def looks_like_json(self) -> bool:
        """In which wire to answer a call that is not carried out."""
        first = self.body.lstrip()[:1]
        return first in (b"{", b"[") or (first != b"<" and self.json)


class _Head(NamedTuple):
    length: int
    keep_alive: bool
    json: bool
    page: str = ""


class RequestReader:
    """Collects what arrives and gives whole requests, in order.

    `buffer` holds what has arrived and not been given; it never holds more than one head and one
    body of the sizes allowed plus what the last feed brought. `json`: the wire of callers that
    tell nothing.
    """

    __slots__ = ("_body_start", "_head", "_json", "_problem", "_scanned", "buffer", "max_body")

    def __init__(self, max_body: int = LIMITS.size, json: bool = False) -> None:
        self.buffer = bytearray()
        self.max_body = max_body
        self._json = json
        self._head: _Head | None = None  # None: no whole head yet
        self._problem: HttpError | None = None  # of a head whose body has not begun to arrive
        self._body_start = 0
        self._scanned = 0  # bytes of the buffer in which no head ends

    @property
    def missing(self) -> str:
        """What has not arrived yet of a request begun, in words; empty between requests."""
        if self._problem is not None:
            return str(self._problem)
        if self._head is not None:
            size = len(self.buffer) - self._body_start
            return f"the request ends after {size} of {self._head.length} bytes of its body"
        if self.buffer.strip():
            return f"the request ends after {len(self.buffer)} bytes, within its headers"
        return ""

    @property
    def refusing(self) -> bool:
        """Whether the request cannot be taken, and only the wire of the answer is not known yet."""
        return self._problem is not None

    @property
    def looks_like_json(self) -> bool:
        """A guess for a request that cannot be taken: in which wire to say so."""
        head, _, body = (
            bytes(self.buffer[: MAX_HEAD_BYTES + 64]).replace(b"\r", b"").partition(b"\n\n")
        )
        first = body.lstrip()[:1]
        return first in (b"{", b"[") or (first != b"<" and (self._json or b"json" in head.lower()))

    def only(self, data: bytes) -> Request | None:
        """The request that `data` is, which has just arrived: in most cases it is a whole one with
        a head that was seen before, and nothing else. Else None, and it belongs into the buffer.
        """
        end = data.find(b"\r\n\r\n", 0, _REMEMBERED_BYTES) + 4
        if end < 4 or self.buffer or self._head is not None or self._problem is not None:
            return None
        try:
            head = _remembered(data[:end])
        except HttpError:
            return None
        if head.length > self.max_body or len(data) != end + head.length:
            return None
        return Request(data[end:], head.keep_alive, head.json or self._json, head.page)

    def next(self) -> Request | None:
        """The next whole request, or None until more arrives. Raises HttpError."""
        buffer = self.buffer
        if not buffer:
            return None
        head = self._head
        if head is None:
            head = self._head = self._read_head()
            if head is None:
                return None
        start = self._body_start
        end = start + head.length
        if len(buffer) < end:
            return None
        self._head = None
        self._scanned = 0
        json = head.json or self._json
        request = Request(bytes(buffer[start:end]), head.keep_alive, json, head.page)
        del buffer[:end]
        return request

    def _read_head(self) -> _Head | None:
        """The head; None until it is whole."""
        buffer = self.buffer
        if self._problem is not None:
            self._refuse(self._problem)
            return None
        if buffer.startswith((b"\r", b"\n")):
            del buffer[: len(buffer) - len(buffer.lstrip(b"\r\n"))]
            self._scanned = 0
        if buffer and not buffer[:1].isalpha():
            raise HttpError(f"not an HTTP/1 request: it begins with {bytes(buffer[:20])!r}")
        end = _HEAD_END.search(buffer, max(self._scanned - 2, 0), MAX_HEAD_BYTES)
        if end is None:
            self._look_at_first_line()
            self._scanned = len(buffer)
            return None
        self._body_start = end.end()
        text = bytes(buffer[: end.end()])
        try:
            head = (_remembered if len(text) <= _REMEMBERED_BYTES else _read)(text)
        except HttpError as error:
            self._refuse(error)
            return None
        if head.length > self.max_body:
            self._refuse(
                HttpError(f"a body of {head.length} bytes: at most {self.max_body} are taken", True)
            )
            return None
        return head

    def _look_at_first_line(self) -> None:
        """What does not begin like a request may never have a blank line."""
        buffer = self.buffer
        line = bytes(buffer[: buffer.find(b"\n", 0, MAX_HEAD_BYTES) + 1])
        if line and not _FIRST_LINE.fullmatch(line):
            raise HttpError(_no_request(line))
        if len(buffer) >= MAX_HEAD_BYTES:
            raise HttpError(f"no end of the HTTP headers within {MAX_HEAD_BYTES} bytes")

    def _refuse(self, error: HttpError) -> None:
        """Raise it at once, or when the body's first byte has told in which wire to answer."""
        if error.has_body and not self.looks_like_json:
            beginning = self.buffer[self._body_start : self._body_start + 64]
            if not beginning.strip():
                self._problem = error
                return
        raise error


def _no_request(line: bytes) -> str:
    return f"not an HTTP/1 request: it begins with {_shown(line)}"


def _shown(text: bytes, most: int = 60) -> str:
    return repr(text[:most].decode("ascii", "backslashreplace"))


def _read(text: bytes) -> _Head:
    """Read a whole head, with its blank line. Raises HttpError."""
    match = _HEAD.fullmatch(text)
    if match is None:
        raise _wrong_line(text)
    method, target, minor, lines = match.groups()
    path = target.partition(b"?")[0]
    page = path.decode("ascii") if method == b"GET" and path in PAGES else ""
    if method != b"POST" and not page:
        raise HttpError(f"HTTP method {method.decode('ascii')}: a call is a POST")
    fields = b"\n" + lines.lower()
    if b"\ntransfer-encoding:" in fields:
        raise HttpError(
            "a request in Transfer-Encoding: send it whole, with a Content-Length", has_body=True
        )
    if fields.count(b"\nhost:") > 1:
        raise HttpError("more than one Host")
    options = b",".join(_values(fields, b"\nconnection:")).replace(b" ", b"").split(b",")
    return _Head(
        length=_length(_values(fields, b"\ncontent-length:") or [b"0"] * bool(page)),
        keep_alive=b"close" not in options and (minor != b"0" or b"keep-alive" in options),
        json=any(b"json" in kind for kind in _values(fields, b"\ncontent-type:"))
        or path.endswith(b".json"),
        page=page,
    )


_remembered = lru_cache(maxsize=256)(_read)


def _wrong_line(text: bytes) -> HttpError:
    first, *lines = text.splitlines(keepends=True)
    if not _FIRST_LINE.fullmatch(first):
        return HttpError(_no_request(first))
    wrong = next((line for line in lines if not re.fullmatch(_LINE, line)), b"")
    if wrong[:1] in (b" ", b"\t"):
        return HttpError(f"a folded header line: {_shown(wrong)}; write each header on one line")
    return HttpError(f'the header line {_shown(wrong)} is not "name: value"')


def _values(fields: bytes, name: bytes) -> list[bytes]:
    """The values of a header; `fields` in lower case, each line behind a line feed."""
    values = []
    start = fields.find(name)
    while start >= 0:
        start += len(name)
        values.append(fields[start : fields.index(b"\n", start)].strip())
        start = fields.find(name, start)
    return values


def _length(values: list[bytes]) -> int:
    if not values:
        raise HttpError("no Content-Length: the body's length must be given")
    value = values[0]
    if any(other != value for other in values):
        raise HttpError("more than one Content-Length, and they differ")
    if not value.isdigit() or len(value) > 18:
        raise HttpError(f"Content-Length {_shown(value, 40)} is not a number of bytes")
    return int(value)


@lru_cache(maxsize=64)
def response_head(length: int, content_type: str, keep_alive: bool) -> bytes:
    """What stands before a reply's body. Always 200: rpclib reads any other as a broken call."""
    close = "" if keep_alive else "connection: close\r\n"
    return (
        f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n"
        f"content-type: {content_type}\r\n{close}\r\n"
    ).encode("ascii")


def response(body: bytes, content_type: str, keep_alive: bool) -> bytes:
    """The reply with its head."""
    return response_head(len(body), content_type, keep_alive) + body
