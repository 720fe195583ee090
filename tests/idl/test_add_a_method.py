"""docs/add-a-method.md: what the page says is done, in a copy of the project, and it works."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from idl_tools.released import versions
from tests import ROOT
from tests.daemon.test_daemon import Daemon

PAGE = ROOT / "docs" / "add-a-method.md"
# A mark names the file and the line that the block behind it goes before.
BLOCK = re.compile(
    r"^<!-- (?P<file>\S+), (?:before: (?P<line>[^\n]+)|at its end) -->\n```\w+\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
METHOD = "HOST.boot_features"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which somebody did what the page says, up to the tests."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    folder = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__", ".*cache")
    for name in ("xenops_cpu", "scripts", "idl", "tests", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for name in ("README.md", "CHANGELOG.md", "pyproject.toml", "setup.cfg"):
        shutil.copy(ROOT / name, folder)
    blocks = list(BLOCK.finditer(PAGE.read_text("utf-8")))
    assert len(blocks) == 4
    for block in blocks:
        insert(folder / block["file"], block["line"], block["text"])
    test = folder / "tests/service/test_service.py"
    test.write_text(
        re.sub(
            r"(?<=from xenops_cpu.interface import )(?=InternalError)",
            "GuestType, ",
            test.read_text("utf-8"),
        ),
        "utf-8",
    )
    for module, *arguments in (
        ("idl_tools.generate",),
        ("idl_tools.test_data", "generate", str(folder / "idl/test_data")),
    ):
        done = run(folder, module, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
    return folder


def insert(path: Path, line: str | None, text: str) -> None:
    """Put a block before the only line that begins so, as deep as it, or at the end of the file."""
    content = path.read_text("utf-8")
    if line is None:
        path.write_text(f"{content}\n\n{text}", "utf-8")
        return
    assert content.count(f"\n{line}") == 1, f"{path.name}: {line}"
    before, _, after = content.partition(f"\n{line}")
    deep = line[: len(line) - len(line.lstrip())]
    block = textwrap.indent(textwrap.dedent(text).strip("\n"), deep)
    path.write_text(f"{before}\n{block}\n\n{line}{after}", "utf-8")


def environment(folder: Path) -> dict[str, str]:
    return os.environ | {
        "PYTHONPATH": f"{folder}:{folder / 'scripts'}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def run(folder: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A module of the copy, in the Python that runs the tests."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_golden_calls_are_added_and_none_is_changed(project: Path) -> None:
    """The method has requests and responses on both wires; every other file is as it was."""
    before, after = files_of(ROOT / "idl/test_data"), files_of(project / "idl/test_data")
    assert before.items() < after.items()
    new = after.keys() - before.keys()
    assert all(METHOD in name for name in new)
    assert {Path(name).parent.as_posix() for name in new} == {
        f"{wire}/{kind}" for wire in ("xmlrpc", "jsonrpc") for kind in ("requests", "responses")
    }


def test_the_promise_is_kept(project: Path) -> None:
    """Every generated file is current, and the method is new since the last release."""
    done = run(project, "idl_tools.generate", "--check", "--against", "newest")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"since {versions(ROOT)[-1]}: {METHOD}: is a new method\n" in done.stdout


def test_tests_of_the_method_pass(project: Path) -> None:
    """The page's own test passes in the copy, and so do those of the contract."""
    done = run(
        project,
        "pytest",
        *("-v", "-p", "no:cacheprovider", "-m", "not slow"),
        *(
            "tests/service/test_service.py",
            "tests/idl/test_interface.py",
            "tests/wire/test_dispatch.py",
        ),
    )
    assert done.returncode == 0, done.stdout
    assert "::test_boot_features_are_named PASSED" in done.stdout


def test_types_are_whole(project: Path) -> None:
    """mypy finds nothing missing: the service and the tests' stand-in have the method."""
    done = run(project, "mypy", "--cache-dir", os.devnull, "tests/wire/test_dispatch.py")
    if "No module named mypy" in done.stderr:
        pytest.skip("mypy is not installed")
    assert done.returncode == 0, done.stdout


def test_it_answers_a_caller(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real service of the copy answers the call that the page shows."""
    page = PAGE.read_text("utf-8")
    (call,) = re.findall(rf"^    xenops-cpu (call {METHOD} .*) --socket", page, re.MULTILINE)
    monkeypatch.chdir(project)  # where `python -m` looks first
    daemon = Daemon(tmp_path, "--source", "example:epyc-xen-4.17")
    done = run(project, "xenops_cpu", *shlex.split(call), "--socket", str(daemon.socket))
    daemon.stop()
    assert (done.returncode, done.stderr) == (0, "")
    assert {"FPU", "SSE2", "NX"} <= set(json.loads(done.stdout))
