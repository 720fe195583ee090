"""Who waits, by caller: callers take turns, however much each of them has waiting."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """Things that wait, each of a caller, who is a number (a process); constant work for each.

    Nobody waits for more than one thing of each other caller, and for the own ones before.
    """

    __slots__ = ("_count", "_waiting")

    def __init__(self) -> None:
        self._waiting: OrderedDict[int, deque[T]] = OrderedDict()  # who is first has the next turn
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, caller: int, thing: T) -> None:
        """Behind the caller's others."""
        things = self._waiting.get(caller)
        if things is None:
            things = self._waiting[caller] = deque()
        things.append(thing)
        self._count += 1

    def next(self) -> tuple[int, T]:
        """The first thing of the caller whose turn it is. Raises KeyError when nothing waits."""
        caller, things = self._waiting.popitem(last=False)
        thing = things.popleft()
        self._count -= 1
        if things:
            self._waiting[caller] = things  # at the end of the queue
        return caller, thing
