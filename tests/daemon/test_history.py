"""The history that the daemon keeps, through changes and kills."""

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.support import EXAMPLE, Changing, Start, call
from tests.daemon.test_daemon import COMMAND
from tests.support.limits import reaches
from tests.support.waiting import eventually
from xenops_cpu.transports.client import connect


@pytest.mark.slow
@reaches("waiting_calls", "caller_waits")
def test_a_change_is_kept_told_and_waited_for(start: Start, tmp_path: Path) -> None:
    """The waiting call is answered, the hook runs, the file has it; others are served meanwhile."""
    host = Changing(tmp_path)
    hook = tmp_path / "hook"
    hook.write_text(
        f"#!/bin/sh\ncat > {tmp_path}/told.new; mv {tmp_path}/told.new {tmp_path}/told\n"
    )
    hook.chmod(0o755)
    daemon = start(
        *host.option,
        config=f"history = {tmp_path}/history.sqlite\nchange-hook = {hook}\nwatch-seconds = 1\n",
    )
    answers: list[Any] = []
    refusals: list[str] = []

    def wait() -> None:
        try:
            answers.append(call(daemon.socket, "HOST.get_cpu_info_history", last=1, timeout=30))
        except AssertionError as error:
            refusals.append(str(error))

    threads = [threading.Thread(target=wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    eventually(lambda: refusals, "the fifth call of one process that waits is refused")
    assert "too many long calls of one process" in refusals[0]
    begun = time.monotonic()
    for _ in range(50):
        assert connect(daemon.socket).query("x").name == "xenops_cpu"
    assert time.monotonic() - begun < 25
    host.lose("AVX2")
    for thread in threads:
        thread.join(30)
    assert [[entry["id"] for entry in answer["entries"]] for answer in answers] == [[2]] * 4
    assert answers[0]["entries"][0]["changes"] == ["featureset hvm_default has changed: lost AVX2"]
    eventually((tmp_path / "told").exists, "the hook")
    assert json.loads((tmp_path / "told").read_text())["id"] == 2
    done = subprocess.run(
        [*COMMAND, "history", "--socket", str(daemon.socket)], capture_output=True, text=True
    )
    assert "featureset hvm_default has changed: lost AVX2" in done.stdout
    assert daemon.stop() == 0
    done = subprocess.run(
        [*COMMAND, "history", "--store", f"{tmp_path}/history.sqlite", "--json"],
        capture_output=True,
        text=True,
    )
    assert [entry["id"] for entry in json.loads(done.stdout)] == [1, 2]


@pytest.mark.slow
def test_a_history_without_a_file(start: Start, tmp_path: Path) -> None:
    """What was noticed since the start is known, and a caller who waits sees the next change."""
    host = Changing(tmp_path)
    daemon = start(*host.option)
    assert call(daemon.socket, "HOST.get_cpu_info_history")["last"] == 1
    threading.Timer(0.2, host.lose, ["AVX2"]).start()
    answer = call(daemon.socket, "HOST.get_cpu_info_history", last=1, timeout=20)
    assert [entry["id"] for entry in answer["entries"]] == [2]


def test_stopping_answers_who_waits(start: Start) -> None:
    """A call that waits for a change is answered when the service goes, not cut off."""
    daemon = start(*EXAMPLE)
    answers: list[Any] = []
    thread = threading.Thread(
        target=lambda: answers.append(
            call(daemon.socket, "HOST.get_cpu_info_history", last=1, timeout=30)
        )
    )
    thread.start()
    time.sleep(0.3)
    daemon.process.terminate()
    thread.join(20)
    assert answers == [{"entries": [], "last": 1}]
    assert daemon.process.wait(10) == 0


def _served_after_kill(start: Start, tmp_path: Path, rounds: int) -> None:
    host = Changing(tmp_path)
    store = tmp_path / "history.sqlite"
    features = ["AVX2", "BMI1", "BMI2", "ADX", "FMA", "MOVBE", "POPCNT", "ABM"]
    seen: list[list[str]] = []
    for number in range(rounds):
        daemon = start(*host.option, "--history", str(store))
        client = connect(daemon.socket)
        client.host_get_cpu_info("x")
        host.lose(features[number % len(features)])
        time.sleep(2.0 + (number % 20) / 100)  # the change is noticed about now
        before = client.host_get_cpu_info("x").features_hvm_host
        seen.append([before])
        daemon.process.kill()
        daemon.process.wait()
    daemon = start(*host.option, "--history", str(store))
    history = call(daemon.socket, "HOST.get_cpu_info_history")
    assert history["last"] >= rounds
    assert not list(tmp_path.glob("*.damaged-*"))
    lost = [change for entry in history["entries"] for change in entry["changes"]]
    assert len(lost) >= rounds - 1, history


@pytest.mark.slow
def test_kill_at_any_moment(start: Start, tmp_path: Path) -> None:
    """After kill -9 the next start serves, and what was answered is in the history."""
    _served_after_kill(start, tmp_path, 2)


@pytest.mark.slow
def test_kill_many_times(start: Start, tmp_path: Path) -> None:
    """The same, many times."""
    _served_after_kill(start, tmp_path, 60)


def test_a_damaged_history(start: Start, tmp_path: Path) -> None:
    """It is moved aside, said aloud, and the service serves."""
    store = tmp_path / "history.sqlite"
    store.write_bytes(b"not a database" * 1000)
    daemon = start(*EXAMPLE, "--history", str(store))
    assert connect(daemon.socket).query("x").name == "xenops_cpu"
    assert "is damaged" in daemon.log.read_text()
    assert len(list(tmp_path.glob("history.sqlite.damaged-*"))) == 1
    assert call(daemon.socket, "HOST.get_cpu_info_history")["last"] == 1
