"""What a call costs, against peers in the same run.

Every figure is measured for the service and for its peer in turn, several rounds each, so that a
machine that is slow for a while is slow for both; the ratio is the median of the rounds' ratios.

    scripts/bench [--json] [--rounds N] [--only WORD]

Exit codes: 0 measured, 2 wrong use. Aims are shown beside the ratios; a missed aim is no error.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import commands
from peers import EXAMPLE

BODY = (
    b'<?xml version="1.0"?><methodCall><methodName>HOST.get_cpu_info</methodName><params><param>'
    b"<value><struct><member><name>debug_info</name><value>bench</value></member></struct>"
    b"</value></param></params></methodCall>"
)
REQUEST = (
    b"POST /var/lib/xcp/xenops-cpu HTTP/1.1\r\nUser-agent: bench\r\ncontent-length: %d\r\n"
    b"host: localhost\r\n\r\n%s" % (len(BODY), BODY)
)
PEERS = Path(__file__).with_name("peers.py")
SERVICE = "service"
SERVED = ("--source", f"example:{EXAMPLE}", "--loglevel", "error")


class Peer:
    """A server process on a socket of its own."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.path = str(folder / kind)
        command = [sys.executable, str(PEERS), kind, self.path]
        if kind == SERVICE:
            command = [commands.PROGRAM, "serve", "--socket", self.path, *SERVED]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env=commands.ENVIRONMENT
        )

    def __enter__(self) -> Peer:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                self.connect().close()
                return self
            time.sleep(0.001)
        raise SystemExit(f"{self.path} did not start")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        Path(self.path).unlink(missing_ok=True)

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        return client

    def cpu_seconds(self) -> float:
        """Processor time of all its threads that there are at present."""
        threads = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9

    def memory_kib(self) -> int:
        """Resident memory that is this process's own."""
        rollup = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return sum(
            int(line.split()[1])
            for line in rollup.splitlines()
            if line.startswith(("Private_Clean", "Private_Dirty"))
        )


def read_reply(client: socket.socket) -> bytes:
    data = client.recv(65536)
    while True:
        head, separator, body = data.partition(b"\r\n\r\n")
        if separator:
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(body) >= length:
                return data
        data += client.recv(65536)


def kept_open(peer: Peer) -> float:
    """Median microseconds of a call on one connection."""
    times = []
    with peer.connect() as client:
        for _ in range(3000):
            start = time.perf_counter()
            client.sendall(REQUEST)
            read_reply(client)
            times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def server_time(peer: Peer) -> float:
    """Microseconds of the server's processor time for a call on one connection."""
    calls = 5000
    with peer.connect() as client:
        client.sendall(REQUEST)
        read_reply(client)
        before = peer.cpu_seconds()
        for _ in range(calls):
            client.sendall(REQUEST)
            read_reply(client)
        return (peer.cpu_seconds() - before) / calls * 1e6


def one_connection_a_call(peer: Peer) -> float:
    """Median microseconds of connect, call, close: what xapi does."""
    times = []
    for _ in range(1000):
        start = time.perf_counter()
        with peer.connect() as client:
            client.sendall(REQUEST)
            read_reply(client)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


def callers(peer: Peer) -> float:
    """Calls a second that 32 callers at once get, each with a connection of its own.

    One process stands for all of them, so that the machine's other core is the server's.
    """
    import select

    poll = select.epoll()
    clients = {}
    for _ in range(32):
        client = peer.connect()
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
        client.sendall(REQUEST)
    done = 0
    start = time.perf_counter()
    end = start + 0.7
    while (now := time.perf_counter()) < end:
        for fd, _ in poll.poll(1):
            read_reply(clients[fd])
            done += 1
            clients[fd].sendall(REQUEST)
    for client in clients.values():
        client.close()
    return done / (now - start)


def start_to_answer(kind: str, folder: Path) -> float:
    """Milliseconds from the start of the process to its first answer."""
    start = time.perf_counter()
    with Peer(kind, folder) as peer, peer.connect() as client:
        client.sendall(REQUEST)
        read_reply(client)
        return (time.perf_counter() - start) * 1e3


def read_by_us() -> float:
    """Microseconds for the HTTP of one call."""
    from xenops_cpu.transports.http import RequestReader

    reader = RequestReader()
    start = time.perf_counter()
    for _ in range(2000):
        reader.buffer += REQUEST
        reader.next()
    return (time.perf_counter() - start) / 2000 * 1e6


def read_by_h11() -> float:
    """The same by h11, a connection that is kept."""
    import h11

    peer = h11.Connection(h11.SERVER)
    start = time.perf_counter()
    for _ in range(2000):
        peer.receive_data(REQUEST)
        while type(peer.next_event()) is not h11.EndOfMessage:
            pass
        peer.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        peer.send(h11.EndOfMessage())
        peer.start_next_cycle()
    return (time.perf_counter() - start) / 2000 * 1e6


def many_calls(peer: Peer, count: int) -> None:
    with peer.connect() as client:
        for _ in range(count):
            client.sendall(REQUEST)
            read_reply(client)


def memory(peer: Peer, calls: int) -> tuple[float, float]:
    """MiB after the first call and growth over many calls."""
    many_calls(peer, 100)
    idle = peer.memory_kib()
    many_calls(peer, calls)
    return idle / 1024, (peer.memory_kib() - idle) / 1024


def rows(rounds: int, only: str, folder: Path) -> Iterator[dict[str, Any]]:
    (folder / "echo.reply").write_bytes(_reply(folder))
    timed: list[tuple[str, str, str, str, Callable[[Peer], float]]] = [
        ("server's processor time", "µs", "echo", "<= 2.5", server_time),
        ("call, connection kept", "µs", "echo", "<= 1.3", kept_open),
        ("call, connection kept", "µs", "stdlib", "<= 0.2", kept_open),
        ("call, a connection each", "µs", "stdlib", "<= 0.15", one_connection_a_call),
        ("calls/s of 32 callers", "/s", "stdlib", ">= 10", callers),
    ]
    for name, unit, other, aim, measure in timed:
        if only in name:
            with Peer("service", folder) as ours, Peer(other, folder) as theirs:
                measure(ours), measure(theirs)  # warm up
                pairs = [(measure(ours), measure(theirs)) for _ in range(rounds)]
            yield _row(name, unit, other, aim, pairs)
    if only in "reading a request":
        pairs = [(read_by_us(), read_by_h11()) for _ in range(rounds)]
        yield _row("reading a request", "µs", "h11", "<= 0.2", pairs)
    if only in "start to first answer":
        pairs = [
            (start_to_answer("service", folder), start_to_answer("stdlib", folder))
            for _ in range(rounds)
        ]
        yield _row("start to first answer", "ms", "stdlib", "<= 1.2", pairs)
    if only in "memory":
        with Peer("service", folder) as ours, Peer("stdlib", folder) as theirs:
            mine, growth = memory(ours, 100_000)
            others, _ = memory(theirs, 10_000)
        yield _row("memory, idle", "MiB", "stdlib", "<= 1.2", [(mine, others)])
        yield _row(
            "memory, 100,000 calls later", "MiB", "stdlib", "<= 1.2", [(mine + growth, others)]
        )
        yield {"name": "growth over 100,000 calls", "unit": "MiB", "service": growth, "aim": "< 1"}
    yield from commands.measure(only)
    if only in "pools: hosts levelled, VMs on hosts":
        import pools

        yield from pools.measure()
    if only and only in "fleets: hosts levelled by DuckDB":
        import fleets

        yield from fleets.measure()


def _reply(folder: Path) -> bytes:
    with Peer("service", folder) as peer, peer.connect() as client:
        client.sendall(REQUEST)
        return read_reply(client)


def _row(
    name: str, unit: str, other: str, aim: str, pairs: list[tuple[float, float]]
) -> dict[str, Any]:
    return {
        "name": name,
        "unit": unit,
        "service": statistics.median(ours for ours, _ in pairs),
        "peer": other,
        "peer_figure": statistics.median(theirs for _, theirs in pairs),
        "ratio": statistics.median(ours / theirs for ours, theirs in pairs),
        "aim": aim,
    }


def _line(row: dict[str, Any]) -> str:
    figures = (
        f"{row['service']:>10.2f}  {row.get('peer_figure', 0):>10.2f}  {row.get('ratio', 0):>6.2f}"
    )
    return f"{row['name']:<30}{figures}  {row['aim']:<7}  {row['unit']}, {row.get('peer', 'alone')}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--json", action="store_true", help="a JSON object a line")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each pair (7)")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="only rows with this in the name"
    )
    options = parser.parse_args()
    if not options.json:
        print(
            f"{'':30}{'service':>10}  {'peer':>10}  {'ratio':>6}  aim      (Python "
            f"{sys.version.split()[0]}, {os.cpu_count()} CPUs)"
        )
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(options.rounds, options.only, Path(folder)):
            if options.json:
                print(json.dumps(row), flush=True)
            else:
                print(_line(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
