"""xenops-cpu history, from the file and from a service."""

import json
from pathlib import Path
from textwrap import indent

import pytest

from tests import ROOT
from tests.history.test_store import HOST, without
from xenops_cpu import inputs
from xenops_cpu.cli.main import main
from xenops_cpu.history import store
from xenops_cpu.history.fingerprint import Fingerprint
from xenops_cpu.history.surroundings import Surroundings
from xenops_cpu.hosts import capture


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A store with two entries: microcode took AVX2 away."""
    path = tmp_path / "history.sqlite"
    around = [Surroundings(f"0x{n}", "Dell 2.1", "b5e", "boot") for n in (1, 2)]
    store.record(path, Fingerprint(HOST, around[0]), "xen", 0.0)
    store.record(path, Fingerprint(without("AVX2"), around[1]), "xen", 86400.0)
    return path


def test_for_people(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each entry with its time and what is known, what changed by name, and why."""
    assert main(["history", "--store", str(kept)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1  1970-01-01T00:00:00Z  Xen 4.17.7, microcode 0x1, firmware Dell 2.1",
        "    the first that was kept of xen",
        "    seen last 1970-01-01T00:00:00Z",
        "2  1970-01-02T00:00:00Z  Xen 4.17.7, microcode 0x2, firmware Dell 2.1",
        "    featureset host has changed: lost AVX2",
        "    microcode has changed: 0x1 → 0x2",
        "    likely cause: microcode 0x1 → 0x2, loaded while the host ran",
        "    seen last 1970-01-02T00:00:00Z",
    ]


def test_for_programs(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A list of the contract's records; only those after the one that is known."""
    assert main(["history", "--store", str(kept), "--json"]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert (first["id"], second["microcode"]) == (1, "0x2")
    assert main(["history", "--store", str(kept), "--json", "--last", "1"]) == 0
    assert json.loads(capsys.readouterr().out) == [second]
    assert main(["history", "--store", str(kept), "--last", "2"]) == 0
    assert capsys.readouterr().out == "no entries\n"


def test_a_host_of_the_past(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A capture, which every other command reads."""
    assert main(["history", "--store", str(kept), "--host", "1"]) == 0
    assert capture.load(capsys.readouterr().out) == HOST
    assert main(["history", "--store", str(kept), "--host", "9"]) == 3
    assert "has no entry 9" in capsys.readouterr().err


def test_what_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, no database, no service: a sentence and exit code 3."""
    assert main(["history", "--store", str(tmp_path / "none.sqlite")]) == 3
    assert "there is no file" in capsys.readouterr().err
    (tmp_path / "bad.sqlite").write_text("x" * 5000)
    assert main(["history", "--store", str(tmp_path / "bad.sqlite")]) == 3
    assert "not a database" in capsys.readouterr().err
    assert main(["history", "--socket", str(tmp_path / "none")]) == 3
    assert "no such socket" in capsys.readouterr().err
    assert main(["history", "--store", str(tmp_path / "x.sqlite"), "--follow"]) == 2
    assert "--follow needs a running service" in capsys.readouterr().err


def test_an_update_of_microcode_as_the_manual_shows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """docs/host.md shows the entry of Cascade Lake's update against TAA, which switches TSX off."""
    path = tmp_path / "history.sqlite"
    days = {"2019-09": ("0x500002b", 1573000000.0), "2019-11": ("0x500002c", 1573574400.0)}
    for release, (revision, day) in days.items():
        around = Surroundings(revision, "Dell Inc. 2.4.8", "", f"boot of {release}")
        (host,) = inputs.resolve(f"cpu:xeon-platinum-8280+{release}@4.17").hosts
        store.record(path, Fingerprint(host.host, around), "xen", day)
    assert main(["history", "--store", str(path), "--last", "1"]) == 0
    shown = indent(capsys.readouterr().out, " " * 4)
    assert shown in (ROOT / "docs" / "host.md").read_text()
