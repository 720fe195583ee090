"""Who makes room when there are too many: over real sockets, and by the rules alone."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest
from attrs import evolve

from tests.support.limits import reaches
from tests.transports.test_unix_http import LIMITS, read_reply, request, running
from xenops_cpu.limits.service import Limits
from xenops_cpu.transports.connection import Connection, Peer, peer
from xenops_cpu.transports.crowd import BUSY, IDLE, READING, WRITING, Crowd
from xenops_cpu.transports.weights import Weights

HALF = b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc"


def gone(client: socket.socket) -> bool:
    """Whether the server has closed it."""
    client.settimeout(0.2)
    try:
        return client.recv(4096) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@reaches("connections")
def test_the_oldest_unfinished_request_goes_and_never_the_newcomer(tmp_path: Path) -> None:
    """With nothing but half-open connections, each newcomer is served, and the oldest pays."""
    limits = evolve(LIMITS, connections=20, process_connections=20, request_seconds=10.0)
    with running(tmp_path / "s", limits=limits) as service, contextlib.ExitStack() as stack:
        half = [stack.enter_context(service.connect()) for _ in range(20)]
        time.sleep(0.1)  # all are accepted, so that they begin in this order
        half[0].sendall(HALF)
        time.sleep(0.05)
        for client in half[1:]:
            client.sendall(HALF)
        time.sleep(0.05)
        for number in range(10):
            with service.connect() as newcomer:
                newcomer.sendall(request(b"%d" % number))
                assert read_reply(newcomer) == b"got %d" % number
            time.sleep(0.01)
        assert gone(half[0])
        assert not gone(half[-1])


@reaches("process_connections")
def test_a_process_with_too_many_pays_itself(tmp_path: Path) -> None:
    """Its own oldest connection goes; there is room for others all the while."""
    limits = evolve(LIMITS, connections=20, process_connections=5)
    with running(tmp_path / "s", limits=limits) as service, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(service.connect()) for _ in range(8)]
        for client in clients[3:]:
            client.sendall(request(b"x"))
            assert read_reply(client) == b"got x"
        assert [gone(client) for client in clients[:4]] == [True, True, True, False]


@pytest.fixture
def crowd() -> Crowd:
    return Crowd(
        Limits(connections=10, process_connections=3, user_connections=5, young_seconds=0.05)
    )


def come(crowd: Crowd, pid: int, uid: int = 0) -> Connection:
    """A connection of a process that there need not be."""
    ours, theirs = socket.socketpair()
    theirs.close()
    connection = Connection(ours, Peer(pid, uid), 100, json=False)
    crowd.add(connection)
    return connection


def let_go(crowd: Crowd) -> None:
    for connection in crowd:
        crowd.remove(connection)
        connection.sock.close()


@reaches("user_connections")
def test_a_user_with_too_many_processes_pays(crowd: Crowd) -> None:
    """However many processes share them, a user has so many connections."""
    first = [come(crowd, pid, uid=7) for pid in range(5)]
    assert crowd.surplus(come(crowd, 99, uid=8)) is None
    assert crowd.surplus(come(crowd, 100, uid=7)) is first[0]
    let_go(crowd)


@reaches("young_seconds")
def test_a_request_on_its_way_is_left_in_peace(crowd: Crowd) -> None:
    """Somebody idle goes before a request that has only just begun, and after one that is old."""
    reading, idle = come(crowd, 1), come(crowd, 1)
    crowd.enter(reading, READING)
    assert crowd.first_to_go() is idle
    time.sleep(0.06)
    assert crowd.first_to_go() is reading
    let_go(crowd)


def test_a_call_in_hand_never_makes_room(crowd: Crowd) -> None:
    """Nor does the newcomer: then there is nobody to close."""
    for _ in range(3):
        crowd.enter(come(crowd, 1), BUSY)
    newcomer = come(crowd, 1)
    assert crowd.surplus(newcomer) is None
    writing = come(crowd, 1)
    crowd.enter(writing, WRITING)
    assert crowd.surplus(newcomer) is writing
    let_go(crowd)


def test_each_state_has_its_time() -> None:
    """Late are those whose time in their state is over; to enter it again gives new time."""
    crowd = Crowd(Limits(idle_seconds=5.0, request_seconds=2.0))
    idle, reading = come(crowd, 1), come(crowd, 2)
    crowd.enter(reading, READING)
    now = time.monotonic()
    assert crowd.late(now + 1) == []
    assert crowd.late(now + 3) == [reading]
    assert crowd.late(now + 6) == [idle, reading]
    idle.deadline -= 4
    assert crowd.late(now + 1.5) == [idle]
    crowd.enter(idle, IDLE)
    assert crowd.late(now + 1.5) == []
    let_go(crowd)


def test_little_is_kept_of_who_has_gone(crowd: Crowd) -> None:
    """However many processes and users come and go."""
    for number in range(500):
        connection = come(crowd, number, uid=number)
        crowd.remove(connection)
        crowd.remove(connection)  # twice does no harm
        connection.sock.close()
    assert len(crowd) == 0
    assert len(crowd._processes) <= 51
    assert len(crowd._users) <= 51


def test_who_holds_most_is_found() -> None:
    """One that holds at least half as much as the largest, whatever came and went before."""
    crowd = Crowd(Limits())
    weights = Weights()
    connections = [come(crowd, 1) for _ in range(20)]
    for number, connection in enumerate(connections):
        weights.weigh(connection, number * 100)
    while weights.total:
        heaviest = weights.heaviest()
        assert heaviest is not None
        assert heaviest.held * 2 > max(connection.held for connection in connections)
        weights.weigh(heaviest, 0)
    assert weights.heaviest() is None
    let_go(crowd)


def test_the_peer_is_named() -> None:
    """As the kernel says: process and user; a process that has gone has no name."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer(ours) == (os.getpid(), os.getuid())
        assert str(Peer(4_000_000_000, 5)) == "process 4000000000 of user 5"
        assert str(Peer(1, 0)).startswith("process 1 (")
