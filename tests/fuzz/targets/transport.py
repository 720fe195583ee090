"""The HTTP front: requests in bytes, alone and with a server that runs."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from functools import cache

import h11

from xenops_cpu.limits.service import Limits
from xenops_cpu.transports.conversation import Answers
from xenops_cpu.transports.http import HttpError, Request, RequestReader
from xenops_cpu.transports.unix_http import Server

from .target import Target


def _read_all(data: bytes, step: int) -> tuple[list[Request], str]:
    """Requests, and the refusal if there was one, of bytes that come in pieces of `step`."""
    reader = RequestReader(max_body=200)
    requests: list[Request] = []
    for start in range(0, len(data), step):
        reader.buffer += data[start : start + step]
        try:
            while (request := reader.next()) is not None:
                requests.append(request)
        except HttpError as error:
            return requests, str(error)
    return requests, ""


def http_reader(data: bytes) -> None:
    """However the bytes arrive, the same requests are read; what is taken, h11 takes as well."""
    whole, refusal = _read_all(data, max(len(data), 1))
    alone = RequestReader(max_body=200).only(data)
    assert alone is None or whole == [alone], (alone, whole)
    for step in (1, 7):
        pieces, other = _read_all(data, step)
        assert whole == pieces, (whole, pieces)
        assert bool(refusal) == bool(other), (refusal, other)
    if not whole:
        return
    data = data.lstrip(b"\r\n")  # h11 takes no blank lines in front
    head = data.replace(b"\r", b"").partition(b"\n\n")[0]
    if b"\nhost:" not in head.lower():
        data = data.replace(b"\n", b"\nHost: x\r\n", 1)  # nor a request without Host
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    event = peer.next_event()  # raises where h11 refuses
    assert isinstance(event, h11.Request), event
    body = b""
    while isinstance(part := peer.next_event(), h11.Data):
        body += part.data
    assert whole[0].body == body


@cache
def _server() -> str:
    """The path of a server that runs as long as this process."""
    path = tempfile.mkdtemp() + "/socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(100)
    answers = Answers(
        quick=lambda request: None if b"long" in request.body else (request.body, "text/plain"),
        long=lambda request: (request.body, "text/plain"),
        refuse=lambda message, json: (message.encode(), "text/plain"),
    )
    limits = Limits(size=200, quick_bytes=100, refuse_seconds=0.0, connections=20)
    server = Server(listener, answers, limits)
    threading.Thread(target=server.serve, daemon=True).start()
    return path


def http_server(data: bytes) -> None:
    """Whatever a client sends, it has an end, and the next client is served."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(_server())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            half = len(data) // 2
            client.sendall(data[:half])
            client.sendall(data[half:])
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while client.recv(65536):
                pass
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(_server())
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok")
        assert client.recv(65536).endswith(b"\r\n\r\nok")


HEAD = b"POST / HTTP/1.1\r\nhost: localhost\r\n"


def seeds() -> list[bytes]:
    return [
        HEAD + b"content-length: 5\r\n\r\nhello" + HEAD + b"content-length: 0\r\n\r\n",
        HEAD + b"Connection: close\r\ncontent-length: 4\r\n\r\nlong",
        b"\r\nPOST /x.json HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n"
        b"content-length:1\r\n\r\n{",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"content-length: 999\r\n\r\n{",
        HEAD + b"content-length: 150\r\n\r\n" + b"x" * 150,
    ]


TARGETS = (Target("http", http_reader, seeds), Target("server", http_server, seeds))
