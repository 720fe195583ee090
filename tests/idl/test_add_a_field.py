"""docs/add-a-field.md: what the page says is done, in a copy of the project, and it works."""

from __future__ import annotations

import pytest

from tests import ROOT
from tests.support.followed import Copy, copy

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """With all that is generated, as the page has it."""
    pytest.importorskip("yaml", reason="the generator reads the contract with PyYAML")
    project = copy(ROOT / "docs" / "add-a-field.md", tmp_path_factory.mktemp("project"))
    for module, *arguments in (
        ("idl_tools.generate",),
        ("idl_tools.test_data", "generate", str(project.folder / "idl/test_data")),
    ):
        done = project.run(module, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
    return project


def test_the_promise_is_kept(project: Copy) -> None:
    """The member is new since the last release, and may be."""
    done = project.run("idl_tools.generate", "--check", "--against", "newest")
    assert (done.returncode, done.stderr) == (0, "")
    assert ": PoolCost.gives: is a new member (responses of POOL.level)\n" in done.stdout


def test_only_its_golden_calls_change(project: Copy) -> None:
    """Those of POOL.level, which have it or have it not."""
    data = ROOT / "idl/test_data"
    changed = {
        path.relative_to(project.folder).name.split(".response.")[0]
        for path in (project.folder / "idl/test_data").rglob("*.*.*")
        if path.is_file()
        and (
            not (old := data / path.relative_to(project.folder / "idl/test_data")).is_file()
            or old.read_bytes() != path.read_bytes()
        )
    }
    assert changed == {"POOL.level"}


def test_tests_pass(project: Copy) -> None:
    """The page's own, and those of the contract and its released calls."""
    printed = project.tests("tests/service/test_pools.py", "tests/idl")
    assert "::test_costs_say_what_a_host_gives PASSED" in printed


def test_it_is_in_style(project: Copy) -> None:
    """What the page adds passes the guards of the project."""
    project.is_in_style()
