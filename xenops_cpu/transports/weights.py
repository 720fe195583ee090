"""How much of unfinished requests is held for whom, and who holds the most: in constant time.

Connections stand in classes, each for twice the bytes of the one before. One of the highest class
that anybody is in holds at least half as much as the largest of all, which is fair enough.
"""

from __future__ import annotations

from .connection import Connection


class Weights:
    """The sum for all connections, and who is in which class."""

    def __init__(self) -> None:
        self.total = 0
        self._classes: list[dict[Connection, None]] = [{} for _ in range(64)]
        self._highest = 0

    def weigh(self, connection: Connection, held: int) -> None:
        """`connection` holds `held` bytes now; 0 forgets it."""
        before = connection.held
        connection.held = held
        self.total += held - before
        was, now = before.bit_length(), held.bit_length()
        if was == now:
            return
        if before:
            del self._classes[was][connection]
        if held:
            self._classes[now][connection] = None
            self._highest = max(self._highest, now)

    def heaviest(self) -> Connection | None:
        """One that holds at least half of what anybody holds."""
        while self._highest and not self._classes[self._highest]:
            self._highest -= 1
        return next(iter(self._classes[self._highest]), None)
