"""Files and folders that the documentation names are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_FOLDERS = "xenops_cpu|scripts|tests|docs|idl|packaging|examples|requirements"
_PLACE = re.compile(rf"`((?:{_FOLDERS})/[\w./-]+)`")
# In libvirt's source; and what a reader is about to make.
_ELSEWHERE = {"tests/cputestdata", "xenops_cpu/data/features/4.23.json"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    """Whatever begins like a path of this project is one."""
    places = set(_PLACE.findall(page.read_text("utf-8"))) - _ELSEWHERE
    assert {place for place in places if not (ROOT / place).exists()} == set()


def test_rooms_that_are_named_are_there() -> None:
    """The page about the house names them by their place in the package, or at the top."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    words = page.partition("## The picture")[0]
    places = re.findall(r"`([a-z_]+/(?:[\w/]+(?:\.py)?)?)`", words)
    assert len(places) > 20
    here = (ROOT, ROOT / "xenops_cpu")
    assert [place for place in places if not any((top / place).exists() for top in here)] == []
