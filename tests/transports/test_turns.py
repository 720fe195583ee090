"""What the loop promises: bounded turns and memory, rest without files, a stop without loss."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from attrs import evolve

from tests import ROOT
from tests.support.limits import reaches
from tests.transports.test_unix_http import (
    LIMITS,
    TEXT,
    answers,
    read_reply,
    read_to_the_end,
    request,
    running,
)
from xenops_cpu.transports.conversation import Answers
from xenops_cpu.transports.spool import MemoryFile, open_memory_file
from xenops_cpu.transports.unix_http import Server
from xenops_cpu.transports.unix_socket import listening


def test_who_sends_many_calls_at_once_takes_turns(tmp_path: Path) -> None:
    """Between two calls of a connection that has sent hundreds, the others get theirs."""
    order: list[bytes] = []

    def answer(body: bytes) -> tuple[bytes, str]:
        order.append(body)
        time.sleep(0.002)
        return body, TEXT

    with (
        running(tmp_path / "s", answer) as service,
        service.connect() as many,
        service.connect() as one,
    ):
        many.sendall(request(b"many") * 300)
        read_reply(many)
        one.sendall(request(b"one"))
        assert read_reply(one) == b"one"
        assert order.index(b"one") < 100
        many.close()


@reaches("unsent_bytes", "all_unsent_bytes")
def test_unread_answers_are_bounded(tmp_path: Path) -> None:
    """Who reads nothing gets no more answers made; all together may leave only so much unread."""
    made = 0

    def answer(body: bytes) -> tuple[bytes, str]:
        nonlocal made
        made += 1
        return b"x" * 20_000, TEXT

    limits = evolve(LIMITS, unsent_bytes=50_000, all_unsent_bytes=120_000, write_seconds=30.0)
    with running(tmp_path / "s", answer, limits) as service, contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(service.connect()) for _ in range(4)]
        deaf[0].sendall(request(b"?") * 500)
        time.sleep(0.3)
        first = made
        assert first < 40  # what the kernel takes (some 200 KiB), and unsent_bytes
        for client in deaf[1:]:
            client.sendall(request(b"?") * 500)
        time.sleep(0.3)
        with pytest.raises((ConnectionError, AssertionError)):  # noqa: PT012 - it was cut off
            for _ in range(500):
                read_reply(deaf[0])
        with service.connect() as other:
            other.sendall(request(b"?"))
            assert read_reply(other) == b"x" * 20_000


def file_of(data: bytes) -> MemoryFile:
    fd = open_memory_file()
    os.write(fd, data)
    return MemoryFile(fd, len(data))


@pytest.mark.slow
@reaches("spooled_bytes")
def test_an_answer_in_a_file_is_sent_whole(tmp_path: Path) -> None:
    """Behind other answers and before others, and no file stays open; their sum is bounded."""
    data = bytes(range(256)) * 8000

    def reply(body: bytes) -> tuple[bytes | MemoryFile, str]:
        return file_of(data) if body.startswith(b"long") else body, TEXT

    own = answers(lambda body: (body, TEXT))
    files = len(os.listdir("/proc/self/fd"))
    with listening(tmp_path / "s") as listener:
        server = Server(
            listener,
            Answers(own.quick, lambda request: reply(request.body), own.refuse),
            evolve(LIMITS, spooled_bytes=len(data) * 2 + 100, write_seconds=30.0),
        )
        thread = threading.Thread(target=server.serve)
        thread.start()
        try:
            with connected(tmp_path / "s") as client:
                client.sendall(request(b"a") + request(b"long") + request(b"b"))
                time.sleep(0.2)
                got = b""
                while not got.endswith(b"\r\n\r\nb"):
                    got += client.recv(1 << 20)
                assert got.count(b"HTTP/1.1 200 OK") == 3
                assert data in got
            with contextlib.ExitStack() as stack:
                deaf = [stack.enter_context(connected(tmp_path / "s")) for _ in range(3)]
                for one in deaf:
                    one.sendall(request(b"long"))
                    time.sleep(0.1)
                time.sleep(0.2)
                assert data not in rest(deaf[0])
                assert data in rest(deaf[2])
        finally:
            server.stop()
            thread.join(10)
    assert len(os.listdir("/proc/self/fd")) == files


def rest(client: socket.socket) -> bytes:
    """What comes until the connection is closed or silent."""
    client.settimeout(0.3)
    data = b""
    with contextlib.suppress(OSError):
        while more := client.recv(1 << 20):
            data += more
    return data


def connected(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(str(path))
    client.settimeout(5)
    return client


@reaches("leave_seconds")
def test_who_does_not_go_is_shown_out(tmp_path: Path) -> None:
    """A client that has its last answer and stays has so much time."""
    limits = evolve(LIMITS, leave_seconds=0.3)
    with running(tmp_path / "s", limits=limits) as service, service.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"a call is a POST" in read_to_the_end(client)
        time.sleep(0.7)
        with pytest.raises(OSError, match=r"Broken pipe|reset"):
            client.sendall(b"still here")


@reaches("caller_calls")
def test_one_process_has_so_many_long_calls(tmp_path: Path) -> None:
    """Beyond its own limit a process is told to try again, though others might have more."""
    release = threading.Event()

    def answer(body: bytes) -> tuple[bytes, str]:
        assert release.wait(5)
        return b"done", TEXT

    limits = evolve(LIMITS, large_calls=9, caller_calls=2)
    with running(tmp_path / "s", answer, limits) as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(service.connect()) for _ in range(3)]
        for client in clients:
            client.sendall(request(b"long"))
            time.sleep(0.05)
        assert b"too many long calls of one process at once (2)" in read_to_the_end(clients[2])
        release.set()
        assert read_reply(clients[0]) == read_reply(clients[1]) == b"done"


@pytest.mark.slow
def test_without_files_nobody_is_asked_in_a_circle(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With no file left and nobody to close, the loop pauses, says so, and goes on later."""
    with running(tmp_path / "s") as service:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        waiting = socket.socket(socket.AF_UNIX)
        resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 1, hard))
        try:
            waiting.connect(str(service.path))
            before = time.process_time()
            time.sleep(0.5)
            spent = time.process_time() - before
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert spent < 0.25
        said = [record for record in caplog.records if "cannot accept" in record.getMessage()]
        assert 1 <= len(said) <= 2
        with waiting:
            waiting.settimeout(5)
            waiting.sendall(request(b"late"))
            assert read_reply(waiting) == b"got late"


def test_stop_answers_what_waits_to_be_accepted(tmp_path: Path) -> None:
    """Calls that had been sent before the stop are answered, also in the backlog; later none."""
    with listening(tmp_path / "s") as listener:
        clients = [connected(tmp_path / "s") for _ in range(200)]
        for number, client in enumerate(clients):
            client.sendall(request(b"%d" % number) * 3)
        server = Server(listener, answers(lambda body: (body, TEXT)), LIMITS)
        server.stop()  # before the loop has even begun
        thread = threading.Thread(target=server.serve)
        thread.start()
        for number, client in enumerate(clients):
            with client:
                assert read_to_the_end(client).count(b"\r\n\r\n%d" % number) == 3
        thread.join(10)
        assert not thread.is_alive()
        with socket.socket(socket.AF_UNIX) as late, pytest.raises(ConnectionRefusedError):
            late.connect(str(tmp_path / "s"))


def test_a_stop_waits_for_nobody_who_wants_nothing(tmp_path: Path) -> None:
    """Without a call in hand the service ends at once, and does not use up its time to stop."""
    limits = evolve(LIMITS, stop_seconds=30.0)  # running waits for ten
    with running(tmp_path / "s", limits=limits) as service, service.connect() as client:
        client.sendall(request(b"?"))
        assert read_reply(client) == b"got ?"


SIGNALLED = """
import signal, sys, threading, time
from pathlib import Path
from tests.transports.test_unix_http import answers
from xenops_cpu.transports.unix_http import Server
from xenops_cpu.transports.unix_socket import listening

def to_itself():
    time.sleep(0.3)  # the main thread waits by then
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

with listening(Path(sys.argv[1])) as listener:
    server = Server(listener, answers(lambda body: (body, "")))
    signal.signal(signal.SIGTERM, lambda number, frame: server.stop())
    threading.Thread(target=to_itself, daemon=True).start()
    server.serve()
"""


def test_a_signal_that_does_not_interrupt_the_wait(tmp_path: Path) -> None:
    """It ends the wait all the same: one that comes just before the wait does not interrupt it.

    Here it comes to another thread, which is the same to the main thread, and always so.
    """
    command = [sys.executable, "-c", SIGNALLED, str(tmp_path / "s")]
    assert subprocess.run(command, cwd=ROOT, timeout=30).returncode == 0


@reaches("stop_seconds")
def test_a_stop_has_an_end(tmp_path: Path) -> None:
    """Whoever never finishes does not keep the service longer than that."""
    limits = evolve(LIMITS, stop_seconds=0.5, request_seconds=60.0)
    with running(tmp_path / "s", limits=limits) as service, service.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\n")
        time.sleep(0.1)
        start = time.monotonic()
        service.server.stop()
        assert client.recv(1) == b""
        assert 0.3 < time.monotonic() - start < 3


@reaches("refuse_seconds")
@pytest.mark.parametrize(
    ("head", "body", "wire"),
    [
        (b"content-type: application/json\r\n", b"", b"json: "),
        (b"", b"{", b"json: "),
        (b"", b" \n[", b"json: "),
        (b"", b"<", b"refused: "),
        (b"content-type: text/xml\r\n", b"?", b"refused: "),
        (b"", b"", b"refused: "),
    ],
)
def test_a_refusal_waits_for_the_first_byte(
    tmp_path: Path, head: bytes, body: bytes, wire: bytes
) -> None:
    """A body that is too large is refused in its caller's wire, though it comes after its head.

    Whose body does not come is refused soon all the same.
    """
    limits = evolve(LIMITS, request_seconds=60.0, refuse_seconds=4.0 if body else 0.2)
    with running(tmp_path / "s", limits=limits) as service, service.connect() as client:
        client.sendall(b"POST / HTTP/1.1\r\n" + head + b"content-length: 99999999\r\n\r\n")
        time.sleep(0.1)
        if body:
            client.sendall(body)
        assert wire + b"a body of 99999999 bytes" in read_to_the_end(client)
