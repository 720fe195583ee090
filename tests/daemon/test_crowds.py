"""Crowds before the daemon: nobody who comes is turned away for those who only wait."""

from __future__ import annotations

import contextlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.test_daemon import Daemon
from tests.test_starvation import CALL, SOURCE, client_of, http, to_the_end_of_one


@pytest.fixture
def many_files() -> Iterator[None]:
    """As many as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(8192, hard)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    started = Daemon(tmp_path, *SOURCE)
    yield started
    assert started.stop() == 0


def answered(path: Path) -> bool:
    with client_of(path) as client:
        client.sendall(http(CALL))
        return b'{"result":true' in to_the_end_of_one(client)


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
@pytest.mark.parametrize(
    "first", [b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n<", b""]
)
def test_two_thousand_who_say_no_more(daemon: Daemon, first: bytes) -> None:
    """2,050 connections with a request begun, or nothing said: whoever comes is answered.

    Half of them are closed, the oldest: a process has its share of connections.
    """
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(client_of(daemon.socket)) for _ in range(2050)]
        for client in crowd:
            with contextlib.suppress(OSError):  # closed before it said anything
                client.sendall(first)
        for _ in range(50):
            assert answered(daemon.socket)
        waiting = [is_open(client) for client in crowd]
        assert 900 < sum(waiting) <= 1000
        assert all(waiting[-500:])
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        assert int(status.split("VmHWM:")[1].split()[0]) < 60 * 1024


def is_open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
