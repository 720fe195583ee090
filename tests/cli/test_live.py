"""What commands that ask a live xapi share: options and the bar."""

import argparse
import io
import sys
from pathlib import Path

import pytest

from xenops_cpu.cli import live, progress
from xenops_cpu.errors import InputError

PRINT = ":".join(["AB"] * 32)


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    live.add_options(parser)
    return parser.parse_args(arguments)


def test_options_become_what_the_client_takes() -> None:
    """Password file, netrc, fingerprints in any form, time."""
    options = live.options(
        parsed(
            *("--password-file", "p", "--netrc", "n", "--timeout", "7.5", "--insecure"),
            *("--fingerprint", PRINT, "--fingerprint", "cd" * 32),
        )
    )
    assert options.places.password_file == Path("p")
    assert options.places.netrc == Path("n")
    assert options.timeouts.answer == 7.5
    assert options.timeouts.connect == 10
    assert options.trust.insecure
    assert options.trust.fingerprints == {PRINT, PRINT.replace("AB", "CD")}


def test_without_options() -> None:
    """A person is asked, certificates are pinned, an answer has 300 s."""
    options = live.options(parsed())
    assert options.places.ask
    assert not options.trust.insecure
    assert options.trust.fingerprints == frozenset()
    assert options.timeouts.answer == 300
    with pytest.raises(InputError, match="no SHA-256 fingerprint"):
        live.options(parsed("--fingerprint", "AB"))


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_for_each_class_of_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is cleared before the next; more than was expected is no more than 100 %."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(progress, "_REFRESH_SECONDS", 0)
    with live.Bar() as bar:
        bar("hosts", 1, 0)
        bar("VMs", 1, 4)
        bar("VMs", 5, 4)
    shown = terminal.getvalue()
    assert "reading hosts [" in shown
    assert "25 % (1 of 4)" in shown
    assert "100 % (5 of 5)" in shown
    assert shown.count("\r\x1b[K") == 2
    assert shown.endswith("\r\x1b[K")
