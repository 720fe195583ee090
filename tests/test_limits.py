"""The table of limits: every one of them has a test, and stands in the help and in the docs."""

import subprocess
import sys

import pytest

from tests import ROOT
from tests.support.limits import reached
from xenops_cpu.limits.service import table

NAMES = [name for name, _, _ in table()]


@pytest.mark.parametrize("name", NAMES)
def test_a_test_reaches_it(name: str) -> None:
    """A test is marked with the limit's name."""
    assert name in reached()


def test_the_help_has_all_of_them() -> None:
    """serve --help prints name, value and meaning."""
    done = subprocess.run(
        [sys.executable, "-m", "xenops_cpu", "serve", "--help"], capture_output=True, text=True
    )
    words = done.stdout.split()
    for name, value, meaning in table():
        assert f"{name}:" in words
        assert set(value.split()) <= set(words)
        assert set(meaning.split()) <= set(words)


def test_the_docs_have_all_of_them() -> None:
    """docs/reliability.md has the very table."""
    page = (ROOT / "docs" / "reliability.md").read_text()
    for name, value, meaning in table():
        assert f"| `{name}` | {value} | {meaning} |\n" in page
