"""Calling a service on its socket: what stands in the way is waited for or said."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.limits import reaches
from xenops_cpu.transports.client import ConnectionFailed, sender
from xenops_cpu.transports.http import response


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[tuple[Path, socket.socket]]:
    """A socket on which as many wait as may, and which nobody serves yet."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(0)
        waiting = []
        while True:
            client = socket.socket(socket.AF_UNIX)
            client.setblocking(False)
            waiting.append(client)
            try:
                client.connect(str(path))
            except BlockingIOError:
                break
        for client in waiting:
            client.close()  # each keeps its place until it is accepted
        yield path, listener


def test_a_crowd_before_the_service_is_waited_for(crowded: tuple[Path, socket.socket]) -> None:
    """A call finds its place once the service accepts those before it."""
    path, listener = crowded

    def serve() -> None:
        time.sleep(0.1)
        while True:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(5)
                request = b""
                while not request.endswith(b"call") and (more := connection.recv(4096)):
                    request += more
                if request:  # those before it went without a word
                    connection.sendall(response(b"answer", "text/xml", keep_alive=False))
                    return

    server = threading.Thread(target=serve)
    server.start()
    assert sender(path, 5)(b"call") == b"answer"
    server.join()


def test_a_crowd_that_stays_is_a_time_out(crowded: tuple[Path, socket.socket]) -> None:
    """A service that accepts nobody is said to be silent, after the time allowed."""
    path, _ = crowded
    with pytest.raises(ConnectionFailed, match=r"no answer from .* within 0.2 s"):
        sender(path, 0.2)(b"call")


@contextlib.contextmanager
def peer(path: Path, talk: Callable[[socket.socket], None]) -> Iterator[None]:
    """Somebody who listens at `path`, reads a little of a call and then says what `talk` says."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(1)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                talk(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(10)
        assert not thread.is_alive()


@reaches("reply_bytes")
def test_a_reply_without_end_is_cut_off(tmp_path: Path) -> None:
    """However many bytes a peer sends, only so many are read."""
    sent = 0

    def talk(connection: socket.socket) -> None:
        nonlocal sent
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            sent += connection.send(b"x" * 65536)

    refused = pytest.raises(ConnectionFailed, match=r"exceeds 1,000,000 bytes")
    with peer(tmp_path / "s", talk), refused:
        sender(tmp_path / "s", 10, most=1_000_000)(b"call")
    assert sent < 3_000_000


def test_a_byte_now_and_then_is_a_time_out(tmp_path: Path) -> None:
    """The time is that of the whole call."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            time.sleep(0.05)

    start = time.monotonic()
    refused = pytest.raises(ConnectionFailed, match=r"no answer from .* within 0.3 s")
    with peer(tmp_path / "s", talk), refused:
        sender(tmp_path / "s", 0.3)(b"call")
    assert time.monotonic() - start < 3


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ncontent-length: " + b"9" * 40 + b"\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 9999999999999999999999 OK\r\n\r\n",
    ],
)
def test_a_reply_that_is_none_is_said(tmp_path: Path, reply: bytes) -> None:
    """What cannot be read as HTTP is an error in words."""
    refused = pytest.raises(ConnectionFailed, match="no answer from")
    with peer(tmp_path / "s", lambda connection: connection.sendall(reply)), refused:
        sender(tmp_path / "s", 5)(b"call")
