"""The gate before the output: nothing of a stranger's file talks to a terminal."""

import ast
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TextIO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

import xenops_cpu.cli
from tests.cli.test_cli import run
from tests.support import hostile
from tests.support.hostile import HOSTILE, unfit
from xenops_cpu.cli import gate, progress, terminal
from xenops_cpu.cli.gate import Gate
from xenops_cpu.cli.overview import COMMANDS
from xenops_cpu.hosts import capture
from xenops_cpu.text.escapes import escaped, json_escaped

EPYC = "example:epyc-xen-4.17"


def through(text: str, encoding: str = "utf-8") -> str:
    """What comes out of a gate."""
    out = io.BytesIO()
    stream = io.TextIOWrapper(out, encoding=encoding, newline="")
    Gate(stream).write(text)
    stream.flush()
    return out.getvalue().decode(encoding)


@given(st.text(st.characters() | st.sampled_from(HOSTILE)))
def test_nothing_unfit_comes_out(text: str) -> None:
    """Whatever goes in; what is printable, line feeds and tabulators are as they were."""
    out = through(text)
    assert not unfit(out)
    if not unfit(text):
        assert out == text


@given(st.recursive(st.text(st.characters() | st.sampled_from(HOSTILE)), st.lists))
def test_json_is_the_same_value(value: object) -> None:
    """The document has no unfit letter, whatever is in it, and reads as what it was."""
    document = json_escaped(json.dumps(value, ensure_ascii=False, indent=1))
    assert not unfit(document)
    assert json.loads(document) == value


def test_the_notation_is_the_log_s() -> None:
    """As Python writes it in a string."""
    assert escaped("a\x1b[2J\x9b\u202e\udc80\U000e0041") == r"a\x1b[2J\x9b\u202e\udc80\U000e0041"
    assert escaped("→ – é") == "→ – é"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_other_encodings(encoding: str) -> None:
    """What has no letter is spelt as people do, else escaped; what has one stays."""
    out = through("a → b – c … ≥ × é €\n", encoding)
    assert out.startswith("a -> b - c ... >= x ") if encoding == "ascii" else "\n" in out
    assert ("é" in out) == (encoding != "ascii")
    assert ("€" in out) == (encoding == "cp1252")


@given(st.text(st.characters() | st.sampled_from(HOSTILE)))
def test_no_text_is_too_much_for_ascii(text: str) -> None:
    """It comes out as ASCII, whatever it is."""
    assert through(text, "ascii").isascii()


def test_our_own_colours_pass() -> None:
    """What is trusted goes as it is."""
    out = io.StringIO()
    Gate(out).trusted("\r\x1b[1mbold\x1b[0m\x1b[K")
    assert out.getvalue() == "\r\x1b[1mbold\x1b[0m\x1b[K"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_hostile_text_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of escapes there are only rich's own: colours and their end."""
    pytest.importorskip("rich")
    out = Terminal()
    monkeypatch.setattr(sys, "stdout", Gate(cast(TextIO, out)))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal.heading(HOSTILE)
    terminal.line(HOSTILE, "red")
    terminal.paragraph(HOSTILE, style="green")
    terminal.table((HOSTILE, "b"), [(HOSTILE, HOSTILE)])
    text = out.getvalue()
    colours = [part.partition("m")[0] for part in text.split("\x1b[")[1:]]
    assert colours
    assert [c for c in colours if not c.replace(";", "").isdecimal()] == []
    assert unfit(text) == {"\x1b"}
    assert text.count(r"\x9b31m") >= 4


def test_a_hostile_name_in_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves the cursor no more than the bar does."""
    err = Terminal()
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", -1)
    with progress.Progress(HOSTILE, 10) as bar:
        bar.step(5)
    assert err.getvalue().replace("\r", "", 2).replace("\x1b[K", "", 2).isprintable()


def test_a_table_keeps_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """A name with a line feed makes no row of its own."""
    terminal.table(("name", "what"), [("a\nb", "c")])
    assert capsys.readouterr().out == "name  what\na\\nb  c\n"


def commands(path: Path, folder: Path) -> list[tuple[str, ...]]:
    """Every command that reads a file, with one."""
    file = str(path)
    return [
        *((command, file) for command in ("read", "level", "audit", "decode", "split")),
        ("check", file, EPYC),
        ("check", EPYC, file),
        ("check", file, file),
        ("plan", "join", file, "--pool", EPYC),
        ("plan", "leave", "host 1", "--pool", file, EPYC),
        ("plan", "update", "all", "--to-xen", "4.19", "--pool", file),
        ("plan", "evacuate", file, "--pool", file, EPYC),
        ("plan", "evacuate", "host 1", "--pool", file, EPYC),
        ("forecast", file, EPYC, "--to-xen", "4.20", "--commands", "--notes"),
        ("fleet", "export", file),
        ("fleet", "settle", file),
        ("diff", file, EPYC),
        ("diff", file, file),
        ("policy", "show", file),
        ("policy", "diff", file, file),
        ("explain", "AVX2", "on", file),
        ("emit", "xl", file),
        ("emit", "libvirt", file),
        ("report", file, EPYC),
        ("report", "--title", HOSTILE.replace("\0", ""), file),
        ("simulate", "--dump", file),
        ("simulate", "--corpus", file),
        ("info", file),
        ("info", "--source", f"recorded:{file}"),
        ("info", "--xapi", "--source", f"recorded:{file}"),
        ("capture", "-", "--source", f"recorded:{file}"),
        ("read", file, "--to", str(folder / "to")),
        ("read", file, file, "--together"),
        ("audit", file, "--lines"),
        ("audit", file, "--hook", "cat"),
        ("cpus", HOSTILE),
        ("vm", file),
        ("vm", file, "--explain", "AVX2"),
        ("vm", EPYC, "--xl", file),
        ("vm", EPYC, "--stream", file),
        ("history", "--store", file),
        ("level", f"@{file}"),
        ("decode", HOSTILE),
        ("watch", f"xapi://{HOSTILE}"),
        (HOSTILE,),
    ]


# Those that say the most; the others are tried in the slow suite.
TELLING = ("capture.json", "pool.json", "vm.txt", "xapi-db.xml", "record.json")


@pytest.mark.parametrize("telling", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_command_with_every_hostile_file(tmp_path: Path, telling: bool) -> None:
    """Text, JSON, the page and errors: not one letter that a terminal obeys, and no fault."""
    answers = 0
    for path in hostile.files(tmp_path):
        if path.name.endswith(TELLING) != telling:
            continue
        for arguments in commands(path, tmp_path):
            for json_too in ((), ("--json",)):
                done = run(*arguments, *json_too, COLUMNS="200")
                what = (arguments, done.stderr[:500])
                assert not unfit(done.stdout), what
                assert not unfit(done.stderr), what
                assert done.returncode != 70, what
                answers += bool(done.stdout)
    assert answers > 50


def test_every_command_is_tried(tmp_path: Path) -> None:
    """All but those that read no file of a stranger's."""
    tried = {arguments[0] for arguments in commands(tmp_path / "x", tmp_path)}
    assert COMMANDS.keys() - tried == {"serve", "call", "completion", "examples", "releases"}


def test_json_tells_what_is_there(tmp_path: Path) -> None:
    """The escapes of JSON are the value itself, not a spelling of it."""
    path = tmp_path / "host.json"
    path.write_text(capture.dump(hostile.host()))
    (document,) = json.loads(run("read", str(path), "--json").stdout)
    (host,) = document["hosts"]
    assert host["origin"] == host["processor"]["vendor"] == host["notes"][0] == HOSTILE


def test_the_page_has_nothing_of_it(tmp_path: Path) -> None:
    """A browser and an editor get the same escapes as a terminal, and the page is UTF-8."""
    hosts = ("capture.json", "host.json", "pool.json", "xapi-db.xml")
    paths = [str(path) for path in hostile.files(tmp_path) if str(path).endswith(hosts)]
    page = tmp_path / "page.html"
    done = run("report", "--title", HOSTILE, "--html", str(page), *paths)
    assert done.returncode == 0, done.stderr
    text = page.read_text(encoding="utf-8")
    assert not unfit(text)
    assert text.count(r"\x9b31m") > 5
    command = [sys.executable, "-m", "xenops_cpu", "report", "--title", "pool é → ü", EPYC]
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    out = subprocess.run(command, env=env, capture_output=True, timeout=60).stdout
    assert "<h1><bdi>pool é → ü</bdi></h1>" in out.decode("utf-8")


@pytest.mark.parametrize(
    "arguments",
    [
        ("info", "--source", EPYC),
        ("info", "--json", "--source", EPYC),
        ("simulate", "--cpu", "Xeon Gold 6240", "--explain"),
        ("serve", "--help"),
        ("info", "--source", "nonsense→"),
    ],
)
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_terminal_of_another_encoding(
    arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    """No letter is too much; JSON stays the same value."""
    command = [sys.executable, "-m", "xenops_cpu", *arguments]
    env = {key: value for key, value in os.environ.items() if not key.startswith("LC_")}
    done = subprocess.run(command, env={**env, **environment}, capture_output=True, timeout=60)
    assert done.returncode == (2 if "nonsense→" in arguments else 0), done.stderr
    if "--json" in arguments:
        there = subprocess.run(command, env=env, capture_output=True, timeout=60).stdout
        assert json.loads(done.stdout) == json.loads(there)
    elif "PYTHONIOENCODING" in environment:
        assert done.stdout.isascii()
        assert done.stderr.isascii()


@pytest.mark.parametrize(
    "arguments", [("--help",), ("info", "--help"), ("--version",), ("info", "--source", EPYC)]
)
def test_a_full_output(arguments: tuple[str, ...]) -> None:
    """Code 3 and a sentence; no traceback, and no second failure when Python ends."""
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "xenops_cpu", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert done.returncode == 3
    assert done.stderr.endswith("standard output: No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("inof",), ("info", "--nothing")])
def test_errors_that_cannot_be_written(arguments: tuple[str, ...]) -> None:
    """The exit code is the same where nobody can hear the sentence, or standard error is closed."""
    command = [sys.executable, "-m", "xenops_cpu", *arguments]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")
    closed = ["sh", "-c", 'exec "$0" "$@" 2>&-', *command]
    done = subprocess.run(closed, stdout=subprocess.PIPE, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")


def test_a_reader_who_goes_away() -> None:
    """No sentence, but the code of SIGPIPE: an answer that nobody got is no yes."""
    command = [sys.executable, "-m", "xenops_cpu", "capture", "-", "--source", EPYC]
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, timeout=60)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (141, b"")


def test_only_the_gate_knows_the_streams() -> None:
    """No command writes past it: to a stream's buffer, to the original streams, or to a number."""
    folder = Path(xenops_cpu.cli.__file__).parent
    for path in folder.rglob("*.py"):
        if path.name == "gate.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute):
                past = node.attr in ("buffer", "__stdout__", "__stderr__")
                assert not past, f"{path}:{node.lineno}"
                dumped = node.attr == "dump" and ast.unparse(node) == "json.dump"
                assert not dumped, f"{path}:{node.lineno}"
                trusted = node.attr == "trusted"
                assert not trusted or path.name in ("terminal.py", "progress.py"), path


def test_the_streams_are_as_before() -> None:
    """When a command has ended, so has the gate."""
    before = sys.stdout, sys.stderr
    with gate.at_the_output():
        assert sys.stdout is not before[0]
    assert (sys.stdout, sys.stderr) == before
