"""docs/add-a-format.md: what the page says is done, in a copy of the project, and it works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import ROOT
from tests.support.followed import Copy, copy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return copy(ROOT / "docs" / "add-a-format.md", tmp_path_factory.mktemp("project"))


def test_tests_of_the_format_pass(project: Copy) -> None:
    """The page's own tests pass in the copy, and so do those of all formats."""
    printed = project.tests("tests/inputs/test_lscpu.py", "tests/inputs/test_inputs.py")
    assert "::test_which_cpu_it_is PASSED" in printed
    assert "::test_every_format_is_on_the_page PASSED" in printed


def test_it_is_in_style(project: Copy) -> None:
    """What the page adds passes the guards of the project."""
    project.is_in_style()


def test_commands_take_it(project: Copy, tmp_path: Path) -> None:
    """A file of the format is read as a host, of which the CPU is told; and help knows of it."""
    file = tmp_path / "lscpu.txt"
    file.write_text(
        "Architecture: x86_64\nVendor ID: GenuineIntel\nModel name: Xeon\nCPU family: 6\n"
    )
    done = project.run("xenops_cpu", "read", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "Xeon (GenuineIntel)" in done.stdout
    assert "no featureset is told, only what CPU it is" in done.stdout
    file.write_text("hello\n")
    assert "what lscpu prints" in project.run("xenops_cpu", "read", str(file)).stderr
