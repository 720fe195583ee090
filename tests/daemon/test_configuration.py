"""Configuration of the daemon: files, options, signals."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT
from tests.daemon.support import EXAMPLE, Start
from tests.daemon.test_daemon import COMMAND
from tests.support.waiting import eventually
from xenops_cpu.transports.client import connect


def serve(*options: str) -> subprocess.CompletedProcess[str]:
    """The command where it ends by itself."""
    return subprocess.run([*COMMAND, "serve", *options], capture_output=True, text=True, timeout=60)


def test_where_each_value_is_from(tmp_path: Path) -> None:
    """--dump-config says it, and what it prints is a configuration."""
    conf = tmp_path / "conf"
    conf.write_text("use-switch = true\nloglevel = warning\n")
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "10").write_text("loglevel = error\n")
    places = ("--config", str(conf), "--config-dir", str(tmp_path / "d"))
    done = serve(*places, "--socket", "/x/y", "--loglevel", "debug", "--dump-config")
    assert done.returncode == 0, done.stderr
    rows = {line.partition(" ")[0]: line for line in done.stdout.splitlines()}
    assert rows["use-switch"].endswith(f"# {conf}:1")
    assert rows["socket"] == f"socket = /x/y{rows['socket'][13:].partition('#')[0]}# --socket"
    assert f"# {tmp_path}/d/10:1 (not --loglevel debug, {conf}:2)" in rows["loglevel"]
    conf.write_text(done.stdout)
    again = serve("--config", str(conf), "--config-dir", "", "--dump-config")
    values = [line.partition("#")[0].strip() for line in done.stdout.splitlines()]
    assert [line.partition("#")[0].strip() for line in again.stdout.splitlines()] == values


def test_a_configuration_that_cannot_be_taken(tmp_path: Path) -> None:
    """File, line and what would be right; exit code 2."""
    conf = tmp_path / "conf"
    conf.write_text("\nlog-level = debug\n")
    done = serve("--config", str(conf), "--config-dir", "")
    assert done.returncode == 2
    assert done.stderr == (
        f"xenops-cpu serve: {conf}:2: there is no key 'log-level'; did you mean loglevel?\n"
    )


def test_lenient_and_overridden(start: Start) -> None:
    """What is passed over and which option a file has beaten are in the log."""
    daemon = start("--lenient-config", *EXAMPLE, "--loglevel", "error",
                   config="nonsense = 1\nloglevel = info\n")  # fmt: skip
    log = daemon.log.read_text()
    assert "there is no key 'nonsense'" in log
    assert "--loglevel error does not count: " in log
    assert "says loglevel = info" in log


def test_the_configuration_is_read_again(start: Start, tmp_path: Path) -> None:
    """SIGHUP applies what can be applied, names what waits, and keeps all after a mistake."""
    daemon = start(*EXAMPLE)
    conf = tmp_path / "conf"
    prom = tmp_path / "x.prom"
    conf.write_text(f"loglevel = debug\nsocket-mode = 666\nmetrics-file = {prom}\n")
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "configuration read again: loglevel" in daemon.log.read_text(), "reading")
    assert "at the next start: socket-mode" in daemon.log.read_text()
    eventually(prom.exists, "the metrics")
    conf.write_text("loglevel = loud\n")
    daemon.process.send_signal(signal.SIGHUP)
    eventually(lambda: "stays as it was" in daemon.log.read_text(), "the mistake")
    assert f"{conf}:1: loglevel: expected debug" in daemon.log.read_text()
    assert connect(daemon.socket).query("x").name == "xenops_cpu"


def test_the_pidfile(start: Start, tmp_path: Path) -> None:
    """It has the process's number while the service runs."""
    pidfile = tmp_path / "pid"
    daemon = start("--pidfile", str(pidfile), *EXAMPLE)
    assert pidfile.read_text() == f"{daemon.process.pid}\n"
    assert daemon.stop() == 0
    assert not pidfile.exists()


def test_what_is_not_configured_is_not_there(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is only called has one thread, and none of the parts is in its memory."""
    # Under coverage this one is not counted: what counts keeps its figures in SQLite.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    daemon = start(*EXAMPLE)
    connect(daemon.socket).host_get_cpu_info("x")
    pid = daemon.process.pid
    assert len(list(Path(f"/proc/{pid}/task").iterdir())) == 1
    maps = Path(f"/proc/{pid}/maps").read_text()
    for part in ("_sqlite3", "_ssl"):
        assert part not in maps, part
    code = (
        "import sys, runpy\nfrom xenops_cpu.daemon import serve\n"
        "from xenops_cpu.cli.commands import serve\nserve.parser()\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    for module in (
        "sqlite3", "opentelemetry", "requests", "http.client", "subprocess", "difflib",
        "xenops_cpu.history.recorder", "xenops_cpu.daemon.metrics.exposition",
        "xenops_cpu.daemon.tracing", "xenops_cpu.transports.message_switch",
        "xenops_cpu.log.targets",
    ):  # fmt: skip
        assert module not in loaded, module
