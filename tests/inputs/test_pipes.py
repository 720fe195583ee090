"""Input as it comes: standard input, pipes, hex in any form, JSON that is something else."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_cli import run
from tests.support.hosts import example
from tests.support.limits import reaches
from tests.support.reports import libxc_stream, report, tar
from tests.support.world import World, WorldHost, WorldVm
from xenops_cpu import inputs
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts import capture
from xenops_cpu.inputs import InputError, pipes, resolve
from xenops_cpu.limits import input_limits

WORDS = Featureset.parse("178bfbfd-f6f83203-2fd3fbff")


def piped(
    data: bytes, monkeypatch: pytest.MonkeyPatch, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """A command, in this process, whose standard input is a pipe."""
    reading, writing = os.pipe()

    def write() -> None:
        with os.fdopen(writing, "wb") as opened:
            opened.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    before = os.dup(0)
    os.dup2(reading, 0)
    os.close(reading)
    try:
        done = run(*arguments)
    finally:
        os.dup2(before, 0)
        os.close(before)
    writer.join()
    return done


FILES = {
    "capture": capture.dump(example()).encode(),
    "report": tar(report(), "w:bz2"),
    "plain tar": tar(report()),
    "image": libxc_stream(example("epyc-xen-4.20").policies["hvm_default"]),
    "hex": b"178bfbfd-f6f83203-2fd3fbff\n",
}


@pytest.mark.parametrize("kind", FILES)
def test_everything_that_is_a_file_comes_through_a_pipe(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever has to be looked at twice: its beginning tells what it is."""
    done = piped(FILES[kind], monkeypatch, "read", "-", "--json")
    assert done.returncode == 0, done.stderr
    (document,) = json.loads(done.stdout)
    assert document["hosts"] or document["vms"] or document["featureset"]


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_hosts_and_vms_of_one_pipe(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is asked for its hosts, and for its VMs."""
    world = World(
        [WorldHost("h", {"features_hvm": "1-1-1-1-1"}, uuid="u")],
        [WorldVm("v", {"vendor": "GenuineIntel", "features": "3-1-1-1-1"},
                 fields={"domain_type": "hvm"})],
    )  # fmt: skip
    done = piped(world.database().encode(), monkeypatch, "check", "v", name)
    assert done.returncode == 12, done.stderr
    assert "v on h: would go only by force" in done.stdout
    one = piped(world.database().encode(), monkeypatch, "check", f"{name}#v", f"{name}#h", "--json")
    assert one.returncode == 12, one.stderr


def test_a_file_as_standard_input(tmp_path: Path) -> None:
    """`< FILE` is read as it is."""
    path = tmp_path / "host.json"
    path.write_bytes(FILES["capture"])
    with path.open("rb") as opened:
        done = subprocess.run(
            [sys.executable, "-m", "xenops_cpu", "level", "/dev/stdin", "--type", "pv"],
            stdin=opened, capture_output=True, cwd=ROOT, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_named_pipe(tmp_path: Path) -> None:
    """As a shell's <(…) is one; read once, asked as often as one likes."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(FILES["capture"],))
    writer.start()
    first = inputs.read(path)
    writer.join()
    assert first.host == example()
    assert inputs.read(path).host == example()


def test_nothing_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty pipe is told of in a sentence."""
    done = piped(b"", monkeypatch, "read", "-")
    assert done.returncode == 3
    assert "standard input: there is nothing in it" in done.stderr


@reaches("pipe_bytes")
def test_a_pipe_without_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is more than the limit is refused, and the limit is named."""
    monkeypatch.setattr(input_limits, "PIPE_BYTES", 65_000)
    monkeypatch.setattr(pipes, "_CHUNK", 1 << 16)
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        # The reader ends at its limit, perhaps before all is written.
        with contextlib.suppress(BrokenPipeError), path.open("wb") as opened:
            opened.write(bytes(70_000))

    writer = threading.Thread(target=write)
    writer.start()
    with pytest.raises(InputError, match="more than 65,000 bytes"):
        inputs.read(path)
    writer.join()


@pytest.mark.parametrize(
    "text",
    [
        "178bfbfd f6f83203 2fd3fbff",
        "178bfbfd, f6f83203, 2fd3fbff",
        "0x178bfbfd,0xf6f83203,0x2fd3fbff,",
        "178BFBFD;F6F83203;2FD3FBFF",
        " 178bfbfd:f6f83203 : 2fd3fbff ",
        "hex:178bfbfd f6f83203 2fd3fbff",
    ],
)
def test_hex_as_people_list_it(text: str, tmp_path: Path) -> None:
    """Typed, or in a file: blanks and commas join words as dashes and colons do."""
    assert resolve(text).featureset == WORDS
    path = tmp_path / "words.txt"
    path.write_text(text.removeprefix("hex:"))
    assert inputs.read(path).featureset == WORDS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("178bfbfd f6f8320g 2fd3fbff", 'featureset word 1: "f6f8320g" is not 1 to 8 hex digits'),
        ("178bfbfd, f6f83203, zz", 'featureset word 2: "zz" is not 1 to 8 hex digits'),
        (
            "178bfb f6f832",
            "8 hex digits a word: if it is one, say hex:178bfb-f6f832",
        ),
    ],
)
def test_hex_that_is_none_is_refused_by_name(text: str, words: str) -> None:
    """The word that is none is named, or how to say what is meant."""
    done = run("decode", text)
    assert done.returncode in (2, 3)
    assert words in done.stderr


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "b": {}}', "JSON with the members a, b: no capture, for it has no"),
        ("[1, 2, 3]", "a JSON list of 3: no capture"),
        ("{}", "JSON with the members (none): no capture"),
        ('{"format": "other", "version": 1}', "JSON with the members format, version: no capture"),
        ('{"a": 1,\n "b": }', "begins as JSON does, and is none: Expecting value: line 2 column 7"),
        ('{"format": "xenops_cpu host"}', "capture version None is not known here"),
        ('{"leaves": 1}', "line 1"),
    ],
)
def test_json_that_is_something_else(tmp_path: Path, text: str, words: str) -> None:
    """It is told what it is, and what it is not for want of what."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError) as error:
        inputs.read(path)
    assert words in str(error.value)


def test_names_with_a_number_sign(tmp_path: Path) -> None:
    """FILE#NAME is split where a file is, so that names and files may have one."""
    host = WorldHost("h", {"features_hvm": "3-1-1-1-1"})
    vm = WorldVm("web #1", {"vendor": "GenuineIntel", "features": "1-1-1-1-1"},
                 fields={"domain_type": "hvm"})  # fmt: skip
    path = tmp_path / "pool #7.xml"
    path.write_text(World([host], [vm]).database())
    assert run("check", f"{path}#web #1", f"{path}#h").returncode == 0
    missing = run("check", f"{path}#web #2", str(path))
    assert 'there is no "web #2" in the file; there are h, web #1' in missing.stderr
    host_, vm_ = f"{path}#h", f"{path}#web #1"
    for command in (
        *(("level", host_), ("read", host_), ("diff", host_, host_), ("emit", "xapi", host_)),
        *(("explain", "SSE", "on", host_), ("decode", host_), ("split", host_)),
        ("audit", host_, "--vm", vm_),
    ):
        done = run(*command)
        assert done.returncode in (0, 1), (command, done.stderr)
