"""The dune project that OCaml programs link: it is whole, parses, and calls the service."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import ROOT
from tests.daemon.test_daemon import Daemon

PROJECT = ROOT / "idl" / "ocaml"
SOURCES = sorted(PROJECT.glob("*/*.ml"))


def test_it_stands_alone() -> None:
    """Every library and module that its files name is in it or in its opam file."""
    opam = (PROJECT / "xenops-cpu-idl.opam").read_text()
    dune = "".join(path.read_text() for path in PROJECT.glob("*/dune"))
    for library in ("rpclib", "ppx_deriving_rpc", "unix"):
        assert re.search(rf'"(base-)?{library}"', opam), library
        assert library in dune
    assert (PROJECT / "lib" / "xenops_cpu_interface.ml").read_bytes() == (
        ROOT / "idl" / "xenops_cpu_interface.ml"
    ).read_bytes()
    assert not any(path.is_symlink() for path in PROJECT.rglob("*"))


@pytest.mark.skipif(not shutil.which("ocamlc"), reason="OCaml's compiler is not installed")
@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_it_parses(path: Path, tmp_path: Path) -> None:
    """OCaml's own parser takes every source."""
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    command = ["ocamlc", "-stop-after", "parsing", "-w", "+a", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def _has_rpclib() -> bool:
    if not shutil.which("dune") or not shutil.which("ocamlfind"):
        return False
    query = ["ocamlfind", "query", "rpclib", "ppx_deriving_rpc"]
    return subprocess.run(query, capture_output=True).returncode == 0


@pytest.mark.skipif(not _has_rpclib(), reason="dune with rpclib and its ppx is not installed")
def test_it_calls_the_service(tmp_path: Path) -> None:
    """Built with the genuine rpclib, the command prints what the service answers."""
    shutil.copytree(PROJECT, tmp_path / "project")
    subprocess.run(["dune", "build"], cwd=tmp_path / "project", check=True)
    program = tmp_path / "project/_build/default/bin/host_get_cpu_info.exe"
    daemon = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    done = subprocess.run([program, str(daemon.socket)], capture_output=True, text=True)
    daemon.stop()
    assert "vendor             AuthenticAMD\n" in done.stdout
    assert done.returncode == 0
    gone = subprocess.run([program, str(daemon.socket)], capture_output=True, text=True)
    assert gone.returncode == 3
