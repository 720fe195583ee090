"""watch: a live pool's changes by name, in a process of its own, until it is told to end."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests import ROOT
from tests.cli.test_cli import run
from tests.support.hosts import names
from tests.support.xapi_server import StandIn, certificate, http, serving
from tests.support.xapi_world import World
from xenops_cpu.features.featureset import Featureset

PASSWORD = 'p<w>&"d'
SECONDS = 20.0


class Watch:
    """A running command; `line` waits for the next line of its output or of its errors."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._readers: list[threading.Thread] = []
        self.out = self._lines(process.stdout)
        self.err = self._lines(process.stderr)

    def line(self) -> str:
        return self.out.get(timeout=SECONDS)

    def said(self, words: str) -> str:
        """The next line on standard error that has these words."""
        while words not in (line := self.err.get(timeout=SECONDS)):
            pass
        return line

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=SECONDS)

    def close(self) -> None:
        """Ended, and all that it wrote is read."""
        self.process.kill()
        for reader in self._readers:
            reader.join(SECONDS)
        self.process.communicate()

    def _lines(self, stream: IO[str] | None) -> queue.Queue[str]:
        assert stream is not None
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in stream:
                lines.put(line.rstrip("\n"))

        self._readers.append(threading.Thread(target=read, daemon=True))
        self._readers[-1].start()
        return lines


@contextmanager
def watching(
    xapi: StandIn, home: Path, *options: str, address: str = "", **environment: str
) -> Iterator[Watch]:
    """The command, once it watches."""
    command = [sys.executable, "-m", "xenops_cpu", "watch", address or xapi.url, *options]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={
            **os.environ,
            "HOME": str(home),
            "XDG_STATE_HOME": str(home),
            "XENOPS_CPU_PASSWORD": PASSWORD,
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    watch = Watch(process)
    try:
        watch.said("watching pool")
        yield watch
    finally:
        watch.close()


def take(world: World, words: str, upgrading: bool = False) -> None:
    """Features go from the first host, and from the pool with it."""
    for kind, reference in (("host", "OpaqueRef:h0"), ("pool", "OpaqueRef:p")):
        info = world.tables[kind][reference]["cpu_info"]
        less = Featureset.parse(info["features_hvm_host"]) - names(words)
        record = {"cpu_info": {**info, "features_hvm_host": str(less)}}
        if kind == "pool":
            flag = {"rolling_upgrade_in_progress": "true"} if upgrading else {}
            record["other_config"] = flag
        world.put(kind, reference, record)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_changes_are_told_by_name_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    """Host and pool as lines of text; then it logs out and ends with 0."""
    with serving() as xapi, watching(xapi, tmp_path) as watch:
        take(xapi.world, "AVX AVX2")
        lines = [watch.line(), watch.line()]
        assert lines[0].endswith(" host xs-00, HVM guests at boot: lost AVX AVX2")
        assert lines[1].endswith(" pool Zürich, HVM guests at boot: lost AVX AVX2")
        assert watch.end(number) == 0
        assert xapi.methods[-1] == "session.logout"
        assert xapi.world.sessions == {}


def test_the_certificate_is_shown_and_kept(tmp_path: Path) -> None:
    """At the first time; a changed one ends the next run with 3."""
    with serving() as xapi:
        port = xapi.port
        with watching(xapi, tmp_path) as watch:
            watch.end()
        kept = (tmp_path / "xenops-cpu" / "known_certificates").read_text()
        assert kept == f"127.0.0.1:{port} {certificate()[1]}\n"
    with serving(port=port, context=certificate(1)[0]) as xapi:
        done = run("watch", xapi.url, XDG_STATE_HOME=str(tmp_path), XENOPS_CPU_PASSWORD=PASSWORD)
    assert done.returncode == 3
    assert "THE CERTIFICATE HAS CHANGED" in done.stderr


def test_json_lines(tmp_path: Path) -> None:
    """One for each host, pool or VM; nothing else on standard output."""
    with serving() as xapi, watching(xapi, tmp_path, "--json") as watch:
        take(xapi.world, "AVX")
        host, pool = json.loads(watch.line()), json.loads(watch.line())
        flags = xapi.world.tables["VM"]["OpaqueRef:v1"]["last_boot_CPU_flags"]
        less = Featureset.parse(flags["features"]) - names("AVX")
        changed = {"last_boot_CPU_flags": {**flags, "features": str(less)}}
        xapi.world.put("VM", "OpaqueRef:v1", changed)
        vm = json.loads(watch.line())
    assert [document["object"] for document in (host, pool, vm)] == ["host", "pool", "VM"]
    assert host["name"] == "xs-00"
    assert host["rolling_upgrade"] is False
    assert (host["xen"], host["assumed"]) == ("4.17", "")
    (change,) = host["sets"]
    assert change["set"] == "features_hvm_host"
    assert change["lost"] == ["AVX"]
    assert change["gained"] == []
    assert Featureset.parse(change["old"]) - Featureset.parse(change["new"]) == names("AVX")
    assert vm["sets"][0]["title"] == "what it has had since its last start"


def test_assumed_names_are_said(tmp_path: Path) -> None:
    """Of a Xen that is not known here: on standard error, before the change."""
    with serving() as xapi:
        xapi.world.put("host", "OpaqueRef:h0", {"software_version": {"xen": "4.99.0"}})
        with watching(xapi, tmp_path) as watch:
            take(xapi.world, "AVX")
            assert "lost AVX" in watch.line()
            assert "host xs-00: Xen 4.99.0 is not known here" in watch.said("not known here")


def test_a_hook_gets_the_line_and_no_password(tmp_path: Path) -> None:
    """One that fails, or is not there, is told of and does not end the watch."""
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ncd {tmp_path}\ncat >>seen\nenv >>env\necho $1 >>seen\nexit 3\n")
    hook.chmod(0o755)
    with serving() as xapi, watching(xapi, tmp_path, "--hook", f"{hook} 'a word'") as watch:
        take(xapi.world, "AVX")
        assert watch.said("the hook").endswith("ended with 3")
        watch.said("the hook")
        hook.unlink()
        take(xapi.world, "AVX2")
        assert "cannot be run: No such file" in watch.said("the hook")
        assert watch.end() == 0
    lines = (tmp_path / "seen").read_text().splitlines()
    assert json.loads(lines[0])["object"] == "host"
    assert json.loads(lines[2])["object"] == "pool"
    assert lines[1] == lines[3] == "a word"
    assert PASSWORD not in (tmp_path / "env").read_text()


def operator(xapi: StandIn) -> tuple[str, dict[str, str]]:
    address = f"xapi://operator@{xapi.address}:{xapi.port}"
    return address, {"XENOPS_CPU_PASSWORD": xapi.world.passwords["operator"]}


def test_messages_are_raised_once(tmp_path: Path) -> None:
    """With names in the body; the same message as one that is in the pool is not raised again."""
    with serving() as xapi:
        address, secret = operator(xapi)
        before = xapi.world.tables["host"]["OpaqueRef:h0"]["cpu_info"]
        with watching(xapi, tmp_path, "--raise-messages", address=address, **secret) as watch:
            take(xapi.world, "AVX")
            assert ["lost AVX" in watch.line() for _ in range(2)] == [True, True]
            xapi.world.put("host", "OpaqueRef:h0", {"cpu_info": before})
            assert "gained AVX" in watch.line()
            take(xapi.world, "AVX")
            assert watch.said("HOST_CPU_FEATURES_DOWN for xs-00 is in the pool already")
        messages = list(xapi.world.tables["message"].values())
    assert [message["name"] for message in messages] == [
        "HOST_CPU_FEATURES_DOWN",
        "POOL_CPU_FEATURES_DOWN",
        "HOST_CPU_FEATURES_UP",
    ]
    assert messages[0]["body"].endswith("HVM guests at boot: AVX")


def test_no_messages_during_a_rolling_upgrade(tmp_path: Path) -> None:
    """The changes are told all the same, and when the upgrade begins and ends."""
    with serving() as xapi:
        address, secret = operator(xapi)
        xapi.world.put(
            "pool", "OpaqueRef:p", {"other_config": {"rolling_upgrade_in_progress": "true"}}
        )
        with watching(xapi, tmp_path, "--raise-messages", address=address, **secret) as watch:
            take(xapi.world, "AVX", upgrading=True)
            assert "lost AVX" in watch.line()
            xapi.world.put("pool", "OpaqueRef:p", {"other_config": {}})
            watch.said("rolling upgrade ended")
            assert watch.end() == 0
        assert xapi.world.tables["message"] == {}


def test_a_role_that_does_not_allow_messages(tmp_path: Path) -> None:
    """Told at the start, not at the first change."""
    with serving() as xapi:
        done = run(
            "watch",
            xapi.url,
            "--raise-messages",
            "--insecure",
            XENOPS_CPU_PASSWORD=PASSWORD,
            XDG_STATE_HOME=str(tmp_path),
        )
        assert xapi.methods[-1] == "session.logout"
    assert done.returncode == 1
    assert "the role pool-operator" in done.stderr


@pytest.mark.slow
def test_a_xapi_that_is_away_is_waited_for(tmp_path: Path) -> None:
    """It says so, and tells what has changed meanwhile."""
    with serving() as xapi, watching(xapi, tmp_path) as watch:
        xapi.odd["event.from"] = http(b"", "HTTP/1.1 503 Service Unavailable")
        xapi.world.put("host", "OpaqueRef:h0", {})
        said = watch.said("the next try is in 1 s")
        assert "HTTP 503" in said
        take(xapi.world, "AVX")
        del xapi.odd["event.from"]
        assert watch.line().endswith("host xs-00, HVM guests at boot: lost AVX")
        assert watch.end() == 0


def test_a_pipe_that_closes_ends_it(tmp_path: Path) -> None:
    """As with `| head -1`: logged out, no traceback."""
    with serving() as xapi:
        command = f"{sys.executable} -m xenops_cpu watch {xapi.url} --insecure | head -1"
        process = subprocess.Popen(
            ["sh", "-c", command],
            cwd=ROOT,
            env={**os.environ, "HOME": str(tmp_path), "XENOPS_CPU_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        watch = Watch(process)
        watch.said("watching pool")
        take(xapi.world, "AVX")
        assert "lost AVX" in watch.line()
        take(xapi.world, "AVX2")
        process.wait(timeout=SECONDS)
        watch.close()
        assert xapi.world.sessions == {}
        assert "Traceback" not in "".join(watch.err.queue)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["xs1"], 2, '"xs1" is no address of a xapi'),
        (["xapi://u:secret@xs1"], 2, "leave it out"),
        (["xapi://127.0.0.1:1"], 3, "no connection: Connection refused"),
        (["xapi://127.0.0.1:1", "--fingerprint", "AB"], 2, "no SHA-256 fingerprint"),
        (["xapi://127.0.0.1:1", "--hook", "'"], 2, "--hook ': No closing quotation"),
        (["xapi://127.0.0.1:1", "--hook", ""], 2, "there is no command in it"),
        (["xapi://127.0.0.1:1", "--timeout", "0"], 2, "invalid number of seconds value: '0'"),
        (["xapi://127.0.0.1:1", "--password-file", "/none"], 2, "/none: No such file"),
        (["/var/lib/xcp/xapi"], 3, "/var/lib/xcp/xapi: no connection: No such file"),
    ],
)
def test_mistakes(arguments: Sequence[str], code: int, words: str, tmp_path: Path) -> None:
    """Each in a sentence and with its exit code."""
    done = run("watch", *arguments, XENOPS_CPU_PASSWORD="x", HOME=str(tmp_path))
    assert done.returncode == code
    assert words in done.stderr
    assert "secret" not in done.stderr


def test_a_wrong_password(tmp_path: Path) -> None:
    """xapi's answer, exit code 1."""
    with serving() as xapi:
        done = run("watch", xapi.url, XENOPS_CPU_PASSWORD="no", XDG_STATE_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "the user or the password is wrong (user reader)" in done.stderr
