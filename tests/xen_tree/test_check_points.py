"""scripts/check-point-releases: the table of point releases, held to a history."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support import xen_tree as made_up
from xen_tree.check_points import Repository, _unsaid, main, unnamed, wrong_commits


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """A small repository with two tags of 4.21: the second one brings a feature."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e"]
    made_up.plant(tmp_path)
    subprocess.run([*git, "init", "-q"], check=True)
    more = made_up.HEADER + "XEN_CPUFEATURE(NOVEL,         3*32+ 7) /*A  new */\n"
    for tag, text in (("RELEASE-4.21.0", made_up.HEADER), ("RELEASE-4.21.1", more)):
        made_up.plant(tmp_path, cpufeatureset_h=text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", tag], check=True)
        subprocess.run([*git, "tag", tag], check=True)
    return tmp_path


def test_features_of_a_tag(history: Path) -> None:
    """The header and the dependencies as they were then."""
    repository = Repository(history)
    before, after = (repository.features(f"RELEASE-4.21.{point}") for point in (0, 1))
    assert set(after) - set(before) == {"NOVEL"}
    assert before["FPU"] == (0, "A", ("3DNOW", "LONG_MODE"))


def test_what_no_line_names_is_found(history: Path) -> None:
    """A feature that is new, whose letters change, or on which others come to rest."""
    repository = Repository(history)
    before, after = (repository.features(f"RELEASE-4.21.{point}") for point in (0, 1))
    assert list(_unsaid(before, after, set(), "4.21.1")) == [
        "4.21.1 brings or changes NOVEL, which no line of the table names"
    ]
    assert list(_unsaid(before, after, {"NOVEL"}, "4.21.1")) == []
    changed = before | {"VME": (1, "A", before["VME"][2]), "FPU": (0, "A", ("3DNOW",))}
    assert list(_unsaid(before, changed, set(), "x")) == [
        "x: what rests on FPU changed, and no line of the table names it",
        "x brings or changes VME, which no line of the table names",
    ]


def test_the_command(history: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A history that is another one is wrong or no Xen, and it says why."""
    repository = Repository(history)
    assert any("is not in 4.13.1" in sentence for sentence in wrong_commits(repository))
    assert main([str(history)]) == 2
    assert "RELEASE-4.13.0" in capsys.readouterr().err
    assert main([str(history / "none")]) == 2


@pytest.mark.skipif("XEN_GIT" not in os.environ, reason="XEN_GIT names no clone of xen.git")
def test_a_real_history_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    """Of a real clone, every commit and every feature is as the table says (XEN_GIT=... pytest)."""
    assert main([os.environ["XEN_GIT"]]) == 0, capsys.readouterr()
    assert not list(unnamed(Repository(Path(os.environ["XEN_GIT"]))))
