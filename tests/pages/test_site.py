"""The site: every page has its place, and mkdocs finds nothing to complain of."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from page_tools import site
from tests import ROOT
from xenops_cpu.cli.overview import COMMANDS

NAV = re.findall(r"^ +- [^:]+: (\S+\.md)$", site.CONFIGURATION.read_text("utf-8"), re.MULTILINE)


def test_every_page_has_its_place() -> None:
    """Once: a page of docs/ that is not in the navigation would be found by nobody."""
    pages = [f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")]
    assert sorted(name for name in NAV if name.startswith("docs/")) == sorted(pages)


def test_what_is_linked_is_there(tmp_path: Path) -> None:
    """Each page lies where the project has it, with the files that it links to."""
    site.write(tmp_path)
    assert {name for name in NAV if not (tmp_path / "pages" / name).is_file()} == set()
    assert (tmp_path / "pages/xenops_cpu/service/service.py").is_file()
    assert (tmp_path / "pages/docs/pictures/check.svg").is_file()


def test_a_link_to_a_folder() -> None:
    """Leads to the folder's README, and is text where it has none."""
    text, linked = site.page(ROOT / "docs" / "callers.md")
    assert "](../idl/ocaml)" not in text
    assert "[docs/](docs/)" not in site.page(ROOT / "README.md")[0]
    assert all(file.is_file() for file in linked)


def test_every_command_is_there_with_its_help() -> None:
    """Options, examples and exit codes, as --help prints them."""
    text = site.commands()
    assert all(
        f"\n### {name}\n" in text and f"usage: xenops-cpu {name}" in text for name in COMMANDS
    )
    assert text.count("exit codes:") >= 1


@pytest.mark.slow
def test_mkdocs_has_no_complaint(tmp_path: Path) -> None:
    """Every link and every anchor leads somewhere: a strict build passes."""
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: scripts/docs installs it")
    site.write(tmp_path)
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict"],
        cwd=tmp_path,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )
    assert build.returncode == 0, build.stderr
    assert (tmp_path / "site/docs/first-hour.html").is_file()


def test_ci_builds_it() -> None:
    """The step is there and is one of those that are run."""
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    (steps,) = re.findall(r"steps=\((.*)\)$", text, re.MULTILINE)[-1:]
    assert "site" in steps.split()
    assert re.search(r"^site\(\) \{ scripts/docs ", text, re.MULTILINE)


def test_every_question_is_in_the_list() -> None:
    """docs/how-to.md leads to each heading of the pages with answers."""
    docs = ROOT / "docs"
    index = (docs / "how-to.md").read_text("utf-8")
    for page in sorted(docs.glob("how-to-*.md")):
        headings = re.findall(r"^## .*$", page.read_text("utf-8"), re.MULTILINE)
        assert headings
        linked = set(re.findall(rf"\({page.name}#([\w-]+)\)", index))
        # test_docs holds each of these links to a heading that is there
        assert len(linked) == len(headings), f"{page.name} has {len(headings)} answers"
