"""Completion: the words that the program offers, and what real shells make of them."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_decode import Shell, sh
from tests.support.reports import database
from xenops_cpu.cli import completions
from xenops_cpu.cli.commands.completion import SCRIPTS
from xenops_cpu.cli.overview import COMMANDS
from xenops_cpu.features.release import RELEASES
from xenops_cpu.interface import METHODS
from xenops_cpu.sources.recorded import examples

# Real processes, one a test: CI runs them.
pytestmark = pytest.mark.slow

__all__ = ["sh"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files to complete, in which the test runs."""
    (tmp_path / "host-7.json").touch()
    (tmp_path / "host 8.json").touch()
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "host-9.json").touch()
    (tmp_path / "pool.xml").write_text(database())
    monkeypatch.chdir(tmp_path)
    return tmp_path


# words


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("host", "sim", ["simulated"]),
        ("host", "xen", ["xen", "xen-cpuid"]),
        ("host", "cpu:xeon-gold-62", ["6212u", "6226r", "6240"]),
        ("host", "cpu:xeon-gold-6240@4.2", ["4.20", "4.21", "4.22"]),
        ("host", "new=example:ivy", ["new=example:ivybridge-xen-4.17"]),
        ("host", "host-", ["host-7.json"]),
        ("host", "hos", ["host-7.json", "hosts/"]),
        ("host", "hosts/", ["hosts/host-9.json"]),
        ("host", "recorded:hosts/h", ["recorded:hosts/host-9.json"]),
        ("host", "pool.xml#xs", ["pool.xml#xs-01", "pool.xml#xs-02"]),
        ("source", "exam", ["example:"]),
        ("cpu", "xeon-gold-6240+2022", ["xeon-gold-6240+2022-02-07", "xeon-gold-6240+2022-05-10"]),
        ("feature", "HL", ["HLE"]),
        ("feature", "hl", ["hle"]),
        ("feature", "HLE,RTM", ["HLE,RTM", "HLE,RTM_ALWAYS_ABORT"]),
        ("release", "xenserver-8.2-r", ["xenserver-8.2-retrofit"]),
        ("method", "HOST.is", ["HOST.is_compatible"]),
        ("type", "p", ["pv", "pvh"]),
        ("cpu", "no-such-cpu+", []),
        ("host", "no-such-file#", []),
    ],
)
def test_words(sh: Shell, folder: Path, kind: str, text: str, expected: list[str]) -> None:
    """What continues a text, one a line: sources, CPUs, files and what is in them."""
    offered = sh("completion", "--words", kind, text).splitlines()
    stem = text[: -len(text.rpartition("-")[2])] if text.startswith("cpu:xeon-gold-62") else ""
    if text.endswith("62"):
        expected = [stem + word for word in expected]
    elif "@" in text:
        expected = [text.partition("@")[0] + "@" + word for word in expected]
        offered = [word for word in offered if "xenserver" not in word]
    assert [word for word in offered if not word.endswith("probe")] == expected


@pytest.mark.parametrize(
    ("kind", "every"),
    [
        ("release", RELEASES),
        ("method", METHODS),
        ("host", [f"example:{name}" for name in examples()]),
    ],
)
def test_nothing_is_missing(kind: str, every: object) -> None:
    """All that a table has is offered."""
    start = "example:" if kind == "host" else ""
    assert isinstance(every, (tuple, list, dict))
    assert set(every) <= set(completions.of(kind, start))


def test_no_name_of_a_file_is_taken_for_shell(folder: Path) -> None:
    """A name with a blank, a quote or a dollar is not offered: the shell would take it apart."""
    for name in ("a$(touch x)", "a;b", "a'b", "a b", "a*"):
        (folder / name).touch()
    assert completions.of("host", "a") == []


def test_a_large_file_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a key: names of a file beyond the limit are not offered."""
    assert "pool.xml#xs-01" in completions.of("host", "pool.xml#")
    monkeypatch.setattr(completions, "MAX_FILE_BYTES", 10)
    assert completions.of("host", "pool.xml#") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name a shell (bash, zsh, fish)"),
        (("bash", "--words", "host", ""), "name a shell"),
        (("--words", "nothing", ""), '"nothing" is no kind; there are host, source'),
    ],
)
def test_wrong_use(sh: Shell, arguments: tuple[str, ...], said: str) -> None:
    """One sentence that says what would be right, and exit code 2."""
    sh("completion", *arguments, code=2)
    assert said in sh.errors


# scripts


def test_every_command_and_option_is_in_every_script(sh: Shell) -> None:
    """The scripts are made from the parsers, so nothing is missing."""
    for shell in SCRIPTS:
        script = sh("completion", shell)
        assert all(command in script for command in COMMANDS)
        assert ("-l style" if shell == "fish" else "--style") in script


class Terminal:
    """An interactive shell on a terminal of its own, as a person has it."""

    def __init__(self, argv: list[str], folder: Path) -> None:
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            environment = {
                **os.environ, "TERM": "dumb", "PS1": "", "INPUTRC": "/dev/null",
                "HOME": str(folder), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            }  # fmt: skip
            os.execvpe(argv[0], argv, environment)

    def type(self, keys: str, until: str, seconds: float = 20) -> str:
        """What the terminal shows, up to a text that is expected."""
        os.write(self.terminal, keys.encode())
        shown, end = "", time.monotonic() + seconds
        while until not in shown and time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.1)[0]:
                shown += os.read(self.terminal, 65536).decode(errors="replace")
        assert until in shown, f"{keys!r}: {shown!r}"
        return shown

    def completed(self, typed: str, becomes: str) -> str:
        """What the line is after TAB. Shells give up when more is typed meanwhile."""
        self.type(f"{typed}\t", becomes.removeprefix(typed))
        return self.type("\x14", ">").partition("<")[2].partition(">")[0]

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, 9)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


@pytest.fixture
def bash(sh: Shell, folder: Path) -> Iterator[Terminal]:
    """bash with the script, and with a command that shows what it was given."""
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    (folder / "script").write_text(sh("completion", "bash"))
    terminal = Terminal(["bash", "--norc", "--noprofile", "-i"], folder)
    terminal.type(
        "source ./script; bind 'set bell-style none'; "
        "bind -x '\"\\C-t\": printf \"<%s>\" \"$READLINE_LINE\"'; printf 'rea''dy\\n'\n",
        "ready\r\n",
    )
    yield terminal
    terminal.close()


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("xenops-cpu dec", "xenops-cpu decode "),
        ("xenops-cpu policy sh", "xenops-cpu policy show "),
        ("xenops-cpu decode --style xen", "xenops-cpu decode --style xen-cpuid "),
        ("xenops-cpu explain --xen-c", "xenops-cpu explain --xen-cmdline "),
        ("xenops-cpu info --source exam", "xenops-cpu info --source example:"),
        ("xenops-cpu explain HL", "xenops-cpu explain HLE "),
        ("xenops-cpu diff example:ivy", "xenops-cpu diff example:ivybridge-xen-4.17 "),
        (
            "xenops-cpu level a=cpu:core-i7-4930k@xenserver-8.2-r",
            "xenops-cpu level a=cpu:core-i7-4930k@xenserver-8.2-retrofit ",
        ),
        ("xenops-cpu check pool.xml#xs-02", "xenops-cpu check pool.xml#xs-02 "),
        ("xenops-cpu check new hosts/h", "xenops-cpu check new hosts/host-9.json "),
        ("xenops-cpu cpus core-i7-4930", "xenops-cpu cpus core-i7-4930k "),
        ("xenops-cpu call HOST.is", "xenops-cpu call HOST.is_compatible "),
    ],
)
def test_bash(bash: Terminal, typed: str, becomes: str) -> None:
    """What stands on the line after TAB, colons and all."""
    assert bash.completed(typed, becomes) == becomes


def test_bash_lists_what_there_is(bash: Terminal) -> None:
    """With several, TAB twice shows them."""
    shown = bash.type("xenops-cpu decode --style \t\t", "xen-cpuid")
    assert "names" in shown
    assert "table" in shown


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("de", ["decode"]),
        ("decode --style ", ["names", "table", "xen-cpuid"]),
        ("policy sh", ["show"]),
        ("policy show --set hvm_m", ["hvm_max"]),
        ("explain --xen-c", ["--xen-cmdline"]),
        ("explain HL", ["HLE"]),
        ("diff example:ivy", ["example:ivybridge-xen-4.17"]),
        ("check pool.xml#xs", ["pool.xml#xs-01", "pool.xml#xs-02"]),
    ],
)
def test_fish(sh: Shell, folder: Path, typed: str, expected: list[str]) -> None:
    """fish offers what fits."""
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    (folder / "script").write_text(sh("completion", "fish"))
    done = subprocess.run(
        ["fish", "-c", f"source script; complete -C 'xenops-cpu {typed}'"],
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
             "HOME": str(folder)},
        capture_output=True, text=True, timeout=20,
    )  # fmt: skip
    assert done.stderr == ""
    offered = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert [word for word in offered if word in expected] == expected


@pytest.fixture
def zsh(sh: Shell, folder: Path) -> Iterator[Terminal]:
    """zsh with the script in its folder of functions."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    (folder / "_xenops-cpu").write_text(sh("completion", "zsh"))
    terminal = Terminal(["zsh", "-f", "-i"], folder)
    terminal.type(
        "PS1=; unsetopt zle_bracketed_paste prompt_cr prompt_sp; fpath=($PWD $fpath); "
        "autoload -U compinit; compinit -u -D; show() { print -n -- \"<$BUFFER>\" }; "
        "zle -N show; bindkey '^T' show; print rea''dy\n", "ready\r\n",
    )  # fmt: skip
    yield terminal
    terminal.close()


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("xenops-cpu dec", "xenops-cpu decode "),
        ("xenops-cpu explain HL", "xenops-cpu explain HLE "),
        ("xenops-cpu info --source exam", "xenops-cpu info --source example:"),
        ("xenops-cpu diff example:ivy", "xenops-cpu diff example:ivybridge-xen-4.17 "),
        ("xenops-cpu check pool.xml#xs-02", "xenops-cpu check pool.xml#xs-02 "),
    ],
)
def test_zsh(zsh: Terminal, typed: str, becomes: str) -> None:
    """What stands on the line after TAB."""
    assert zsh.completed(typed, becomes) == becomes
