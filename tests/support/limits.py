"""Which test reaches which limit: a mark to read, and a test that reads all of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from tests import ROOT

F = TypeVar("F", bound=Callable[..., object])


def reaches(*names: str) -> Callable[[F], F]:
    """The test goes up to these limits (fields of xenops_cpu.limits.service.Limits) and beyond."""
    return lambda test: test


def reached() -> set[str]:
    """The limits that tests say they reach."""
    return {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for names in re.findall(r"^@reaches\(([^)]*)\)", path.read_text(), re.MULTILINE)
        for name in re.findall(r'"(\w+)"', names)
    }
