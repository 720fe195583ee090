"""The picture of the house is drawn, and held to be one, by what the modules really import."""

from __future__ import annotations

import runpy

import pytest

from tests import ROOT

grimp = pytest.importorskip("grimp", reason="import-linter, which has grimp, is not installed")
DRAWING = runpy.run_path(str(ROOT / "scripts" / "draw-architecture"))


@pytest.mark.parametrize(
    ("imports", "circle"),
    [
        ("a.x a.y", []),
        ("a.x a.y, a.y a.x", ["a.x", "a.y"]),
        ("a.x a.y, a.y a.z, a.z a.x, a.z a.w", ["a.x", "a.y", "a.z"]),
        ("a a.x, a.x a", []),
        ("a.x a.x", []),
        ("a.x b.x, b.x a.y", []),
    ],
)
def test_a_circle_of_modules_is_seen(imports: str, circle: list[str]) -> None:
    """Two or more that stand on each other; a package that lists the names of its modules, and a
    module that imports itself to be called by name, are none.
    """
    graph = grimp.ImportGraph()
    for importer, imported in (pair.split() for pair in imports.split(", ")):
        graph.add_import(importer=importer, imported=imported)
    assert DRAWING["circles"](DRAWING["module_arrows"](graph)) == circle


def test_the_package_has_none() -> None:
    """Imports inside functions and those for the type checker count as well."""
    assert DRAWING["circles"](DRAWING["module_arrows"](grimp.build_graph("xenops_cpu"))) == []
