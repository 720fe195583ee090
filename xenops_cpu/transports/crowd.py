"""Who is connected, in which state, and who has to go: constant work however many there are.

Connections in one state stand in a queue, in the order in which they came into it, and all of one
queue have the same time to stay. So the front of a queue is who is late first, and who makes room
first. Everybody is counted three times: among all, with their user, with their process; whoever has
too many connections makes room out of their own.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator
from itertools import takewhile

from ..limits.service import Limits
from .connection import Connection

# The states of a connection:
IDLE = 0  # between two requests, or nothing said yet
READING = 1  # a part of a request has arrived
WRITING = 2  # an answer waits to be taken; nothing is read meanwhile
BUSY = 3  # the workers have its call; it is not looked at meanwhile
LEAVING = 4  # its last answer is given: what it still sends is dropped, so that it gets to read it
REFUSING = 5  # its request cannot be taken; its body will tell in which wire to say so
_STATES = 6

_KEPT_GROUPS = 50

# Who makes room, in this order, when no request has been unfinished for long. A connection whose
# call is in hand (BUSY) never does.
_GIVES_WAY = (REFUSING, LEAVING, IDLE, READING, WRITING)


class _Group:
    """Connections that are counted together, in their queues."""

    __slots__ = ("count", "most", "queues")

    def __init__(self, most: int) -> None:
        self.most = most
        self.count = 0
        self.queues: tuple[OrderedDict[Connection, None], ...] = tuple(
            OrderedDict() for _ in range(_STATES)
        )


class Crowd:
    """All connections, by file descriptor and by state."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seconds = (
            limits.idle_seconds,
            limits.request_seconds,
            limits.write_seconds,
            float("inf"),  # the workers have a limit of their own
            limits.leave_seconds,
            limits.refuse_seconds,
        )
        self._by_fd: dict[int, Connection] = {}
        self._all = _Group(limits.connections)
        self._users: dict[int, _Group] = {}
        self._processes: dict[int, _Group] = {}
        self.get = self._by_fd.get

    def __len__(self) -> int:
        return len(self._by_fd)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_fd.values()))

    def waiting(self, state: int) -> list[Connection]:
        """Those in a state, the first to come first."""
        return list(self._all.queues[state])

    def first(self, state: int) -> Connection | None:
        """Who has been in a state for longest."""
        return next(iter(self._all.queues[state]), None)

    def add(self, connection: Connection) -> None:
        """A newcomer, idle."""
        self._by_fd[connection.sock.fileno()] = connection
        pid, uid = connection.peer
        process = self._processes.get(pid)
        if process is None:
            process = self._processes[pid] = _Group(self._limits.process_connections)
        user = self._users.get(uid)
        if user is None:
            user = self._users[uid] = _Group(self._limits.user_connections)
        connection.groups = (process, user, self._all)
        for group in connection.groups:
            group.count += 1
            group.queues[IDLE][connection] = None
        connection.state = IDLE
        connection.deadline = time.monotonic() + self._seconds[IDLE]

    def remove(self, connection: Connection) -> None:
        """Forget it; nothing when that has happened before."""
        if self._by_fd.pop(connection.sock.fileno(), None) is None:
            return
        for group in connection.groups:
            group.count -= 1
            del group.queues[connection.state][connection]
        # Whoever makes a connection for each call comes again at once: some empty groups are kept.
        pid, uid = connection.peer
        if len(self._processes) > _KEPT_GROUPS and not self._processes[pid].count:
            del self._processes[pid]
        if len(self._users) > _KEPT_GROUPS and not self._users[uid].count:
            del self._users[uid]

    def enter(self, connection: Connection, state: int) -> None:
        """Its time in `state` begins now, also when it was in it before."""
        connection.deadline = time.monotonic() + self._seconds[state]
        before = connection.state
        if state == before:
            for group in connection.groups:
                group.queues[state].move_to_end(connection)
            return
        for group in connection.groups:
            del group.queues[before][connection]
            group.queues[state][connection] = None
        connection.state = state

    def late(self, now: float) -> list[Connection]:
        """Those whose time in their state is over."""
        return [
            connection
            for queue in self._all.queues
            for connection in takewhile(lambda waiting: waiting.deadline <= now, queue)
        ]

    def surplus(self, newcomer: Connection) -> Connection | None:
        """Who has to go since the newcomer came; None when there is room."""
        for group in newcomer.groups:
            if group.count > group.most:
                return self._first_to_go(group, newcomer)
        return None

    def first_to_go(self) -> Connection | None:
        """Who has to go when the system has no more files."""
        return self._first_to_go(self._all, None)

    def _first_to_go(self, group: _Group, newcomer: Connection | None) -> Connection | None:
        unfinished = next(iter(group.queues[READING]), None)
        if unfinished is not None:
            begun = unfinished.deadline - self._limits.request_seconds
            if time.monotonic() - begun > self._limits.young_seconds:
                return unfinished
        for state in _GIVES_WAY:
            first = next(iter(group.queues[state]), None)
            if first is not None and first is not newcomer:
                return first
        return None
