"""Calling a service on its socket: what stands in the way is waited for or said."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenops_cpu.client import ConnectionFailed, sender
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
