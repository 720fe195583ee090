"""examples/04-ocaml: it type-checks by the interface and, where rpclib is, asks a service."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.daemon.test_daemon import Daemon
from tests.idl.test_ocaml import PROJECT, _has_rpclib
from tests.idl.test_ocaml_module import MODULE, WARNINGS, needs_ocaml, type_check

EXAMPLE = ROOT / "examples" / "04-ocaml"
SOURCE = EXAMPLE / "who_may_move.ml"
STAND_IN = Path(__file__).with_name("xenops_cpu_client.ml")


def checked(source: str, folder: Path) -> str:
    """What OCaml's compiler says of the example, beside the interface and stand-ins for rpclib and
    for the client, which is made with it.
    """
    assert type_check(MODULE.read_text("utf-8"), folder) == ""
    shutil.copy(STAND_IN, folder)
    (folder / SOURCE.name).write_text(source, "utf-8")
    command = ["ocamlc", "-I", "+unix", "-w", f"{WARNINGS}-32-67", "-c", STAND_IN.name, SOURCE.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (folder / "who_may_move.cmo").exists()
    return done.stdout + done.stderr


@needs_ocaml
def test_it_type_checks(tmp_path: Path) -> None:
    """OCaml's compiler takes it without a warning."""
    assert checked(SOURCE.read_text("utf-8"), tmp_path) == ""


@needs_ocaml
def test_a_wrong_call_does_not(tmp_path: Path) -> None:
    """The check is one: hosts where VMs belong, and a verdict that is forgotten."""
    text = SOURCE.read_text("utf-8")
    swapped = text.replace("[vm vm_features] [host", "[host host_features] [host")
    assert "but an expression was expected of type" in checked(swapped, tmp_path)
    (tmp_path / "2").mkdir()
    forgotten = text.replace("  | Only_by_force | Impossible ->", "  | Impossible ->")
    assert "this pattern-matching is not exhaustive" in checked(forgotten, tmp_path / "2")


@pytest.mark.skipif(not _has_rpclib(), reason="dune with rpclib and its ppx is not installed")
def test_it_asks_a_service(tmp_path: Path) -> None:
    """Built with the genuine rpclib inside idl/ocaml, as examples/README.md says."""
    shutil.copytree(PROJECT, tmp_path / "project")
    shutil.copytree(EXAMPLE, tmp_path / "project" / EXAMPLE.name)
    subprocess.run(["dune", "build"], cwd=tmp_path / "project", check=True)
    program = str(tmp_path / "project/_build/default" / EXAMPLE.name / "who_may_move.exe")
    daemon = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    try:
        for features, code in (("00000001", 0), ("00000003", 1)):
            command = [program, "00000001", features, str(daemon.socket)]
            assert subprocess.run(command, check=False).returncode == code
    finally:
        daemon.stop()
