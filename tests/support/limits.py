"""Which test reaches which limit: a mark to read, and a test that reads all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def reaches(*names: str) -> Callable[[F], F]:
    """The test goes up to these limits (fields of xenops_cpu.limits.Limits) and beyond."""
    return lambda test: test
