"""Log lines to syslog and to the journal, over real datagram sockets."""

import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from xenops_cpu import log
from xenops_cpu.log import targets

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
service = logging.getLogger("xenops_cpu.service.service")
http = logging.getLogger("xenops_cpu.transports.unix_http")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The log of other tests is theirs again."""
    root = logging.getLogger("xenops_cpu")
    handlers, level, propagate = root.handlers, root.level, root.propagate
    yield
    for handler in root.handlers:
        if handler not in handlers:
            handler.close()
    root.handlers, root.propagate = handlers, propagate
    root.setLevel(level)
    log.task.set("")


class Reader:
    """What listens where lines go."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(str(path))
        self.sock.settimeout(5)

    def line(self) -> str:
        text = self.sock.recv(1 << 16).decode()
        assert text.endswith("\n")  # what the journal needs, and syslog takes
        return text.removesuffix("\n")

    def close(self) -> None:
        self.sock.close()
        self._path.unlink()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setattr(targets, "SYSLOG", str(tmp_path / "log"))
    monkeypatch.setattr(targets, "JOURNAL", str(tmp_path / "log"))
    made = Reader(tmp_path / "log")
    yield made
    made.sock.close()


@pytest.mark.parametrize(
    ("target", "level", "priority"),
    [
        ("syslog:daemon", logging.INFO, 30),
        ("syslog", logging.ERROR, 27),
        ("syslog:local5", logging.WARNING, 172),
        ("syslog:user", logging.DEBUG, 15),
    ],
)
def test_syslog(reader: Reader, target: str, level: int, priority: int) -> None:
    """Priority, identifier and process in front, then the line of xapi's daemons without a time."""
    targets.to_target(target, "debug")
    log.task.set(f"VM.start R:1\n{TRACE}")
    service.log(level, "max − default: %s", "HLE RTM")
    name = logging.getLevelName(level).lower()
    assert re.fullmatch(
        rf"<{priority}>xenops-cpu\[{os.getpid()}\]: "
        rf"\[ {name}\|{TRACE}\|\d+\|VM\.start R:1\|service\] max − default: HLE RTM",
        reader.line(),
    )


def test_the_journal(reader: Reader) -> None:
    """Fields by name, the caller's among them; the message is the whole line."""
    targets.to_target("journal")
    log.task.set(f'VM.start R:1\n{{"traceparent": "{TRACE}"}}')
    service.warning("lost AVX2")
    fields = dict(line.split("=", 1) for line in reader.line().split("\n"))
    message = fields.pop("MESSAGE")
    assert re.fullmatch(rf"\[ warning\|{TRACE}\|\d+\|VM\.start R:1\|service\] lost AVX2", message)
    assert fields == {
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "xenops-cpu",
        "SYSLOG_PID": str(os.getpid()),
        "XENOPS_CPU_MODULE": "service",
        "XAPI_TASK": "VM.start R:1",
        "TRACEPARENT": TRACE,
    }


@pytest.mark.parametrize("target", ["syslog:daemon", "journal"])
def test_callers_add_no_fields_and_no_lines(reader: Reader, target: str) -> None:
    """Line breaks in a task or a message stay within the message."""
    targets.to_target(target)
    log.task.set("a\x85PRIORITY=0\rb\n")
    service.info("c\nMESSAGE=d")
    text = reader.line()
    assert "c\\nMESSAGE=d" in text
    assert text.count("\n") == (0 if target != "journal" else 5)
    assert not re.search(r"^PRIORITY=0", text, re.MULTILINE)


@pytest.mark.parametrize("target", ["syslog:daemon", "journal"])
def test_a_long_line_is_shortened(reader: Reader, target: str) -> None:
    """As on standard error, and it says so."""
    targets.to_target(target)
    service.info("x" * 100_000)
    line = reader.line()
    assert len(line.encode()) < 4096
    assert re.search(r" … \(100,\d+ bytes\)$", line)


def test_nobody_reads(reader: Reader) -> None:
    """Lines beyond what the socket holds are dropped without waiting, and counted afterwards."""
    targets.to_target("syslog:daemon")
    for number in range(2000):
        service.info("line %d of many", number)
    seen = 0
    reader.sock.setblocking(False)
    try:
        while True:
            reader.sock.recv(1 << 16)
            seen += 1
    except BlockingIOError:
        pass
    assert 0 < seen < 2000
    service.info("and one more")
    reader.sock.settimeout(5)
    assert f"lost {2000 - seen} lines: nobody read them" in reader.line()
    assert "and one more" in reader.line()


def test_the_reader_is_started_again(tmp_path: Path, reader: Reader) -> None:
    """The next line goes to the new one; without any, lines are counted."""
    targets.to_target("syslog:daemon")
    service.info("first")
    assert "first" in reader.line()
    reader.close()
    service.info("to nobody")
    second = Reader(tmp_path / "log")
    service.info("second")
    assert "lost 1 lines" in second.line()
    assert "second" in second.line()
    second.close()


def test_no_syslog_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without one is no reason to fail."""
    monkeypatch.setattr(targets, "SYSLOG", str(tmp_path / "none"))
    targets.to_target("syslog:daemon")
    service.error("unheard")


def test_modules_that_are_silent(reader: Reader) -> None:
    """Nothing of them is logged, whatever its level; settings() changes that."""
    targets.to_target("syslog:daemon", "info", ["unix_http"])
    http.error("not this")
    service.info("this")
    assert "this" in reader.line()
    targets.settings("warning")
    service.info("nor this")
    http.warning("but this")
    assert "but this" in reader.line()
    reader.sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        reader.line()


def test_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """The plain target has the time in front."""
    targets.to_target("stderr", "info", ["unix_http"])
    http.error("not this")
    service.info("this")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT.* \[ info\|\|\d+\|\|service\] this\n", capsys.readouterr().err
    )
