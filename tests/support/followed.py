"""A copy of the project in which somebody did what a page says, block by block.

A comment in front of a block says where its text goes:

    <!-- FILE, before: LINE -->        before the only line that begins so, as deep as it
    <!-- FILE, in place of: LINE -->   it replaces the only line that begins so
    <!-- FILE, at its end -->
    <!-- FILE, a new file -->

Programs of the copy run in the Python that runs the tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from attrs import frozen

from tests import ROOT

_BLOCK = re.compile(
    r"^<!-- (?P<file>\S+), (?P<how>before: |in place of: |at its end|a new file)"
    r"(?P<line>[^\n]*?) -->\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
# What a clone does not have.
_MADE = (
    "__pycache__",
    ".*cache",
    ".git",
    ".venv",
    "build",
    "dist",
    "*.egg-info",
    "*.so",
    ".fuzz",
    ".mutation",
)


@frozen
class Copy:
    """`folder`: where the copy is. `touched`: the files that the page made or changed."""

    folder: Path
    touched: tuple[str, ...]

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A module of the copy, or of what is installed."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=os.environ
            | {
                "PYTHONPATH": f"{self.folder}:{self.folder / 'scripts'}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    def tests(self, *arguments: str) -> str:
        """The quick tests of these files and folders pass; what pytest printed."""
        done = self.run("pytest", "-v", "-p", "no:cacheprovider", "-m", "not slow", *arguments)
        assert done.returncode == 0, done.stdout[-8000:] + done.stderr
        return done.stdout

    def is_in_style(self) -> None:
        """ruff and mypy have no complaint of what the page adds; passed over where they are not."""
        python = [name for name in self.touched if name.endswith(".py")]
        for module, *arguments in (
            ("ruff", "check", "--no-cache"),
            ("ruff", "format", "--check", "--no-cache"),
            ("mypy", "--cache-dir", os.devnull),
        ):
            done = self.run(module, *arguments, *python)
            if f"No module named {module}" not in done.stderr:
                assert done.returncode == 0, done.stdout + done.stderr


def copy(page: Path, folder: Path) -> Copy:
    """The project in `folder`, with each block of the page where its comment says."""
    shutil.copytree(
        ROOT, folder, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_MADE)
    )
    touched: dict[str, None] = {}
    for block in _BLOCK.finditer(page.read_text("utf-8")):
        _insert(folder / block["file"], block["how"], block["line"], block["text"])
        touched[block["file"]] = None
    return Copy(folder, tuple(touched))


def _insert(path: Path, how: str, line: str, text: str) -> None:
    """A block before a line that begins a paragraph is one of its own."""
    if how == "a new file":
        assert not path.exists(), path.name
        path.write_text(text, "utf-8")
        return
    content = path.read_text("utf-8")
    if how == "at its end":
        path.write_text(f"{content}\n\n{text}", "utf-8")
        return
    assert content.count(f"\n{line}") == 1, f"{path.name}: {line}"
    before, _, after = content.partition(f"\n{line}")
    deep = line[: len(line) - len(line.lstrip())]
    block = textwrap.indent(textwrap.dedent(text).strip("\n"), deep)
    if how == "in place of: ":
        kept = after.partition("\n")[2]
        path.write_text(f"{before}\n{block}\n{kept}", "utf-8")
        return
    parted = "\n\n" if before.endswith("\n") else "\n"
    path.write_text(f"{before}\n{block}{parted}{line}{after}", "utf-8")
