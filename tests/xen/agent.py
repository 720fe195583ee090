"""The first process of the test's dom0: starts the daemon, carries calls in, runs commands.

Port 7000 is the daemon's Unix socket. Port 7001 takes one JSON line {"argv": [...]} a connection
and answers {"code", "stdout", "stderr", "seconds"}. Both are reached through QEMU from the
machine that started it, and from nowhere else. Standard library only.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

SOCKET = "/run/xenops-cpu.sock"
PYTHON = "/usr/bin/python" + sys.version[:4].rstrip(".")
LOG = "/run/daemon.log"


def copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def relay(connection: socket.socket) -> None:
    """Between one TCP connection and one to the daemon."""
    with connection, socket.socket(socket.AF_UNIX) as daemon:
        try:
            daemon.connect(SOCKET)
        except OSError:
            return
        back = threading.Thread(target=copy, args=(daemon, connection), daemon=True)
        back.start()
        copy(connection, daemon)
        back.join()


def command(connection: socket.socket) -> None:
    with connection, connection.makefile("rwb") as stream:
        request = json.loads(stream.readline())
        start = time.monotonic()
        argv = [PYTHON if word == "python" else word for word in request["argv"]]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
            answer: dict[str, Any] = {
                "code": done.returncode,
                "stdout": done.stdout,
                "stderr": done.stderr,
            }
        except (OSError, subprocess.TimeoutExpired) as error:
            answer = {"code": -1, "stdout": "", "stderr": str(error)}
        answer["seconds"] = time.monotonic() - start
        stream.write(json.dumps(answer).encode() + b"\n")


def listen(port: int, serve: Callable[[socket.socket], None]) -> None:
    with socket.create_server(("", port)) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection,), daemon=True).start()


def daemon() -> None:
    with open(LOG, "w") as log:
        code = subprocess.call(
            [
                PYTHON,
                "-c",
                "import sys; from xenops_cpu.cli.main import main; sys.exit(main())",
                "serve",
                "--socket",
                SOCKET,
            ],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
    with open(LOG, "a") as log:
        log.write(f"the daemon has ended with exit code {code}\n")


os.chdir("/root")
threading.Thread(target=daemon, daemon=True).start()
threading.Thread(target=listen, args=(7000, relay), daemon=True).start()
listen(7001, command)
