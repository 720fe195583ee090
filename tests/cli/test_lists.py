"""examples and releases: what is shipped, as lists."""

from __future__ import annotations

import pytest

from tests.cli.test_decode import Shell
from xenops_cpu.derivation import DERIVED_RELEASES
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.sources.recorded import examples


@pytest.fixture
def sh(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_every_example_is_in_the_list_as_one_types_it(sh: Shell) -> None:
    """Each line begins with what other commands take, and info takes it."""
    lines = sh("examples").splitlines()[1:]
    names = [line.split()[0] for line in lines]
    assert names == [f"example:{name}" for name in examples()]
    assert all(release_of in sh("info", "--source", names[0]) for release_of in ("Xen 4.17",))
    entries = sh.json("examples")["examples"]
    assert [entry["host"] for entry in entries] == names
    assert all(entry["release"] in RELEASES and entry["words"] for entry in entries)


def test_every_release_is_in_the_list(sh: Shell) -> None:
    """With its words, its newest point release, and whether it can be simulated."""
    lines = sh("releases").splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(RELEASES)
    entries = {entry["release"]: entry for entry in sh.json("releases")["releases"]}
    assert list(entries) == list(RELEASES)
    assert [name for name, entry in entries.items() if entry["simulated"]] == [
        name for name in RELEASES if name in DERIVED_RELEASES
    ]
    assert entries["4.17"]["point_release"].startswith("4.17.")
    assert entries["4.13"]["has_max"] is False
    assert entries["4.13"]["words"] == release("4.13").length
