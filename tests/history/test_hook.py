"""The command that is told of changes."""

import json
import logging
import time
from pathlib import Path

import pytest

from tests.history.test_store import HOST, without
from xenops_cpu.history import hook, store
from xenops_cpu.history.entry import Entry
from xenops_cpu.history.fingerprint import Fingerprint


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    path = tmp_path / "history.sqlite"
    store.record(path, Fingerprint(HOST), "xen", 0.0)
    return store.record(path, Fingerprint(without("AVX2")), "xen", 86400.0)


def script(folder: Path, text: str) -> str:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_it_is_told(tmp_path: Path, entry: Entry, caplog: pytest.LogCaptureFixture) -> None:
    """The entry comes as one line of JSON on standard input, with a bare environment."""
    command = script(tmp_path, f"cat > {tmp_path}/told; env > {tmp_path}/env; echo heard >&2")
    with caplog.at_level(logging.INFO):
        hook.run(command, entry)
    document = json.loads((tmp_path / "told").read_text())
    assert document["id"] == 2
    assert document["first_seen"] == "1970-01-02T00:00:00Z"
    assert document["changes"] == ["featureset host has changed: lost AVX2"]
    assert document["microcode"] == ""
    assert "was told: heard" in caplog.text
    assert "PYTEST" not in (tmp_path / "env").read_text()


def test_it_fails(tmp_path: Path, entry: Entry, caplog: pytest.LogCaptureFixture) -> None:
    """Its exit code and its words are in the log; nothing is raised."""
    hook.run(script(tmp_path, "echo 'no mail server' >&2; exit 7"), entry)
    assert "ended with 7: no mail server" in caplog.text
    hook.run(str(tmp_path / "nothing"), entry)
    assert "cannot be started: No such file" in caplog.text


def test_it_does_not_end(
    tmp_path: Path, entry: Entry, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed with what it has started."""
    monkeypatch.setattr(hook, "SECONDS", 0.3)
    pid = tmp_path / "pid"
    hook.run(script(tmp_path, f"sleep 100 & echo $! > {pid}; wait"), entry)
    assert "was killed after 0.3 s" in caplog.text
    status = Path(f"/proc/{pid.read_text().strip()}/stat")
    for _ in range(200):  # whoever takes over its children may take a moment
        if not status.exists() or " Z " in status.read_text():
            return
        time.sleep(0.01)
    pytest.fail(f"what it started still runs: {status.read_text()}")


def test_it_does_not_read(tmp_path: Path, entry: Entry, caplog: pytest.LogCaptureFixture) -> None:
    """A command that ends without reading what it is told is not a fault of ours."""
    with caplog.at_level(logging.INFO):
        hook.run(script(tmp_path, "exec 0<&-; exit 0"), entry)
    assert "was told" in caplog.text
