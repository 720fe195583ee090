"""The daemon under systemd: what it says, and the sockets that it gets."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.daemon.support import EXAMPLE
from tests.daemon.test_daemon import COMMAND
from tests.support.waiting import eventually
from xenops_cpu.transports.client import ConnectionFailed, connect


@pytest.mark.slow
def test_what_systemd_hears(tmp_path: Path) -> None:
    """Ready when calls are answered, alive while they are, reloading and ready, stopping."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        path = tmp_path / "socket"
        process = subprocess.Popen(
            [
                *COMMAND,
                "serve",
                "--socket",
                str(path),
                *EXAMPLE,
                "--config",
                "",
                "--config-dir",
                "",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "600000",
            },
        )
        assert systemd.recv(1000) == b"READY=1\nSTATUS=serving example:epyc-xen-4.17"
        assert connect(path).query("x").name == "xenops_cpu"
        assert systemd.recv(1000) == b"WATCHDOG=1"
        assert systemd.recv(1000) == b"WATCHDOG=1"
        process.send_signal(signal.SIGHUP)
        heard = [systemd.recv(1000)]
        while not heard[-1].startswith(b"READY=1"):
            heard.append(systemd.recv(1000))
        assert any(said.startswith(b"RELOADING=1\nMONOTONIC_USEC=") for said in heard)
        process.send_signal(signal.SIGSTOP)  # it hangs: systemd hears nothing
        systemd.settimeout(1.0)
        _hears_nothing(systemd)
        systemd.settimeout(20)
        process.send_signal(signal.SIGCONT)
        process.terminate()
        while systemd.recv(1000) != b"STOPPING=1":
            pass
        assert process.wait(20) == 0


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_started_by_its_socket(tmp_path: Path) -> None:
    """systemd's own tool opens the socket and starts the service for the first caller.

    When the service stops, the socket stays systemd's: it is neither closed nor taken away.
    """
    path = tmp_path / "socket"
    process = subprocess.Popen(
        ["systemd-socket-activate", f"--listen={path}", *COMMAND, "serve", *EXAMPLE,
         "--config", "", "--config-dir", "", "--socket", "/nowhere/else"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    vendors: list[str] = []

    def answered() -> bool:
        """Between bind() and listen() there is a socket that refuses."""
        with contextlib.suppress(ConnectionFailed):
            vendors.append(connect(path).host_get_cpu_info("x").vendor)
        return bool(vendors)

    eventually(answered, "an answer")
    assert vendors == ["AuthenticAMD"]
    process.terminate()
    assert process.wait(20) == 0
    assert path.exists()


@pytest.mark.slow
def test_callers_wait_for_the_next_service(tmp_path: Path) -> None:
    """With a socket of systemd's, who comes between two services is answered by the second."""
    path = tmp_path / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(16)
        listener.set_inheritable(True)
        first = _with_socket(listener)
        assert connect(path).query("x").name == "xenops_cpu"
        first.terminate()
        assert first.wait(20) == 0
        answers: list[str] = []
        thread = threading.Thread(target=lambda: answers.append(connect(path).query("x").name))
        thread.start()
        time.sleep(0.2)
        assert answers == []
        second = _with_socket(listener)
        thread.join(20)
        assert answers == ["xenops_cpu"]
        second.terminate()
        assert second.wait(20) == 0
        assert path.exists()


def _hears_nothing(systemd: socket.socket) -> None:
    """After what was on its way."""
    for _ in range(100):
        try:
            assert systemd.recv(1000) == b"WATCHDOG=1"
        except TimeoutError:
            return
    raise AssertionError("systemd hears of a process that is stopped")


def _with_socket(listener: socket.socket) -> subprocess.Popen[bytes]:
    """A service that gets the socket as systemd hands one over."""
    code = (
        "import os, sys\n"
        f"os.dup2({listener.fileno()}, 3)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1')\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, *COMMAND[1:], "serve", *EXAMPLE, "--config", "",
         "--config-dir", ""],
        pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
