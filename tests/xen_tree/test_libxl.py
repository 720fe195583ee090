"""scripts/describe-libxl: since when libxl knows its names, out of a history."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import xen_tree as made_up
from xen_tree.check_points import Repository
from xen_tree.libxl import FILES, TARGET, main, meanings, since
from xen_tree.tree import TreeError

# The first table has one name of its own with the wrong register; Xen's names come with the second.
FIRST = """
    {"fpu", 0x00000001, NA, CPUID_REG_EDX,  0,  1},
    {"vme", 0x00000001, NA, CPUID_REG_ECX,  1,  1},
"""
SECOND = """
    {"maxleaf", 0x00000000, NA, CPUID_REG_EAX, 0, 32},
    static const struct feature_name features[] = INIT_FEATURE_NAMES;
"""


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A small repository with two tags of 4.21, whose libxl differs."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    made_up.plant(tmp_path)
    subprocess.run([*git, "init", "-q"], check=True)
    for tag, text in (("RELEASE-4.21.0", FIRST), ("RELEASE-4.21.1", SECOND)):
        file = tmp_path / FILES[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", tag], check=True)
        subprocess.run([*git, "tag", tag], check=True)
    return tmp_path


def test_both_tables_of_a_tag(history: Path) -> None:
    """Its own names, and Xen's where it takes them."""
    repository = Repository(history)
    first, second = (meanings(repository, f"RELEASE-4.21.{point}") for point in (0, 1))
    assert set(first) == {"fpu", "vme"}
    assert set(second) == {"maxleaf", "fpu", "vme", "htt"}
    with pytest.raises(TreeError, match=r"RELEASE-4\.21\.2 has no tools/libs/light"):
        meanings(repository, "RELEASE-4.21.2")


def test_since_when(history: Path) -> None:
    """A name counts from where all later ones mean the same bits; what no tag has is to come."""
    first = since(Repository(history), "4.21", 1)
    assert (first["fpu"], first["vme"], first["maxleaf"]) == (0, 1, 1)
    assert first["sse3"] == 2


def test_the_command(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no history of Xen's is said, and nothing is written."""
    before = TARGET.read_text()
    assert main([str(history)]) == 2
    assert "RELEASE-4.13.5 has no tools/libs/light/libxl_cpuid.c" in capsys.readouterr().err
    assert TARGET.read_text() == before


@pytest.mark.skipif("XEN_GIT" not in os.environ, reason="XEN_GIT names no clone of xen.git")
def test_a_real_history_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    """The table is what a real clone says (XEN_GIT=... pytest)."""
    assert main([os.environ["XEN_GIT"], "--check"]) == 0, capsys.readouterr()
