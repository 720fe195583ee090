"""Predictions held to what real and compiled Xens gave, and the script that does it."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from guest_tools import domains, policies, texts, verify
from guest_tools.score import Score
from tests import GOLDEN, SHARED, needs_shared

FOLDER = GOLDEN / "vm"


def scores(folder: Path) -> tuple[Score, Score, Score]:
    of_domains, of_guests, of_policies = Score("domains"), Score("guests"), Score("policies")
    domains.booted_hosts(folder, of_domains, of_guests, of_policies)
    domains.userspace(folder, of_domains, of_policies)
    return of_domains, of_guests, of_policies


def test_the_small_set() -> None:
    """Every domain, guest and system policy of the small golden set comes out as it really was."""
    of_domains, of_guests, of_policies = scores(FOLDER / "guests")
    for path in sorted((FOLDER / "golden").glob("policies-*")):
        policies.count(path, FOLDER, of_policies)
    for score in (of_domains, of_guests, of_policies):
        assert score.good, score.mismatches
    assert (of_domains.total, of_guests.total, of_policies.total) == (620, 814, 162)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("break_it", "what"),
    [
        (lambda r, p: r["results"][0].update(rc=-5), "domains: 619 of 620"),
        (lambda r, p: p[r["policy"]]["leaves"].pop(), "domains:"),
        (lambda r, p: p[r["policy"]]["msrs"].reverse(), "all: 1488 of 1488"),
    ],
    ids=["return code", "a leaf", "order of registers"],
)
def test_the_script_finds_what_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    break_it: object, what: str,
) -> None:  # fmt: skip
    """One record changed: it is counted, shown, and the exit code is 1."""
    shutil.copytree(FOLDER, tmp_path / "vm")
    path = tmp_path / "vm" / "guests" / "domains" / "EPYC-4.17.json.gz"
    data = texts.load(path)
    record = next(r for r in data["records"] if r["steps"] and r["results"][0]["rc"] == 0)
    assert callable(break_it)
    break_it(record, data["policies"])
    path.write_bytes(gzip.compress(json.dumps(data).encode()))
    monkeypatch.setattr("sys.argv", ["verify-guests", str(tmp_path / "vm" / "guests")])
    code = verify.main()
    printed = capsys.readouterr().out
    assert what in printed
    assert code == (0 if what.startswith("all") else 1)
    assert (f"EPYC-4.17 {record['kind']} {record['name']}: " in printed) is (code == 1)


def test_the_script_says_what_it_cannot_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty folder is nothing to compare, and no success."""
    monkeypatch.setattr("sys.argv", ["verify-guests", str(tmp_path)])
    assert verify.main() == 3
    assert "nothing to compare" in capsys.readouterr().err
    monkeypatch.setattr("sys.argv", ["verify-guests", str(tmp_path / "none")])
    assert verify.main() == 3


@needs_shared
@pytest.mark.slow
def test_the_whole_collection() -> None:
    """All of the reference data beside the checkout."""
    found = scores(SHARED / "xen" / "guests")
    for path in sorted((SHARED / "xen" / "golden").glob("*policies*.jsonl*")):
        policies.count(path, SHARED / "xen", found[2])
    for score in found:
        assert score.good, score.mismatches
        assert score.total
