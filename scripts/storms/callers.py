"""Callers of every kind, each a function that goes on until its time is over.

Good callers check each answer to the byte and time it; all others only make trouble. Every one of
them lets go of what it opened, and none asks faster than its pause allows.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

HEAD = b"POST /storm HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n"


def request(body: bytes) -> bytes:
    return HEAD % len(body) + body


def json_call(method: str, params: str = "") -> bytes:
    return request(
        b'{"method":"%s","params":[{"debug_info":"storm"%s}],"id":1}'
        % (method.encode(), ("," + params).encode() if params else b"")
    )


def xml_call(method: str) -> bytes:
    return request(
        b'<?xml version="1.0"?><methodCall><methodName>%s</methodName><params><param><value>'
        b"<struct><member><name>debug_info</name><value>storm</value></member></struct></value>"
        b"</param></params></methodCall>" % method.encode()
    )


GOOD = xml_call("HOST.get_cpu_info")
BEGUN = HEAD % 1000 + b"<"  # and never finished
FULL = "-".join(["ffffffff"] * 22)
NONE = "-".join(["00000000"] * 22)


def pool_call(method: str, hosts: int, vms: int, features: str = FULL) -> bytes:
    """A POOL call about `hosts` hosts that have nothing, and VMs that have seen `features`."""
    of_host = f'"cpu_info":{{"features_pv":"{NONE}","features_hvm":"{NONE}"}}'
    all_hosts = ",".join(
        f'{{"name":"h{n}",{of_host},"hvm":true,"release":""}}' for n in range(hosts)
    )
    all_vms = ",".join(
        f'{{"name":"v{n}","guest_type":"HVM","last_boot_cpu_flags":{{"features":"{features}"}}}}'
        for n in range(vms)
    )
    extra = {
        "POOL.check": f',"vms":[{all_vms}]',
        "POOL.split": ',"guest_type":"HVM","parts":2',
    }.get(method, ',"guest_type":"HVM"')
    return json_call(method, f'"hosts":[{all_hosts}]{extra}')


def connect(path: str, seconds: float = 10.0) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.connect(path)  # waits for a place, which a time-out would not
    client.settimeout(seconds)
    return client


def read_reply(client: socket.socket) -> bytes:
    """The body of one reply."""
    data = b""
    while True:
        head, end, body = data.partition(b"\r\n\r\n")
        if end:
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(body) >= length:
                return body
        more = client.recv(1 << 20)
        if not more:
            raise ConnectionResetError(f"closed after {len(data)} bytes")
        data += more


@dataclass
class Record:
    """What good callers saw."""

    calls: int = 0
    unanswered: int = 0
    wrong: int = 0
    times: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, seconds: float | None, right: bool) -> None:
        with self.lock:
            self.calls += 1
            if seconds is None:
                self.unanswered += 1
            else:
                self.times.append(seconds)
                self.wrong += not right


def good(path: str, until: float, record: Record, expected: bytes, kept: bool) -> None:
    """A call every few milliseconds: on one connection, or a connection each as xapi does it."""
    client = connect(path) if kept else None
    while time.monotonic() < until:
        start = time.perf_counter()
        try:
            sock = client or connect(path)
            try:
                sock.sendall(GOOD)
                reply = read_reply(sock)
            finally:
                if sock is not client:
                    sock.close()
            record.add(time.perf_counter() - start, reply == expected)
        except OSError:
            record.add(None, False)
            if client is not None:
                client.close()
                client = connect(path)
        time.sleep(0.004)
    if client is not None:
        client.close()


def _crowd(path: str, until: float, count: int, first: bytes, away: float) -> None:
    """So many connections with a few bytes said on each; who is closed is away for a while."""
    clients: list[socket.socket] = []
    closed: deque[float] = deque([float("-inf")] * count)  # when somebody was
    try:
        while time.monotonic() < until:
            while closed and closed[0] <= time.monotonic() - away and time.monotonic() < until:
                closed.popleft()
                client = connect(path)
                client.setblocking(False)
                with contextlib.suppress(OSError):
                    client.send(first)
                clients.append(client)
            alive = []
            for client in clients:
                try:
                    at_end = client.recv(4096) == b""
                except BlockingIOError:
                    at_end = False
                except OSError:
                    at_end = True
                if at_end:
                    client.close()
                    closed.append(time.monotonic())
                else:
                    alive.append(client)
            clients = alive
            time.sleep(0.05)
    finally:
        for client in clients:
            client.close()


def half_open(path: str, until: float, count: int, away: float) -> None:
    """Requests that are begun and never finished."""
    _crowd(path, until, count, BEGUN, away)


def idle(path: str, until: float, count: int, away: float) -> None:
    """Connections on which nothing is ever said."""
    _crowd(path, until, count, b"", away)


def slow(path: str, until: float) -> None:
    """A byte now and then."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connect(path) as client:
            for byte in GOOD:
                if time.monotonic() > until:
                    return
                client.sendall(bytes([byte]))
                time.sleep(0.02)
            read_reply(client)


def stalled(path: str, until: float) -> None:
    """Asks and asks, and never reads an answer."""
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connect(path, 1.0) as client:
            for _ in range(500):
                client.sendall(GOOD)
            time.sleep(0.5)


def vanishing(path: str, until: float) -> None:
    """Goes away in the middle of its request, or of its answer."""
    chance = random.Random(1)
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connect(path) as client:
            client.sendall(GOOD[: chance.randrange(len(GOOD) + 1)])
            if chance.random() < 0.5:
                client.recv(100)
        time.sleep(0.01)


def pipelining(path: str, until: float) -> None:
    """Two hundred calls at once, among them such as take long."""
    calls = GOOD * 100 + pool_call("POOL.split", 12, 0) * 3 + GOOD * 97
    while time.monotonic() < until:
        with contextlib.suppress(OSError), connect(path) as client:
            threading.Thread(target=_send, args=(client, calls), daemon=True).start()
            for _ in range(200):
                if not client.recv(1 << 20):
                    break
        time.sleep(0.1)


def _send(client: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        client.sendall(data)


def large(path: str, until: float) -> None:
    """Large bodies: of nothing but blanks, of brackets, of elements, too large, unfinished."""
    bodies = [
        b'{"method":"HOST.stat","params":[{"debug_info":"' + b"x" * 500_000 + b'"}],"id":1}',
        b"[" * 500_000,
        b"<?xml version='1.0'?><methodCall><methodName>a</methodName><params>"
        + b"<param>" * 60_000,
        b" " * 1_000_000,
        b"x" * 3_000_000,
    ]
    while time.monotonic() < until:
        for body in bodies:
            with contextlib.suppress(OSError), connect(path) as client:
                client.sendall(request(body))
                read_reply(client)
            with contextlib.suppress(OSError), connect(path) as client:
                client.sendall(request(body)[: len(body) // 2])
                time.sleep(0.02)
            time.sleep(0.05)


def pools(path: str, until: float) -> None:
    """Calls about pools, of which some ask for more than anybody may."""
    calls = [
        pool_call("POOL.check", 8, 40, features="1fc9cbf5-f6f83203"),
        pool_call("POOL.check", 20, 20),
        pool_call("POOL.level", 60, 0),
        pool_call("POOL.check", 400, 400),  # more pairs than anybody may ask for
    ]
    while time.monotonic() < until:
        for call in calls:
            with contextlib.suppress(OSError), connect(path, 30.0) as client:
                client.sendall(call)
                read_reply(client)
            time.sleep(0.05)


def hostile(path: str, until: float) -> None:
    """What is no call, in every way; each makes a line in the log."""
    chance = random.Random(2)
    wrong = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length : 9\r\n\r\n",
        b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"0000000000000067{",
        request(b""),
        request(b"<!DOCTYPE a [<!ENTITY b 'c'>]>"),
        json_call("no.such.method"),
        json_call("HOST.is_compatible", f'"vm_policy":"{FULL}","host_policy":"0"'),
        json_call("HOST.is_compatible", f'"vm_policy":"{"ffffffff-" * 63}1","host_policy":"0"'),
        json_call("POOL.get_cpu_info", '"hosts":[]'),
        request(b'{"method":1}'),
    ]
    while time.monotonic() < until:
        data = chance.choice(wrong)
        if chance.random() < 0.3:
            position = chance.randrange(len(data))
            data = data[:position] + chance.randbytes(3) + data[position:]
        with contextlib.suppress(OSError), connect(path, 0.2) as client:
            client.sendall(data)
            client.recv(65536)
        time.sleep(0.003)


TROUBLE: dict[str, Callable[[str, float], None]] = {
    "slow": slow,
    "stalled": stalled,
    "vanishing": vanishing,
    "pipelining": pipelining,
    "large": large,
    "pools": pools,
    "hostile": hostile,
}
