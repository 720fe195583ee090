"""docs/library.md: each block of Python is run, and shows what comes out."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import xenops_cpu
from tests import ROOT
from tests.front.test_library import pool_file

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def blocks(page: str, *languages: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    return [block for language, block in BLOCK.findall(text) if language in languages]


def test_the_page_shows_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All blocks in order, as one session, in a folder with the files that they name."""
    pool_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    session = "\n".join(blocks("library.md", "pycon"))
    test = doctest.DocTestParser().get_doctest(session, {}, "library.md", None, 0)
    assert len(test.examples) > 20
    report: list[str] = []
    results = doctest.DocTestRunner(optionflags=OPTIONS).run(test, out=report.append)
    assert not results.failed, "".join(report)


def test_no_block_of_python_is_left_out() -> None:
    """Everything in Python stands in the session."""
    assert not blocks("library.md", "python", "py")


def test_every_function_is_on_the_page() -> None:
    """And what it returns."""
    text = (ROOT / "docs" / "library.md").read_text("utf-8")
    for name in xenops_cpu.__all__:
        assert re.search(rf"\b{name}\b", text), name
