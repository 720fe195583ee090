"""A bar on standard error for work that takes longer than a second; nothing where nobody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from ..text.escapes import escaped
from . import gate

T = TypeVar("T")

_PATIENCE_SECONDS = 1.0
_REFRESH_SECONDS = 0.2
_WIDTH = 30


class Progress:
    """`step(done)` as often as you like; a context, so that the line is cleared at the end."""

    def __init__(self, subject: str, total: int) -> None:
        self.subject = subject
        self.total = max(total, 1)
        self.shown = False
        self._on_terminal = sys.stderr.isatty()
        self._next = time.monotonic() + _PATIENCE_SECONDS

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self._draw("")

    def step(self, done: int) -> None:
        if not self._on_terminal or (now := time.monotonic()) < self._next:
            return
        self._next, self.shown = now + _REFRESH_SECONDS, True
        filled = min(_WIDTH, _WIDTH * done // self.total)
        bar = "#" * filled + "." * (_WIDTH - filled)
        percent = min(100, 100 * done // self.total)
        self._draw(f"{escaped(self.subject)} [{bar}] {percent:3} % ({done} of {self.total})")

    def _draw(self, text: str) -> None:
        """In the place of the line that is there."""
        err = gate.of(sys.stderr)
        err.trusted(f"\r{text}\x1b[K")
        err.flush()


def tracked(items: Sequence[T] | Iterable[T], subject: str, total: int) -> Iterator[T]:
    """The items, with a bar that moves as they are taken."""
    with Progress(subject, total) as bar:
        for done, item in enumerate(items):
            bar.step(done)
            yield item
