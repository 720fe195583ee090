"""What a person names as a file and what stands there: FIFOs, devices, pipes, standard input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import run
from tests.support.hosts import example
from tests.support.reports import golden, report, tar
from xenops_cpu.files import reading
from xenops_cpu.hosts import capture
from xenops_cpu.limits import input_limits

EPYC = "example:epyc-xen-4.17"
WORDS = "1fc9cbf5-f6f83203"

# Each command that reads a file, with FILE in its place; the first are sources.
SOURCES = (
    ("vm", "recorded:FILE"),
    ("info", "--source", "recorded:FILE"),
    ("serve", "--source", "recorded:FILE", "--socket", "/no/folder"),
    ("capture", "-", "--source", "recorded:FILE"),
    ("read", "recorded:FILE"),
    ("decode", "recorded:FILE"),
    ("info", "--source", "simulated", "--boot-cpuinfo", "FILE"),
)
INPUTS = (
    ("simulate", "--dump", "FILE"),
    ("info", "--dump", "FILE"),
    ("simulate", "--corpus", "FILE"),
    ("read", "FILE"),
    ("decode", "FILE"),
    ("level", "FILE"),
    ("level", "@FILE"),
    ("fleet", "export", "@FILE"),
    ("fleet", "settle", "FILE"),
    ("level", "NAME=FILE"),
    ("check", "FILE", EPYC),
    ("check", "FILE#name", EPYC),
    ("diff", "FILE", EPYC),
    ("policy", "show", "FILE"),
    ("vm", "FILE"),
    ("vm", EPYC, "--xl", "FILE"),
    ("vm", EPYC, "--stream", "FILE"),
    ("audit", "FILE"),
    ("watch", "xapi://root@localhost", "--password-file", "FILE"),
    ("watch", "xapi://root@localhost", "--netrc", "FILE"),
)


def of(arguments: tuple[str, ...], file: object) -> list[str]:
    return [argument.replace("FILE", str(file)) for argument in arguments]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PIPE_SECONDS", 0.05)
    monkeypatch.delenv("XENOPS_CPU_PASSWORD", raising=False)


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize("arguments", SOURCES, ids=" ".join)
def test_a_source_is_no_fifo(fifo: Path, arguments: tuple[str, ...]) -> None:
    """A source is read again and again: a pipe is none, and nobody waits for it."""
    done = run(*of(arguments, fifo))
    assert done.returncode == 3
    assert "it is a FIFO" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", INPUTS, ids=" ".join)
def test_a_fifo_that_nobody_writes(fifo: Path, arguments: tuple[str, ...]) -> None:
    """A person may name a pipe; where nothing comes, that is said."""
    done = run(*of(arguments, fifo))
    assert done.returncode == (
        2 if arguments[:2] == ("level", "@FILE") or "watch" in arguments else 3
    )
    assert "nothing came for 0.05 s" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [*SOURCES, *INPUTS], ids=" ".join)
def test_a_device(arguments: tuple[str, ...]) -> None:
    """/dev/zero would give bytes for ever: it is named as what it is."""
    done = run(*of(arguments, "/dev/zero"))
    assert done.returncode in (2, 3)
    assert "it is a device" in done.stderr or arguments[1] == "recorded:FILE"
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (("decode", "-"), WORDS, "FPU"),
        (("decode", "/dev/stdin"), WORDS, "FPU"),
        (("read", "-"), golden("epyc-xen-4.17.xen-cpuid-p.txt"), "standard input: AMD EPYC"),
        (("level", "-", EPYC), capture.dump(example("epyc-xen-4.20")), "HVM"),
        (("level", "@-"), f"# hosts\n{EPYC}\n\n{EPYC}\n", "HVM"),
        (("check", "new", "-"), capture.dump(example("epyc-xen-4.20")), ": "),
        (("simulate", "--dump", "-"), capture.dump(example()), "simulated"),
        (("simulate", "--corpus", "-"), '{"leaves": []}\n', ""),
    ],
)
def test_standard_input(arguments: tuple[str, ...], text: str, words: str) -> None:
    """`-` and its other names stand for what is piped in."""
    done = subprocess.run(
        [sys.executable, "-m", "xenops_cpu", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert words in done.stdout, done.stderr
    assert done.returncode == (1 if "--corpus" in arguments else 0)


def test_an_archive_through_a_pipe() -> None:
    """It is kept to be sought in, up to a own limit (test_pipes); a text to that of texts."""
    data = tar(report(), "w:bz2")
    command = [sys.executable, "-m", "xenops_cpu", "read", "-", "--json"]
    done = subprocess.run(command, input=data, capture_output=True, timeout=60)
    assert json.loads(done.stdout)[0]["hosts"][0]["name"] == "xs-01"
    too_much = b"a" * (input_limits.TEXT_BYTES + 1)
    done = subprocess.run(command[:-1], input=too_much, capture_output=True, timeout=60)
    assert done.returncode == 3
    assert b"standard input: a text of more than 8 MiB" in done.stderr


def test_a_pipe_that_never_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of stream has an end: of all of it, and of a line."""
    monkeypatch.setattr(input_limits, "CORPUS_BYTES", 3000)
    monkeypatch.setattr(input_limits, "CORPUS_LINE_BYTES", 1000)
    monkeypatch.setattr(input_limits, "ARGUMENT_BYTES", 1000)
    lines = tmp_path / "lines"
    lines.write_text("{}\n" * 1001)
    done = run("simulate", "--corpus", str(lines))
    assert (done.returncode, done.stdout.count("\n")) == (3, 1000)
    assert done.stderr.endswith(f"cannot read {lines}: larger than 3,000 bytes\n")
    lines.write_text("{}\n" + "x" * 1001)
    done = run("simulate", "--corpus", str(lines))
    assert done.stderr.endswith(f"cannot read {lines}: line 2 has more than 1,000 bytes\n")
    done = run("level", f"@{lines}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot read {lines}: larger than 1,000 bytes" in done.stderr


def test_a_history_that_is_no_file(fifo: Path) -> None:
    """SQLite would take a device for an empty one: there is no answer out of that."""
    for path in ("/dev/zero", str(fifo), "/"):
        done = run("history", "--store", path)
        assert done.returncode == 3
        assert "it is no file" in done.stderr
        assert done.stdout == ""


def test_a_file_of_arguments_that_names_itself(tmp_path: Path) -> None:
    """It is followed some levels deep, no further."""
    file = tmp_path / "hosts"
    file.write_text(f"@{file}\n")
    done = run("level", f"@{file}")
    assert done.returncode == 2
    assert "named by a file in a file, 8 levels deep" in done.stderr
