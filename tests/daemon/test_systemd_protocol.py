"""What is said to systemd, over real sockets and descriptors, and the units that it is given."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import ROOT
from xenops_cpu.daemon import systemd
from xenops_cpu.daemon.systemd import SystemdError

UNITS = ROOT / "packaging" / "systemd"


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """What systemd listens with."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(5)
    sock.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return sock


def test_what_is_told(listener: socket.socket) -> None:
    """Ready with a status, reloading with the clock, alive, stopping: a datagram each."""
    with listener:
        systemd.ready("serving")
        assert listener.recv(100) == b"READY=1\nSTATUS=serving"
        before = time.monotonic_ns() // 1000
        systemd.reloading()
        name, moment = listener.recv(100).split(b"\nMONOTONIC_USEC=")
        assert name == b"RELOADING=1"
        assert before <= int(moment) <= time.monotonic_ns() // 1000
        systemd.alive()
        assert listener.recv(100) == b"WATCHDOG=1"
        systemd.stopping()
        assert listener.recv(100) == b"STOPPING=1"


def test_an_abstract_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that begins with "@" is one without a file."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.bind(f"\0xenops-cpu-test-{os.getpid()}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@xenops-cpu-test-{os.getpid()}")
        assert systemd.notify("A=1", "B=2")
        assert sock.recv(100) == b"A=1\nB=2"


@pytest.mark.parametrize("address", ["", "relative", "/nowhere/notify", "vsock:2:1"])
def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Then nothing is told, and nothing fails."""
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not systemd.notify("READY=1")
    monkeypatch.delenv("NOTIFY_SOCKET")
    assert not systemd.notify("READY=1")


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("60000000", None, 60.0),
        ("60000000", "own", 60.0),
        ("60000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog(
    monkeypatch: pytest.MonkeyPatch, usec: str | None, pid: str | None, expected: float | None
) -> None:
    """Its time in seconds, if it is for this process."""
    pid = str(os.getpid()) if pid == "own" else pid
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert systemd.watchdog_seconds() == expected


_TAKES_SOCKETS = """
import os, sys
from xenops_cpu.daemon import systemd
try:
    taken = systemd.sockets()
except systemd.SystemdError as error:
    sys.exit(f"refused: {error}")
again = systemd.sockets()
print([sock.getsockname() for sock in taken], again, sorted(k for k in os.environ if "LISTEN" in k))
print([os.get_inheritable(sock.fileno()) for sock in taken])
"""


def taken_by_a_process(*sockets: socket.socket | int, pid: str = "self") -> str:
    """What a process says that gets these as file descriptors 3, 4, ... and LISTEN_FDS."""
    places = {3 + place: number for place, number in enumerate(map(_fd, sockets))}
    code = (
        "import os, sys\n"
        f"for place, fd in { ({p: 100 + p for p in places})!r}.items(): os.dup2(fd, place)\n"
        f"os.environ['LISTEN_PID'] = str(os.getpid()) if {pid!r} == 'self' else {pid!r}\n"
        f"os.environ['LISTEN_FDS'] = '{len(places)}'\n"
        "os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])\n"
    )
    for place, number in places.items():
        os.dup2(number, 100 + place, inheritable=True)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, _TAKES_SOCKETS],
            capture_output=True,
            text=True,
            pass_fds=[100 + place for place in places],
            cwd=ROOT,
        )
    finally:
        for place in places:
            os.close(100 + place)
    return done.stdout + done.stderr


def _fd(sock: socket.socket | int) -> int:
    return sock if isinstance(sock, int) else sock.fileno()


def test_sockets_that_are_open_already(tmp_path: Path) -> None:
    """They are taken once, not handed on, and the environment forgets them."""
    with socket.socket(socket.AF_UNIX) as first, socket.socket(socket.AF_UNIX) as second:
        for sock, name in ((first, "a"), (second, "b")):
            sock.bind(str(tmp_path / name))
            sock.listen()
        said = taken_by_a_process(first, second)
    assert said == f"['{tmp_path}/a', '{tmp_path}/b'] [] []\n[False, False]\n"


def test_sockets_of_another_process(tmp_path: Path) -> None:
    """LISTEN_PID of somebody else: nothing is taken."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "a"))
        sock.listen()
        assert taken_by_a_process(sock, pid="1").startswith("[] [] []")


@pytest.mark.slow
def test_what_is_no_socket_to_serve(tmp_path: Path) -> None:
    """A file, a TCP socket, a socket that does not listen: a sentence with the setting to use."""
    with (tmp_path / "file").open("w") as file:
        assert "is no socket: use ListenStream=" in taken_by_a_process(file.fileno())
    with socket.socket() as tcp:
        tcp.listen()
        assert "is no listening Unix stream socket" in taken_by_a_process(tcp)
    with socket.socket(socket.AF_UNIX) as idle:
        assert "Accept=no" in taken_by_a_process(idle)
    assert issubclass(SystemdError, ValueError)


@pytest.mark.skipif(not shutil.which("systemd-socket-activate"), reason="systemd is not installed")
def test_systemd_itself_hands_over_a_socket(tmp_path: Path) -> None:
    """The tool that systemd has for it starts the process at the first connection."""
    path = tmp_path / "sock"
    process = subprocess.Popen(
        ["systemd-socket-activate", f"--listen={path}", sys.executable, "-c", _TAKES_SOCKETS],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )
    with socket.socket(socket.AF_UNIX) as client:
        for _ in range(500):
            try:
                client.connect(str(path))
                break
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        said, _ = process.communicate(timeout=30)
    assert said.splitlines()[0] == f"['{path}'] [] []"


needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd is not installed"
)


@needs_analyze
@pytest.mark.parametrize(
    ("unit", "most"), [("xenops-cpu.service", 1.5), ("xenops-cpu-simulated.service", 0.5)]
)
def test_how_much_a_unit_may(unit: str, most: float) -> None:
    """systemd's own score of what a service could do that was taken over (0 nothing, 10 all)."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / unit)],
        capture_output=True,
        text=True,
    )
    score = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert score is not None, done.stdout + done.stderr
    assert float(score[1]) <= most, done.stdout


@needs_analyze
def test_units_are_well_formed(tmp_path: Path) -> None:
    """systemd reads every line of them; only that the program is not in /usr/bin here is said."""
    for unit in UNITS.iterdir():
        text = unit.read_text().replace("/usr/bin/xenops-cpu", "/bin/true")
        (tmp_path / unit.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(map(str, tmp_path.iterdir()))],
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_what_the_units_keep_to() -> None:
    """xapi's target restarts the service; limits and the device are as the service needs them."""
    unit = (UNITS / "xenops-cpu.service").read_text()
    for line in (
        "PartOf=toolstack.target",
        "EnvironmentFile=-/etc/sysconfig/xenops-cpu",
        "Restart=on-failure",
        "Type=notify",
        "DeviceAllow=/dev/xen/privcmd rw",
        "LimitCORE=0",
    ):
        assert line in unit.splitlines(), line
    for limit in ("MemoryMax=", "TasksMax=", "LimitNOFILE=", "WatchdogSec="):
        assert limit in unit
    assert "ListenStream=/var/lib/xcp/xenops-cpu\n" in (UNITS / "xenops-cpu.socket").read_text()
