"""Who comes behind a flood of another process: newcomers are let in by turns."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from tests.support.limits import reaches
from tests.transports.test_unix_http import LIMITS, TEXT, Running, answers, read_reply, request
from xenops_cpu.limits.service import Limits
from xenops_cpu.transports.turns import Turns
from xenops_cpu.transports.unix_http import Server
from xenops_cpu.transports.unix_socket import listening

FLOOD = 400
# A process with so many connections, on each of which it has asked something.
ASKING = """
import socket, sys
path, count, call = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode("latin-1")
clients = [socket.socket(socket.AF_UNIX) for _ in range(count)]
for client in clients:
    client.connect(path)
    client.sendall(call)
print("asked", flush=True)
sys.exit(sum(b"200 OK" not in client.recv(100) for client in clients) > 0)
"""


@contextlib.contextmanager
def flood(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has asked, and wants an answer on each of its connections."""
    call = request(b"flood").decode("latin-1")
    with subprocess.Popen(
        [sys.executable, "-c", ASKING, str(path), str(FLOOD), call], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


class Order:
    """In which order calls are answered, and how many newcomers wait meanwhile."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.bodies: list[bytes] = []
        self.waiting: list[int] = []
        self._path = path
        self._limits = limits

    def answer(self, body: bytes) -> tuple[bytes, str]:
        self.bodies.append(body)
        self.waiting.append(len(self._server._newcomers))
        return body, TEXT

    @contextlib.contextmanager
    def after_a_flood(self, ending: bool = False) -> Iterator[None]:
        """The server begins when a process has flooded it, and a caller has come behind that."""
        with listening(self._path) as listener:
            self._server = Server(listener, answers(self.answer), self._limits)
            if ending:
                self._server.stop()
            thread = threading.Thread(target=self._server.serve)
            with flood(self._path) as process, Running(self._path, self._server).connect() as good:
                good.sendall(request(b"good"))
                thread.start()
                try:
                    assert read_reply(good) == b"good"
                    assert process.wait(30) == 0  # each of the flood has its answer as well
                    yield
                finally:
                    self._server.stop()
                    thread.join(10)


ROOM = evolve(LIMITS, connections=1000, process_connections=1000, user_connections=1000)


@pytest.mark.parametrize("ending", [False, True], ids=["serving", "stopping"])
def test_a_flood_keeps_its_own_process_waiting(tmp_path: Path, ending: bool) -> None:
    """Who comes behind hundreds of another process is answered among the first of them."""
    order = Order(tmp_path / "s", ROOM)
    with order.after_a_flood(ending):
        assert order.bodies.index(b"good") < FLOOD / 10
        assert order.bodies.count(b"flood") == FLOOD


@reaches("newcomers")
def test_so_many_newcomers_wait_at_most(tmp_path: Path) -> None:
    """The others stay in the kernel's queue, and have their turn all the same."""
    order = Order(tmp_path / "s", evolve(ROOM, newcomers=50))
    with order.after_a_flood():
        assert max(order.waiting) in (49, 50)  # of those, one is being answered
        assert len(order.bodies) == FLOOD + 1


def test_callers_take_turns() -> None:
    """One entry of each caller, then the next of each; what is of one stays in its order."""
    turns: Turns[str] = Turns()
    for caller, entry in ((1, "a"), (1, "b"), (1, "c"), (2, "d"), (3, "e"), (3, "f")):
        turns.add(caller, entry)
    assert len(turns) == 6
    assert [turns.next() for _ in range(4)] == [(1, "a"), (2, "d"), (3, "e"), (1, "b")]
    turns.add(2, "g")
    assert [turns.next()[1] for _ in range(3)] == ["f", "c", "g"]
    assert not turns
    with pytest.raises(KeyError):
        turns.next()
