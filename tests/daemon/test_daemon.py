"""The daemon as a process of its own, over its real socket."""

import contextlib
import json
import os
import resource
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.support.hosts import evolve, example, made, names
from xenops_cpu.daemon.serve import STALE_SECONDS
from xenops_cpu.hosts.capture import dump
from xenops_cpu.hosts.cpu_info import cpu_info
from xenops_cpu.interface import InternalError
from xenops_cpu.transports.client import ConnectionFailed, connect

COMMAND = (sys.executable, "-m", "xenops_cpu")


class Daemon:
    """A daemon that is serving; stderr goes to a file."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "socket"
        self.log = folder / "log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "serve", "--socket", str(self.socket), *options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        self.said = [self.process.stdout.readline(), self.process.stdout.readline()]

    def stop(self) -> int:
        self.process.terminate()
        code = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextlib.contextmanager
def on_hangup(handler: signal.Handlers) -> Iterator[None]:
    """What a process that is started in here does where its terminal closes."""
    before = signal.signal(signal.SIGHUP, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    with on_hangup(signal.SIG_DFL):  # whatever those who run the tests do with it
        started = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    yield started
    started.stop()


@pytest.mark.slow
@pytest.mark.parametrize("wire", ["xmlrpc", "jsonrpc"])
def test_every_method_in_both_wires(daemon: Daemon, wire: str) -> None:
    """A client in another process gets typed results and typed errors."""
    client = connect(daemon.socket, wire)
    assert client.host_get_cpu_info("test") == cpu_info(example())
    assert client.host_stat("test").hypervisor.version == "4.17.7"
    assert "source: example:epyc-xen-4.17" in client.query("test").features
    assert client.host_combine_cpu_policies("test", "3", "6-1") == "00000002-00000000"
    assert client.host_is_compatible("test", "1", "3") is True
    assert client.host_is_compatible("test", "4", "3") is False
    with pytest.raises(InternalError, match='parameter policy1: featureset word 0: "zz"'):
        client.host_combine_cpu_policies("test", "zz", "")


@pytest.mark.slow
def test_a_false_answer_is_an_exit_code(daemon: Daemon) -> None:
    """`call HOST.is_compatible` can be asked by a script: 0 is yes, 1 is no."""
    for vm, code in (("1", 0), ("4", 1)):
        ask = ("HOST.is_compatible", f"vm_policy={vm}", "host_policy=3", "--socket")
        command = [sys.executable, "-m", "xenops_cpu", "call", *ask, str(daemon.socket)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert (done.returncode, json.loads(done.stdout)) == (code, code == 0)


def test_tags_and_optional_parameters_as_one_types_them(daemon: Daemon) -> None:
    """A tag needs no quotes and an optional parameter no value; a wrong tag is said before."""
    hosts = json.dumps([{"name": "a", "cpu_info": {}, "hvm": True, "release": ""}])

    def call(*parameters: str) -> subprocess.CompletedProcess[str]:
        return run("call", *parameters, "--socket", str(daemon.socket))

    for tag in ("Pv", '"Pv"'):
        parts = call("POOL.split", f"hosts={hosts}", f"guest_type={tag}", "parts=1")
        assert "features_pv" in parts.stderr, "the service read the tag and looked at the hosts"
    wrong = call("POOL.split", f"hosts={hosts}", "guest_type=Xvm", "parts=1")
    assert wrong.returncode == 2
    assert 'parameter guest_type: expected one of Pv, Hvm, got "Xvm"' in wrong.stderr
    many = call("POOL.split", f"hosts={hosts}", "guest_type=Pv", "parts=many")
    assert many.returncode == 2
    assert "parameter parts: 'many' is no JSON" in many.stderr
    mistyped = call("POOL.chek")
    assert "Unknown method POOL.chek; did you mean POOL.check" in mistyped.stderr
    history = call("HOST.history")
    assert "needs" not in history.stderr


@pytest.mark.slow
def test_it_says_how_to_ask_it(daemon: Daemon) -> None:
    """Two lines on standard output: what is served where, and a command that works."""
    assert daemon.said[0] == f"serving example:epyc-xen-4.17 on {daemon.socket}\n"
    command = daemon.said[1].removeprefix("ask it: ").split()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert "AMD EPYC Processor" in done.stdout


def test_sigterm_finishes_the_call_in_hand(daemon: Daemon) -> None:
    """A call half sent when the signal comes is answered; then the process ends with 0."""
    body = b'{"method":"HOST.get_cpu_info","params":[{"debug_info":"x"}],"id":1}'
    data = b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.socket))
        client.sendall(data[:-5])
        time.sleep(0.1)
        daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        client.sendall(data[-5:])
        reply = b""
        while more := client.recv(65536):
            reply += more
    assert b'"features_hvm_host":"078bfbfd-' in reply
    assert daemon.process.wait(10) == 0
    assert not daemon.socket.exists()
    assert "SIGTERM: stopping" in daemon.log.read_text()


def test_a_closed_terminal_ends_it_like_sigterm(daemon: Daemon) -> None:
    """SIGHUP takes the socket away and ends with 0."""
    daemon.process.send_signal(signal.SIGHUP)
    assert daemon.process.wait(10) == 0
    assert not daemon.socket.exists()


def test_nohup_is_obeyed(tmp_path: Path) -> None:
    """A daemon started with SIGHUP ignored goes on when the terminal closes."""
    with on_hangup(signal.SIG_IGN):
        started = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    started.process.send_signal(signal.SIGHUP)
    assert connect(started.socket).query("test").name == "xenops_cpu"
    assert started.stop() == 0


@pytest.mark.slow
@pytest.mark.parametrize("output", [">&-", "> /dev/full", "2> /dev/full", ">&- 2>&-"])
def test_it_serves_when_nobody_hears_it(tmp_path: Path, output: str) -> None:
    """Neither a closed nor a full standard output or error keeps it from serving and ending."""
    path = tmp_path / "socket"
    command = f'exec "$0" -m xenops_cpu serve --socket "$1" --source example:epyc-xen-4.17 {output}'
    process = subprocess.Popen(
        ["sh", "-c", command, sys.executable, str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(400):
        with contextlib.suppress(ConnectionFailed):
            connect(path).query("test")  # answered after it has tried to say that it serves
            break
        time.sleep(0.05)
    assert connect(path).query("test").name == "xenops_cpu"
    process.terminate()
    _, said = process.communicate(timeout=10)
    assert "Traceback" not in said
    assert "a fault in this program" not in said
    assert process.returncode == 0


def test_a_full_log_pipe_holds_nobody_up(tmp_path: Path) -> None:
    """Calls and SIGTERM are obeyed though nobody reads the log; it tells later what was lost."""
    path = tmp_path / "socket"
    reading, writing = os.pipe()
    command = [*COMMAND, "serve", "--socket", str(path), "--source", "example:epyc-xen-4.17"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=writing, text=True)
    os.close(writing)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
        client = connect(path, timeout=5)
        for _ in range(400):  # each makes a line of some 200 bytes; a pipe has 64 KiB
            assert client.host_is_compatible("t" * 100, "4", "3") is False
        seen = os.read(reading, 1 << 20)
        assert client.host_is_compatible("last", "4", "3") is False
        seen += os.read(reading, 1 << 20)
        process.terminate()
        assert process.wait(10) == 0
    os.close(reading)
    assert b"lines: nobody read them" in seen
    assert seen.endswith(b"the host lacks DE (00000004)\n")


@pytest.mark.slow
def test_a_killed_daemon_leaves_a_socket_that_the_next_one_replaces(tmp_path: Path) -> None:
    """After kill -9 the next start works without help."""
    first = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    first.process.kill()
    first.stop()
    assert first.socket.exists()
    with pytest.raises(ConnectionFailed, match="nobody listens"):
        connect(first.socket).query("test")
    second = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    assert connect(second.socket).query("test").name == "xenops_cpu"
    assert second.stop() == 0


def test_two_services_on_one_path(daemon: Daemon) -> None:
    """The second one ends with exit code 3 and a sentence; the first goes on."""
    second = subprocess.run(
        [*COMMAND, "serve", "--socket", str(daemon.socket), "--source", "example:epyc-xen-4.17"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 3
    assert "another service already has the socket" in second.stderr
    assert "Traceback" not in second.stderr
    assert connect(daemon.socket).query("test").name == "xenops_cpu"


def test_mode_of_the_socket(tmp_path: Path) -> None:
    """The mode asked for is the mode of the socket."""
    daemon = Daemon(tmp_path, "--source", "example:epyc-xen-4.17", "--socket-mode", "666")
    assert stat.S_IMODE(daemon.socket.stat().st_mode) == 0o666
    daemon.stop()


@pytest.mark.slow
def test_a_capture_that_is_replaced_takes_effect(tmp_path: Path) -> None:
    """The service never serves more than a few seconds of the past, and logs the change by name."""
    capture = tmp_path / "host.json"
    capture.write_text(dump(example()))
    daemon = Daemon(tmp_path, "--source", f"recorded:{capture}")
    client = connect(daemon.socket)
    before = client.host_get_cpu_info("x").features_hvm_host
    sets = example().featuresets
    changed = evolve(sets, hvm_default=sets.hvm_default - names("AVX2"))
    capture.write_text(dump(evolve(example(), featuresets=changed)))
    end = time.monotonic() + 10
    while client.host_get_cpu_info("x").features_hvm_host == before:
        assert time.monotonic() < end, "the change was not seen within 10 s"
        time.sleep(0.1)
    assert "hvm_default has changed: lost AVX2" in daemon.log.read_text()
    daemon.stop()


def test_an_inconsistent_capture(tmp_path: Path) -> None:
    """error answers with the names, warn answers with the record; both log it."""
    capture = tmp_path / "host.json"
    capture.write_text(dump(made("FPU AVX", "FPU")))
    daemon = Daemon(tmp_path, "--source", f"recorded:{capture}")
    with pytest.raises(InternalError, match="default − max: AVX"):
        connect(daemon.socket).host_get_cpu_info("x")
    daemon.stop()
    daemon = Daemon(tmp_path, "--source", f"recorded:{capture}", "--on-inconsistent", "warn")
    assert connect(daemon.socket).host_get_cpu_info("x").cpu_count == 4
    assert "warning||" in daemon.log.read_text()
    daemon.stop()


def test_hostile_calls_are_answered_and_others_served(daemon: Daemon) -> None:
    """Garbage of several kinds gets an error each, within a bounded memory."""
    nested = b"[" * 200_000
    bodies = [
        b"",
        b"<",
        b"{",
        b"<methodCall>",
        b"\xff\xfe",
        nested,
        b"<?xml version='1.0'?><methodCall><methodName>HOST.stat</methodName><params>"
        + b"<param><value>" + b"<array><data><value>" * 40_000,
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><methodCall><methodName>&b;"
        b"</methodName></methodCall>",
    ]  # fmt: skip
    for body in bodies:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(10)
            client.connect(str(daemon.socket))
            client.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            reply = client.recv(65536)
        assert reply.startswith(b"HTTP/1.1 200 OK\r\n"), body[:40]
        assert b"Internal_error" in reply, body[:40]
    assert connect(daemon.socket).query("test").name == "xenops_cpu"
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0])
    assert peak < 80 * 1024, f"peak memory {peak} KiB"


@pytest.mark.slow
def test_many_hostile_clients_at_once(daemon: Daemon) -> None:
    """A thousand idle connections, 64 MiB bodies, a byte at a time: all answered or cut off.

    Another caller is served all the while, and the memory stays below 80 MiB.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))

    def connected() -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(daemon.socket))
        client.settimeout(20)
        return client

    idle = [connected() for _ in range(1000)]
    for _ in range(3):
        with connected() as large:
            large.sendall(b"POST / HTTP/1.1\r\ncontent-length: 67108864\r\n\r\n")
            for _ in range(64):
                large.sendall(b"x" * (1 << 20))
            assert b"a body of 67108864 bytes" in large.recv(4096)
        assert connect(daemon.socket).host_get_cpu_info("x").cpu_count == 1
    with connected() as slow:
        slow.settimeout(0.3)
        reply = b""
        for byte in b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n" * 2:
            slow.sendall(bytes([byte]))
            try:
                reply = slow.recv(4096)
                break
            except TimeoutError:
                assert connect(daemon.socket).host_get_cpu_info("x").cpu_count == 1
        assert b"after 10 s" in reply
    for client in idle:
        client.close()
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 80 * 1024


def test_the_log_names_the_task(daemon: Daemon) -> None:
    """The caller's task and traceparent are in the lines that its call writes."""
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    connect(daemon.socket).host_is_compatible(f"VM.resume R:7\n{trace}", "4", "3")
    assert f"|{trace}|" in daemon.log.read_text()
    assert "|VM.resume R:7|service] not compatible: the host lacks DE" in daemon.log.read_text()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(daemon.socket))
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert b"a call is a POST" in client.recv(4096)
    refusal = daemon.log.read_text().splitlines()[-1]
    assert "refused a request" in refusal
    assert "VM.resume" not in refusal


def test_help_and_json_over_the_socket(daemon: Daemon) -> None:
    """info finds the service by its environment variable and prints JSON of it."""
    done = subprocess.run(
        [*COMMAND, "info", "--json"],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "XENOPS_CPU_SOCKET": str(daemon.socket)},
    )
    document = json.loads(done.stdout)
    assert document["release"] == "4.17"
    assert "SVM" in document["guests"]["hvm"]["migration"]["features"]
    assert "SVM" not in document["guests"]["hvm"]["boot"]["features"]


def test_a_capture_that_becomes_a_fifo(tmp_path: Path) -> None:
    """Callers get an error that says so, and SIGTERM still ends it."""
    path = tmp_path / "host.json"
    path.write_text(dump(example()))
    daemon = Daemon(tmp_path, "--source", f"recorded:{path}")
    try:
        client = connect(daemon.socket, timeout=5)
        client.host_get_cpu_info("test")
        path.unlink()
        os.mkfifo(path)
        time.sleep(STALE_SECONDS + 0.1)
        for _ in range(2):
            with pytest.raises(InternalError, match="it is a FIFO"):
                client.host_get_cpu_info("test")
    finally:
        assert daemon.stop() == 0
