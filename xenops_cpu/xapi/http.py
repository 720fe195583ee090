"""One POST to a xapi and its answer, chunk by chunk, within a time for the whole of it.

http.client reads the protocol; what it has not is a time for a whole answer (its time-out is one
of each read, so a byte a second would never end) and a limit on what comes unpacked.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from attrs import define, field, frozen

from ..version import __version__
from . import tls
from .errors import AnswerError, NotSpoken, Unreachable, printable
from .tls import Trust
from .url import Url

# 5,000 VMs are 30 to 125 MB; this is no memory that is used, only where reading ends.
MAX_ANSWER = 1024**3
_CHUNK = 64 * 1024
# The path is not there, or does not take this method or type: another protocol may.
_NOT_HERE = (404, 405, 415, 501)
# Whoever stands before xapi says that it is away.
_AWAY = (502, 503, 504)


@frozen
class Timeouts:
    """Seconds: for the connection with its handshake, and for a whole answer."""

    connect: float = 10.0
    answer: float = 300.0


@frozen
class Response:
    """`chunks` can be read once. `total`: bytes that were announced, 0 where none were."""

    content_type: str
    headers: Mapping[str, str]
    total: int
    chunks: Iterator[bytes]


class _Timed(io.RawIOBase):
    """What comes from a socket until a moment of time.monotonic(): later reads time out."""

    def __init__(self, connection: socket.socket, end: float) -> None:
        self._connection = connection
        self._end = end

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Socket:
    """As much of a socket as http.client uses."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._end = time.monotonic() + seconds
        connection.settimeout(seconds)
        self.sendall = connection.sendall

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Timed(self._connection, self._end), _CHUNK)

    def close(self) -> None:
        """http.client calls it before the answer is read; whoever opened the socket closes it."""


@define
class Endpoint:
    """Where one xapi answers. Each call has a connection of its own.

    `vouched`: what a trusted member says of the certificate there, "" for nothing.
    """

    url: Url
    trust: Trust
    timeouts: Timeouts
    vouched: str = ""
    _accepted: str = field(default="", init=False)

    @contextmanager
    def post(
        self, path: str, body: bytes, content_type: str, headers: Mapping[str, str], seconds: float
    ) -> Iterator[Response]:
        """The answer with status 200. Raises Unreachable, CertificateError, AnswerError."""
        connection = self._connect()
        try:
            with self._explained(seconds):
                plain = http.client.HTTPConnection(self.url.host or "localhost", self.url.port)
                plain.sock = cast(socket.socket, _Socket(connection, seconds))
                fields = {
                    "Content-Type": content_type,
                    "Accept": content_type,
                    "User-Agent": f"xenops-cpu/{__version__}",
                    "Connection": "close",
                }
                plain.request("POST", path, body, {**fields, **headers})
                response = self._response(plain.getresponse(), seconds)
            yield response
        finally:
            connection.close()

    @contextmanager
    def _explained(self, seconds: float) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise Unreachable(f"{self.url}: no whole answer within {seconds:g} s") from error
        except http.client.IncompleteRead as error:
            raise Unreachable(f"{self.url}: the answer is cut off") from error
        except http.client.RemoteDisconnected as error:
            raise Unreachable(f"{self.url}: the connection was closed without an answer") from error
        except http.client.HTTPException as error:
            raise AnswerError(
                f"{self.url}: what answers does not speak HTTP ({type(error).__name__})"
            ) from error
        except OSError as error:
            raise Unreachable(f"{self.url}: the connection broke: {_reason(error)}") from error

    def _connect(self) -> socket.socket:
        seconds = self.timeouts.connect
        connection: socket.socket | None = None
        try:
            if self.url.socket is not None:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                connection.settimeout(seconds)
                connection.connect(str(self.url.socket))
                return connection
            connection = socket.create_connection((self.url.host, self.url.port), seconds)
            wrapped = tls.wrap(connection, self.url.host)
        except TimeoutError as error:
            _close(connection)
            raise Unreachable(f"{self.url}: no connection within {seconds:g} s") from error
        except ssl.SSLError as error:
            _close(connection)
            raise AnswerError(
                f"{self.url}: no TLS there ({error.reason or error}); xapi answers on port 443"
            ) from error
        except (OSError, UnicodeError) as error:
            _close(connection)
            raise Unreachable(f"{self.url}: no connection: {_reason(error)}") from error
        try:
            self._check(wrapped)
        except BaseException:
            wrapped.close()
            raise
        return wrapped

    def _check(self, connection: ssl.SSLSocket) -> None:
        fingerprint = tls.peer(connection)
        if fingerprint != self._accepted:
            self.trust.check(self.url.address, fingerprint, self.vouched)
            self._accepted = fingerprint

    def _response(self, response: http.client.HTTPResponse, seconds: float) -> Response:
        headers = {name.lower(): value for name, value in response.getheaders()}
        status = printable(f"HTTP {response.status} {response.reason}".strip(), 80)
        if 300 <= response.status < 400:
            place = printable(headers.get("location", "nowhere"), 200)
            raise AnswerError(
                f"{self.url}: {status}, to {place}; redirects are not followed, for "
                "the password would go along: name that address itself"
            )
        if response.status in _NOT_HERE:
            raise NotSpoken(f"{self.url}: {status}")
        if response.status in _AWAY:
            raise Unreachable(f"{self.url}: {status}")
        if response.status != 200:
            raise AnswerError(f"{self.url}: {status}")
        return Response(
            printable(headers.get("content-type", "no type"), 80),
            headers,
            response.length or 0,
            self._unpacked(self._read(response, seconds), headers.get("content-encoding", "")),
        )

    def _read(self, response: http.client.HTTPResponse, seconds: float) -> Iterator[bytes]:
        while True:
            with self._explained(seconds):
                chunk = response.read1(_CHUNK)
            if not chunk:
                break
            yield chunk
        if response.length:  # http.client does not mind
            raise Unreachable(
                f"{self.url}: the answer is cut off, {response.length} bytes are missing"
            )

    def _unpacked(self, chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
        if encoding.lower() in ("gzip", "x-gzip", "deflate"):
            chunks = self._inflated(chunks, encoding)
        elif encoding.lower() not in ("", "identity"):
            packing = printable(encoding, 40)
            raise AnswerError(f"{self.url}: the answer is packed ({packing}); nobody asked for it")
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_ANSWER:
                raise AnswerError(f"{self.url}: an answer of more than {MAX_ANSWER >> 20} MiB")
            yield chunk

    def _inflated(self, chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
        # 32: by its head, gzip or zlib.
        packed = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)
        try:
            for chunk in chunks:
                while chunk and not packed.eof:
                    yield packed.decompress(chunk, _CHUNK)
                    chunk = packed.unconsumed_tail
        except zlib.error as error:
            raise AnswerError(f"{self.url}: the answer is not {encoding}: {error}") from error
        if not packed.eof:
            raise Unreachable(f"{self.url}: the answer is cut off")


def _close(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()


def _reason(error: Exception) -> str:
    return str((isinstance(error, OSError) and error.strerror) or error)
