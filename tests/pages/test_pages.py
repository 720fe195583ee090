"""Manual pages and completion scripts are what the parsers give, and man reads them."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("shtab", reason="makes completion scripts (extra dev)")
pytest.importorskip("argparse_manpage", reason="makes manual pages (extra dev)")

from page_tools import completion, manual
from page_tools.__main__ import MANUAL, files
from page_tools.program import commands
from tests import ROOT
from tests.cli.test_parsers import parts
from xenops_cpu.cli.overview import COMMANDS

PAGES = sorted(MANUAL.glob("*.1"))


def test_they_are_up_to_date() -> None:
    """What stands in the tree is what scripts/generate-pages writes."""
    wanted = files()
    assert {path.name for path in PAGES} <= {path.name for path in wanted}
    for path, text in wanted.items():
        assert path.read_text() == text, f"run scripts/generate-pages: {path}"


def test_each_command_has_a_page_with_all_its_options() -> None:
    """Nothing that a parser knows is missing, and the help's examples and exit codes are there."""
    pages = manual.pages()
    assert set(pages) == {"xenops-cpu.1", *(f"xenops-cpu-{name}.1" for name in COMMANDS)}
    for name, parser in commands().items():
        text = pages[f"xenops-cpu-{name}.1"].replace("\\-", "-")
        assert ".SH EXAMPLES" in text
        assert (".SH EXIT STATUS" in text) == ("\nexit codes" in (parser.epilog or ""))
        for action in parser._actions[1:]:  # the first is --help
            assert all(option in text for option in action.option_strings), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_man_has_no_complaint(page: Path) -> None:
    """mandoc finds nothing wrong; that the pages have no date is meant."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(page)], capture_output=True, text=True
    )
    complaints = [line for line in done.stdout.splitlines() if "missing date" not in line]
    assert complaints == []


def test_every_argument_has_a_kind() -> None:
    """An argument with a new name in its help must be put into METAVARS."""
    parser = argparse.ArgumentParser()
    with pytest.raises(LookupError, match=r"METAVARS .* has no NEWS"):
        completion.kind_of(parser.add_argument("news", metavar="NEWS"))


def test_json_of_every_command_is_told() -> None:
    """A heading of docs/json.md has each command, or part of one, that takes --json, and what
    prints JSON without it.
    """
    titles = re.findall(r"^# .*$", (ROOT / "docs" / "json.md").read_text("utf-8"), re.MULTILINE)
    told = set(re.findall(r"`([^`]+)`", " ".join(titles)))
    for name, parser in commands().items():
        for words, part in parts(name, parser):
            if "--json" in part._option_string_actions:
                assert {f"{words} --json", f"{name} --json"} & told, words
    assert {"fleet export", "fleet settle"} <= told
