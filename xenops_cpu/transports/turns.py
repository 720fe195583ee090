"""Who waits, by caller: callers take turns, however much each of them has waiting."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Entries that wait, each of a caller, who is a number (a process): constant work for each.

    An entry waits for those of its caller before it, and for one of each other caller each time.
    """

    __slots__ = ("_count", "_waiting")

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, deque[T]] = OrderedDict()  # who is first has the next turn
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, caller: int, entry: T) -> None:
        """Behind the caller's others."""
        entries = self._waiting.get(caller)
        if entries is None:
            entries = self._waiting[caller] = deque()
        entries.append(entry)
        self._count += 1

    def next(self) -> tuple[int, T]:
        """The first entry of the caller whose turn it is. Raises KeyError when nothing waits."""
        caller, entries = self._waiting.popitem(last=False)
        entry = entries.popleft()
        self._count -= 1
        if entries:
            self._waiting[caller] = entries  # at the end of the queue
        return caller, entry
