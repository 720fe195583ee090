"""What goes to the terminal: plain in pipes, pleasant where a person looks, width kept."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from xenops_cpu.cli import terminal
from xenops_cpu.cli.main import main

COMMAND = [sys.executable, "-m", "xenops_cpu", "decode", "--style", "table", "1fc9cbf5-f6f83203"]
ESCAPE = "\x1b["


def on_a_terminal(**environment: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    env = {name: value for name, value in env.items() if name != "NO_COLOR" or environment}
    with subprocess.Popen(COMMAND, stdout=theirs, env=env) as running:
        os.close(theirs)
        text = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not read:
                break
            text += read
        assert running.wait(30) == 0
    os.close(ours)
    return text.decode()


def test_a_terminal_has_colour() -> None:
    """With rich at hand, a person sees colour."""
    pytest.importorskip("rich")
    assert ESCAPE in on_a_terminal()


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_who_wants_none_gets_none(environment: dict[str, str]) -> None:
    """NO_COLOR and a dumb terminal mean plain text."""
    text = on_a_terminal(**environment)
    assert ESCAPE not in text
    assert "FPU" in text


@pytest.mark.parametrize(
    ("arguments", "environment", "colour"),
    [
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "always"), {"NO_COLOR": "1"}, True),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--color", "auto"), {}, False),
    ],
)
def test_colour_in_a_pipe(
    arguments: tuple[str, ...], environment: dict[str, str], colour: bool
) -> None:
    """Where it is asked for, by the option before the environment."""
    pytest.importorskip("rich")
    env = {n: v for n, v in os.environ.items() if n not in ("NO_COLOR", "FORCE_COLOR")}
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, env=env | environment, check=True
    )
    assert (ESCAPE in done.stdout) is colour
    assert "FPU" in done.stdout


def test_always_needs_rich(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be had is said, not left out."""
    monkeypatch.setattr(terminal, "has_rich", lambda: False)
    assert main(["explain", "HLE", "--color", "always"]) == 2
    assert "colour needs the package rich" in capsys.readouterr().err


SKYLAKE, IVY = "example:skylake-server-xen-4.17", "example:ivybridge-xen-4.17"


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (("check", IVY, SKYLAKE), 0, "boots, resumes or migrates"),
        (("check", SKYLAKE, IVY), 12, "would go only by force"),
        (("diff", SKYLAKE, SKYLAKE), 0, "the same (a VM: it may go there)"),
        (("diff", SKYLAKE, IVY), 1, "they differ (a VM: something is missing there)"),
        (("plan", "join", IVY, "--pool", SKYLAKE), 1, "something is lost"),
        (("plan", "leave", IVY, "--pool", SKYLAKE, IVY), 0, "nothing is lost"),
    ],
)
def test_quiet_is_one_line_and_the_exit_code(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, line: str
) -> None:
    """The same exit code as without -q, and one line that says what it means."""
    assert main(arguments) == code
    capsys.readouterr()
    assert main([*arguments, "--quiet"]) == code
    assert capsys.readouterr().out == f"{line}\n"
    assert main([*arguments, "-q", "--json"]) == 2
    assert "--quiet and --json exclude each other" in capsys.readouterr().err


def test_a_pipe_gets_plain_text() -> None:
    """Columns that awk can cut, lines that are not wrapped."""
    env = {**os.environ, "COLUMNS": "60"}
    done = subprocess.run(COMMAND, capture_output=True, text=True, env=env, check=True)
    assert ESCAPE not in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("APIC ")]
    assert rows[0].endswith("The local APIC, a CPU's interrupt controller.")


def test_without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional: a terminal gets plain text then."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(terminal, "has_rich", lambda: False)
    assert not terminal.pleasant()


def test_paragraphs_keep_to_the_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words are wrapped, and lines after the first hang."""
    monkeypatch.setenv("COLUMNS", "50")
    terminal.paragraph("word " * 30, indent=2, hanging=4)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 50 for line in lines)
    assert lines[0].startswith("  word")
    assert lines[1].startswith("      word")


@pytest.mark.parametrize(("columns", "width"), [("20", 40), ("80", 80), ("400", 120)])
def test_width_within_reason(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    """Neither too narrow for words nor too wide to read."""
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal.width() == width
