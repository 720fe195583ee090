"""A booted Xen: QEMU without KVM, one dom0 with this project in it, two ports to talk to it."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from attrs import frozen

from tests.xen.cpio import Cpio
from tests.xen.image import Image, compile_python
from tests.xen.packages import Unavailable
from xenops_cpu.interface import Client
from xenops_cpu.transports import client

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# A boot takes 6 to 10 s of one core; a machine that shares its cores takes longer.
BOOT_SECONDS = 150
SERVICE_SECONDS = 60
MEMORY = 640
NOTHING = ("/bin/busybox", "true")

INIT = """#!/bin/busybox sh
export PATH=/usr/bin:/usr/sbin PYTHONPATH=/app PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1
export HOME=/root
b=/bin/busybox
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
for module in /modules/*.ko; do $b insmod $module; done
$b ip link set lo up
$b ip addr add 10.0.2.15/24 dev eth0
$b ip link set eth0 up
exec /usr/bin/python@PYTHON@ /agent.py
"""


class BootError(Exception):
    """Xen or dom0 did not come up; the text ends with what the console said last."""


@frozen
class Ran:
    """What a command in dom0 did."""

    code: int
    stdout: str
    stderr: str
    seconds: float


def build_wheel(image: Image, target: Path) -> Path:
    """This project's own wheel with the binding compiled for the image's Xen, unpacked in `target`.

    Raises Unavailable where there is no compiler.
    """
    source = target / "source"
    source.mkdir()
    # Built from a copy, because setuptools leaves its build folders beside setup.py.
    subprocess.run(
        ["tar", "cf", str(target / "source.tar"), "--exclude=*.so", "--exclude=__pycache__",
         "setup.py", "setup.cfg", "pyproject.toml", "xenops_cpu",
         *(name for name in ("README.md", "LICENSE") if (ROOT / name).exists())],
        cwd=ROOT, check=True, timeout=60,
    )  # fmt: skip
    subprocess.run(["tar", "xf", "../source.tar"], cwd=source, check=True, timeout=60)
    environment = os.environ | {
        "CPATH": str(image.sdk / "include"),
        "LIBRARY_PATH": str(image.sdk / "lib"),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps",
         "--disable-pip-version-check", "--wheel-dir", str(target), str(source)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    wheels = list(target.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        raise Unavailable(f"the wheel cannot be built: {(done.stderr or done.stdout)[-500:]}")
    unpacked = target / "unpacked"
    subprocess.run(
        [sys.executable, "-m", "zipfile", "-e", str(wheels[0]), str(unpacked)],
        check=True, timeout=60,
    )  # fmt: skip
    if not list(unpacked.glob("xenops_cpu/sources/_libxc*.so")):
        raise Unavailable("the binding to libxenctrl was not compiled: install a C compiler (gcc)")
    compile_python(unpacked, image.python)
    return unpacked


class Machine:
    """A context manager: booted on entry, killed on exit whatever happened.

    Raises BootError on entry, after BOOT_SECONDS at the latest.
    """

    def __init__(self, image: Image, app: Path, cpu: str, xen_args: str = "", smp: int = 1) -> None:
        self._image, self._app = image, app
        self.cpu, self.xen_args, self.smp = cpu, xen_args, smp
        self._folder = tempfile.TemporaryDirectory(prefix="xenops-cpu-xen-")
        self._qemu: subprocess.Popen[bytes] | None = None
        self._listener: socket.socket | None = None
        self.port, self._agent_port = _free_ports(2)
        self.boot_seconds = 0.0
        self.socket = Path(self._folder.name) / "service.sock"

    def __enter__(self) -> Machine:
        start = time.monotonic()
        try:
            self._boot()
            while not self._answers():
                self._check(time.monotonic() - start)
                time.sleep(0.1)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.boot_seconds = time.monotonic() - start
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.socket))
        listener.listen()
        threading.Thread(target=_forward, args=(listener, self.port), daemon=True).start()
        self._listener = listener
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait(30)
            self._qemu = None
        self._folder.cleanup()

    def run(self, *argv: str, seconds: float = 320) -> Ran:
        """Run a command in dom0; the word `python` means dom0's. Raises OSError before it is up."""
        with socket.create_connection(("127.0.0.1", self._agent_port), 1) as connection:
            connection.settimeout(seconds)
            connection.sendall(json.dumps({"argv": argv}).encode() + b"\n")
            with connection.makefile("rb") as stream:
                answer: dict[str, Any] = json.loads(stream.readline())
        return Ran(**answer)

    def read(self, path: str) -> str:
        """The content of a file in dom0."""
        return self.run("/bin/busybox", "cat", path).stdout

    def service(self, wire: str = "xmlrpc") -> Client:
        """A client of the daemon in dom0, when that has come up. Raises BootError."""
        start = time.monotonic()
        while True:
            calls = client.connect(self.socket, wire)
            try:
                calls.query("is it up")
            except client.ConnectionFailed as error:
                if time.monotonic() - start > SERVICE_SECONDS:
                    log = self.read("/run/daemon.log")
                    raise BootError(f"no daemon: {error}; its log: {log[-1500:]}") from error
                time.sleep(0.2)
            else:
                return calls

    def console(self) -> str:
        """What Xen and dom0 have written so far."""
        log = Path(self._folder.name) / "console"
        return log.read_text(errors="replace") if log.exists() else ""

    def _answers(self) -> bool:
        try:
            return self.run(*NOTHING, seconds=1).code == 0
        except (OSError, ValueError):
            return False

    def _check(self, seconds: float) -> None:
        """QEMU accepts connections before dom0 listens, so only time tells. Raises BootError."""
        if self._qemu is None or self._qemu.poll() is not None:
            raise BootError(f"QEMU has ended{self._last_words()}")
        if seconds > BOOT_SECONDS:
            raise BootError(f"no answer in {BOOT_SECONDS} s{self._last_words()}")

    def _last_words(self) -> str:
        errors = (Path(self._folder.name) / "qemu-errors").read_text(errors="replace")
        return f"; QEMU said: {errors[-300:]}; the console: {self.console()[-1500:]}"

    def _boot(self) -> None:
        overlay = Path(self._folder.name) / "dom0.cpio.gz"
        overlay.write_bytes(self._image.dom0.read_bytes() + gzip.compress(self._additions(), 1))
        vcpus = self.smp
        xen_line = (
            f"dom0=pv dom0_mem=352M,max:352M dom0_max_vcpus={vcpus} console=com1 "
            f"com1=115200,8n1 smap=hvm cpuidle=0 {self.xen_args}"
        ).strip()
        linux_line = (
            "console=hvc0 quiet rodata=off cryptomgr.notests init_on_alloc=0 panic=-1 rdinit=/init"
        )
        network = (
            f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-:7000,"
            f"hostfwd=tcp:127.0.0.1:{self._agent_port}-:7001"
        )
        command = [
            "qemu-system-x86_64", "-accel", "tcg,thread=single", "-M", "pc", "-cpu", self.cpu,
            "-smp", str(self.smp), "-m", f"{MEMORY}M", "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot",
            "-serial", f"file:{self._folder.name}/console",
            "-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile=",
            "-kernel", str(self._image.xen), "-append", xen_line,
            "-initrd", f"{self._image.kernel} {linux_line},{overlay}",
        ]  # fmt: skip
        errors = Path(self._folder.name) / "qemu-errors"
        with errors.open("wb") as stream:
            self._qemu = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )

    def _additions(self) -> bytes:
        archive = Cpio()
        archive.file("init", INIT.replace("@PYTHON@", self._image.python).encode(), 0o755)
        archive.file("agent.py", (HERE / "agent.py").read_bytes())
        archive.file("probe.py", (HERE / "probe.py").read_bytes())
        archive.tree("app", self._app)
        return archive.content()


def _forward(listener: socket.socket, port: int) -> None:
    """Every connection to the Unix socket becomes one to the port, until the listener is closed."""
    with contextlib.suppress(OSError):
        while True:
            near, _ = listener.accept()
            threading.Thread(target=_carry, args=(near, port), daemon=True).start()


def _carry(near: socket.socket, port: int) -> None:
    with contextlib.suppress(OSError), near, socket.create_connection(("127.0.0.1", port)) as far:
        back = threading.Thread(target=_copy, args=(far, near), daemon=True)
        back.start()
        _copy(near, far)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that are free now; held together so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in sockets]
    for server in sockets:
        server.close()
    return ports
