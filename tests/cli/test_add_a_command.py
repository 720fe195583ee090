"""docs/add-a-command.md: what the page says is done, in a copy of the project, and it works."""

from __future__ import annotations

import re
import shlex

import pytest

from tests import ROOT
from tests.support.followed import Copy, copy

PAGE = ROOT / "docs" / "add-a-command.md"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """With the pages generated, as the page has it."""
    for package in ("shtab", "argparse_manpage"):
        pytest.importorskip(package, reason="makes manual pages and completion (extra dev)")
    project = copy(PAGE, tmp_path_factory.mktemp("project"))
    done = project.run("page_tools")
    assert (done.returncode, done.stderr) == (0, "")
    return project


def test_tests_of_the_command_pass(project: Copy) -> None:
    """The page's own tests pass in the copy, and so do those that hold every command."""
    printed = project.tests(
        *("tests/cli/test_has.py", "tests/cli/test_parsers.py", "tests/cli/test_cli.py"),
        *("tests/cli/test_gate.py", "tests/cli/test_completion.py", "tests/pages"),
    )
    assert "::test_who_gives_what PASSED" in printed
    assert "::test_every_help_has_one_shape[has] PASSED" in printed


def test_it_is_in_style(project: Copy) -> None:
    """What the page adds passes the guards of the project."""
    project.is_in_style()


def test_what_was_generated(project: Copy) -> None:
    """A manual page, and the command in each shell's completion."""
    assert "which hosts give" in (project.folder / "packaging/man/xenops-cpu-has.1").read_text()
    for script in (project.folder / "xenops_cpu/data/completion").iterdir():
        assert re.search(r"\bhas\b", script.read_text()), script.name


def test_it_answers_a_person(project: Copy) -> None:
    """The command as the page shows it."""
    (call,) = re.findall(r"^    xenops-cpu (has .*?)  #", PAGE.read_text("utf-8"), re.MULTILINE)
    done = project.run("xenops_cpu", *shlex.split(call))
    assert (done.returncode, done.stderr) == (1, "")
    assert re.search(r"^epyc\S+ +at boot\nivybridge\S+ +no$", done.stdout, re.MULTILINE)
