"""One caller against all others, with the daemon as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import ROOT
from tests.daemon.test_daemon import COMMAND, Daemon
from tests.support.limits import reaches
from xenops_cpu.interface import InternalError
from xenops_cpu.transports.client import connect

SOURCE = ("--source", "example:epyc-xen-4.17")
CALL = (
    b'{"method":"HOST.is_compatible",'
    b'"params":[{"debug_info":"x","vm_policy":"1","host_policy":"3"}],"id":1}'
)


def http(body: bytes, *headers: bytes) -> bytes:
    lines = [b"POST / HTTP/1.1", b"host: x", b"content-length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


def client_of(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(str(path))
    except OSError:
        client.close()
        raise
    client.settimeout(10)
    return client


def to_the_end(client: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while more := client.recv(1 << 20):
            data += more
    return data


@pytest.mark.slow
@reaches("reserved_files")
def test_few_files(tmp_path: Path) -> None:
    """With 64 files the service keeps some for its source, and serves the callers it can."""
    path = tmp_path / "socket"
    log = (tmp_path / "log").open("w")
    process = subprocess.Popen(
        [*COMMAND, "serve", "--socket", str(path), *SOURCE],
        stdout=subprocess.PIPE,
        stderr=log,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )
    assert process.stdout is not None
    with log, process.stdout, contextlib.ExitStack() as stack:
        process.stdout.readline()
        crowd = [stack.enter_context(client_of(path)) for _ in range(100)]
        for client in crowd:
            with contextlib.suppress(OSError):
                client.sendall(b"POST / HTTP/1.1\r\n")
        for _ in range(3):
            assert connect(path, timeout=10).host_get_cpu_info("x").cpu_count == 1
        time.sleep(2.1)  # the source is read anew
        assert connect(path, timeout=10).host_get_cpu_info("x").cpu_count == 1
        used = len(list(Path(f"/proc/{process.pid}/fd").iterdir()))
        stack.close()
        process.terminate()
        assert process.wait(10) == 0
    assert used < 64 - 16
    text = (tmp_path / "log").read_text()
    assert "64 open files are allowed: 32 connections at once" in text
    assert "cannot accept" not in text


def test_sigterm_loses_nothing_that_was_sent(tmp_path: Path) -> None:
    """Two hundred calls sent before the signal, many of them not yet accepted, are answered."""
    daemon = Daemon(tmp_path, *SOURCE)
    daemon.process.send_signal(signal.SIGSTOP)  # so that all of them wait
    clients = [client_of(daemon.socket) for _ in range(200)]
    for number, client in enumerate(clients):
        client.sendall(http(CALL) * (1 + number % 3))
    daemon.process.send_signal(signal.SIGTERM)
    daemon.process.send_signal(signal.SIGCONT)
    for number, client in enumerate(clients):
        with client:
            assert to_the_end(client).count(b'{"result":true') == 1 + number % 3
    assert daemon.process.wait(10) == 0
    daemon.stop()


def test_sigterm_under_load(tmp_path: Path) -> None:
    """Callers who had sent their call when the signal came have their answer, while others come."""
    daemon = Daemon(tmp_path, *SOURCE)
    lost: list[str] = []
    answered = 0
    signalled = float("inf")

    def call_and_call() -> None:
        nonlocal answered
        while True:
            try:
                client = client_of(daemon.socket)
            except OSError:  # nobody listens any more
                return
            with client:
                try:
                    client.sendall(http(CALL))
                    sent = time.monotonic()
                    reply = to_the_end_of_one(client)
                except OSError as error:
                    reply, sent = str(error).encode(), float("inf")
                if b'{"result":true' in reply:
                    answered += 1
                elif sent < signalled:
                    lost.append(reply.decode())

    threads = [threading.Thread(target=call_and_call, daemon=True) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    signalled = time.monotonic()
    daemon.process.terminate()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert daemon.process.wait(10) == 0
    daemon.stop()
    assert lost == []
    assert answered > 20


def to_the_end_of_one(client: socket.socket) -> bytes:
    data = b""
    while b'"id":1}' not in data and (more := client.recv(65536)):
        data += more
    return data


def test_a_long_call_keeps_nobody_waiting(tmp_path: Path) -> None:
    """Small bodies that ask for much work are refused or answered beside; others go on."""
    daemon = Daemon(tmp_path, *SOURCE)
    full, none = "-".join(["ffffffff"] * 22), "-".join(["00000000"] * 22)
    host = f'{{"name":"h","cpu_info":{{"features_pv":"{none}"}},"hvm":true,"release":""}}'
    vms = ",".join(
        f'{{"name":"v","guest_type":"PV","last_boot_cpu_flags":{{"features":"{full}-{n:08x}"}}}}'
        for n in range(300)
    )
    body = (
        f'{{"method":"POOL.check","params":[{{"debug_info":"x","vms":[{vms}],'
        f'"hosts":[{",".join([host] * 20)}]}}],"id":1}}'
    ).encode()
    with client_of(daemon.socket) as greedy:
        greedy.sendall(http(body) * 20)
        for _ in range(50):
            assert connect(daemon.socket, timeout=5).host_is_compatible("x", "1", "3") is True
        reply = to_the_end_of_one(greedy)
    assert b" missing features to name are more than a call may ask for" in reply
    assert daemon.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ((b"content-type: application/json",), b""),
        ((b"content-type: application/json",), b"nonsense"),
        ((b"Content-Type: application/json-rpc; charset=utf-8",), b"   "),
        ((), b"{" + b" " * 1_100_000),
    ],
    ids=["empty", "nonsense", "blanks", "too large"],
)
def test_errors_come_in_the_callers_wire(
    tmp_path: Path, headers: tuple[bytes, ...], body: bytes
) -> None:
    """A call that is empty, no JSON, or too large has a JSON error where its caller says JSON."""
    daemon = Daemon(tmp_path, *SOURCE)
    data = http(body, *headers)
    end = data.index(b"\r\n\r\n") + 4
    with client_of(daemon.socket) as client:
        client.sendall(data[:end])
        time.sleep(0.05)  # the head comes first, as from the genuine client
        client.sendall(data[end:])
        client.shutdown(socket.SHUT_WR)
        reply = to_the_end(client)
    assert b"content-type: application/json" in reply
    assert b'{"result":null,"error":["Internal_error",' in reply
    assert daemon.stop() == 0


def test_a_socket_by_the_name_of_json(tmp_path: Path) -> None:
    """On a socket whose name ends in .json, who says nothing is answered in JSON; XML in XML."""
    path = tmp_path / "service.json"
    process = subprocess.Popen(
        [*COMMAND, "serve", "--socket", str(path), *SOURCE],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        with client_of(path) as client:
            client.sendall(b"hello\r\n\r\n")
            assert b'"error":["Internal_error",' in to_the_end(client)
        with pytest.raises(InternalError, match="policy1"):
            connect(path).host_combine_cpu_policies("x", "?", "1")
        process.terminate()
        assert process.wait(10) == 0


def test_the_log_has_a_bound(tmp_path: Path) -> None:
    """Thousands of refused calls make so many lines, and say how many more there were."""
    daemon = Daemon(tmp_path, *SOURCE)
    with client_of(daemon.socket) as client:
        for _ in range(4000):
            client.sendall(http(b'{"method":"no.such","params":[{}],"id":1}'))
            assert b"Unknown method no.such" in to_the_end_of_one(client)
    assert daemon.stop() == 0
    text = daemon.log.read_text()
    assert len(text) < 200_000
    assert "more like this were left out: refused a call: %s" in text


def test_long_lines_into_a_pipe_that_nobody_reads(tmp_path: Path) -> None:
    """Calls whose lines are longer than a pipe takes at once hold nobody up."""
    path = tmp_path / "socket"
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "serve", "--socket", str(path), *SOURCE], stdout=subprocess.PIPE, stderr=writing
    )
    os.close(writing)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        client = connect(path, timeout=5)
        for _ in range(100):
            assert client.host_is_compatible("x", "-".join(["ffffffff"] * 64), "0") is False
        process.terminate()
        assert process.wait(10) == 0
    os.close(reading)


@pytest.mark.slow
def test_a_short_storm() -> None:
    """In the midst of every kind of bad caller each good call is answered, and rightly.

    Memory stays within 80 MiB, and is back under 40 MiB when the helper has gone.
    """
    done = subprocess.run(
        [
            sys.executable,
            str(ROOT / "scripts" / "storms" / "run.py"),
            "--seconds",
            "10",
            "--settle",
            "20",
            "--json",
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    found = json.loads(done.stdout)
    for part in ("calm", "crowd", "crowd, coming", "storm", "calm again"):
        assert found[part]["calls"] > 100
        assert (found[part]["unanswered"], found[part]["wrong"]) == (0, 0)
    assert found["memory"]["together"] < 80
    assert found["memory"]["after"] < 40
    assert found["memory"]["files"] < 6200  # connections, and newcomers who wait for their turn
    assert found["log_bytes"] < 4 << 20


@pytest.mark.slow
def test_two_hundred_kills(tmp_path: Path) -> None:
    """Killed at any moment, the service starts again on the same path without help."""
    for number in range(200):
        daemon = Daemon(tmp_path, *SOURCE)
        if number % 10 == 0:
            assert connect(daemon.socket).query("x").name == "xenops_cpu"
        daemon.process.kill()
        daemon.stop()
    daemon = Daemon(tmp_path, *SOURCE)
    assert connect(daemon.socket).query("x").name == "xenops_cpu"
    assert daemon.stop() == 0
    assert sorted(item.name for item in tmp_path.iterdir()) == ["log"]
