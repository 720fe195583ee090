"""docs/add-a-method.md: what the page says is done, in a copy of the project, and it works."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import pytest

from idl_tools.released import versions
from tests import ROOT
from tests.daemon.test_daemon import Daemon
from tests.support.followed import Copy, copy

PAGE = ROOT / "docs" / "add-a-method.md"
METHOD = "HOST.boot_features"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """A copy of the project in which somebody did what the page says, up to the tests."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    project = copy(PAGE, tmp_path_factory.mktemp("project"))
    for module, *arguments in (
        ("idl_tools.generate",),
        ("idl_tools.test_data", "generate", str(project.folder / "idl/test_data")),
    ):
        done = project.run(module, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
    return project


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_golden_calls_are_added_and_none_is_changed(project: Copy) -> None:
    """The method has requests and responses on both wires; every other file is as it was."""
    before, after = files_of(ROOT / "idl/test_data"), files_of(project.folder / "idl/test_data")
    assert before.items() < after.items()
    new = after.keys() - before.keys()
    assert all(METHOD in name for name in new)
    assert {Path(name).parent.as_posix() for name in new} == {
        f"{wire}/{kind}" for wire in ("xmlrpc", "jsonrpc") for kind in ("requests", "responses")
    }


def test_the_promise_is_kept(project: Copy) -> None:
    """Every generated file is current, and the method is new since the last release."""
    done = project.run("idl_tools.generate", "--check", "--against", "newest")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"since {versions(ROOT)[-1]}: {METHOD}: is a new method\n" in done.stdout


def test_tests_of_the_method_pass(project: Copy) -> None:
    """The page's own test passes in the copy, and so do those of the contract."""
    printed = project.tests(
        "tests/service/test_service.py",
        "tests/idl/test_interface.py",
        "tests/wire/test_dispatch.py",
    )
    assert "::test_boot_features_are_named PASSED" in printed


def test_types_are_whole(project: Copy) -> None:
    """mypy finds nothing missing: the service and the tests' stand-in have the method."""
    done = project.run("mypy", "--cache-dir", os.devnull, "tests/wire/test_dispatch.py")
    if "No module named mypy" in done.stderr:
        pytest.skip("mypy is not installed")
    assert done.returncode == 0, done.stdout


def test_it_answers_a_caller(
    project: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real service of the copy answers the call that the page shows."""
    page = PAGE.read_text("utf-8")
    (call,) = re.findall(rf"^    xenops-cpu (call {METHOD} .*) --socket", page, re.MULTILINE)
    monkeypatch.chdir(project.folder)  # where `python -m` looks first
    daemon = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    done = project.run("xenops_cpu", *shlex.split(call), "--socket", str(daemon.socket))
    daemon.stop()
    assert (done.returncode, done.stderr) == (0, "")
    assert {"FPU", "SSE2", "NX"} <= set(json.loads(done.stdout))
