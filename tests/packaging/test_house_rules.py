"""The rules of the house that a script holds: names that say something, files of a size to read."""

from __future__ import annotations

import ast
import runpy

import pytest

from tests import ROOT

RULES = runpy.run_path(str(ROOT / "scripts" / "quality" / "house_rules.py"))


@pytest.mark.parametrize(
    "code",
    [
        "found = 1",
        "for one in (): pass",
        "def level(given): pass",
        "key = lambda _rest: 0",
        "import json as what",
        "class Found: pass",
        "self.told = 1",
        "first, *rest = words",
        "match word:\n    case [_, *rest]: pass",
        "with file as this: pass",
        "if (got := word): pass",
        "def level(asked): pass",
        "self._taken = 1",
    ],
)
def test_a_name_that_says_nothing_is_seen(code: str) -> None:
    """Wherever Python binds a name, and with or without an underscore before it."""
    (fault,) = RULES["faults"](ROOT / "scripts" / "x.py", f"{code}\n")
    assert "scripts/x.py:" in fault
    assert "does not say what it is" in fault


def test_other_names_and_texts_are_not_looked_at() -> None:
    """A name that has such a word in it, strings, and what another module calls its own."""
    code = 'one_word = told_by.found("rest", given=what)\ndef asked(): pass\n'
    assert not list(RULES["names"](ast.parse("f(given=1)\n")))
    assert not list(RULES["faults"](ROOT / "scripts" / "x.py", code))


def test_a_long_file_is_seen() -> None:
    """From one line more than there may be, whatever it is written in."""
    most = RULES["MOST_LINES"]
    for name in ("x.py", "x.c", "x"):
        path = ROOT / "scripts" / name
        assert not list(RULES["faults"](path, "\n" * most))
        assert len(list(RULES["faults"](path, "\n" * (most + 1)))) == 1


def test_the_house_keeps_them() -> None:
    """Nothing in the package and the scripts is against the rules."""
    assert RULES["main"]() == 0
