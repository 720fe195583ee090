"""What the oldest packages that setup.cfg allows cannot do is not asked of them.

scripts/test-floors runs everything with them; this says the known ones at once.
"""

import ast
from collections.abc import Iterator

from tests import ROOT


def classes() -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class of the package's files that know cached properties, with where it stands."""
    for path in sorted((ROOT / "xenops_cpu").rglob("*.py")):
        text = path.read_text()
        tree = ast.parse(text if "cached_property" in text else "")
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def caches(node: ast.ClassDef) -> bool:
    """Whether a class has a cached property."""
    return any(
        isinstance(part, ast.FunctionDef)
        and any(ast.unparse(mark).endswith("cached_property") for mark in part.decorator_list)
        for part in node.body
    )


def slotted(node: ast.ClassDef) -> bool:
    """Whether attrs leaves the class no place but that of its fields."""
    marks = [ast.unparse(mark) for mark in node.decorator_list]
    return any(
        mark.removeprefix("attrs.").startswith(("frozen", "define", "mutable"))
        and "slots=False" not in mark
        for mark in marks
    )


def test_a_cached_property_has_a_place() -> None:
    """attrs before 23.2 gives a slotted record none: such a record is one without slots."""
    caching = {where: slotted(node) for where, node in classes() if caches(node)}
    assert len(caching) > 3
    assert [where for where, without_place in caching.items() if without_place] == []


def test_records_are_filtered_by_a_function() -> None:
    """attrs before 23.1 takes no names in attrs.filters: it looks for them among hashed values."""
    for path in sorted((ROOT / "xenops_cpu").rglob("*.py")):
        assert "attrs.filters" not in path.read_text("utf-8"), path
