"""README and docs show what the commands print."""

import re
import shlex
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_cli import run

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROMPT = "$ xenops-cpu "


def examples() -> list[tuple[str, str, list[str]]]:
    """Page, command and shown output of each indented or fenced block with a prompt."""
    found = []
    for page in PAGES:
        lines = page.read_text().splitlines()
        for number, line in enumerate(lines):
            if line.strip().startswith(PROMPT):
                indent = line[: line.index("$")]
                shown = []
                for following in lines[number + 1 :]:
                    text = following.removeprefix(indent)
                    if text.startswith(("```", "$ ")) or (
                        indent and following.strip() and not following.startswith(indent)
                    ):
                        break
                    shown.append(text.rstrip())
                while shown and not shown[-1]:
                    shown.pop()
                found.append((page.name, line.strip().removeprefix(PROMPT), shown))
    return found


@pytest.mark.parametrize(("page", "command", "shown"), examples())
def test_shown_output_is_real(page: str, command: str, shown: list[str]) -> None:
    """Each line shown stands in the output, in order; ... stands for what is left out."""
    done = run(*shlex.split(command, comments=True))
    printed = done.stdout + done.stderr
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "..." else _line_pattern(line) for line in shown
    )
    assert re.match(pattern, printed), f"{page} shows another output; it is:\n{printed}"


def _line_pattern(line: str) -> str:
    """A line as it stands; a trailing ... stands for its rest."""
    if line.endswith("..."):
        return re.escape(line.removesuffix("...").rstrip()) + r".*\n"
    return re.escape(line) + r"[ ]*\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page names a file of the project."""
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
