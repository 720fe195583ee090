"""POOL calls of every size over the daemon's socket: what they cost, and whom."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.test_daemon import Daemon
from tests.support.hosts import example
from tests.test_starvation import SOURCE, client_of, http, to_the_end_of_one
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.interface import GuestType, PoolHost, PoolVm
from xenops_cpu.transports.client import connect

FULL, NONE = "-".join(["ffffffff"] * 22), "-".join(["00000000"] * 22)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    started = Daemon(tmp_path, *SOURCE)
    yield started
    assert started.stop() == 0


def memory(daemon: Daemon) -> tuple[float, float]:
    """MiB that the daemon itself holds now, and held at most."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    now, most = (int(status.split(f"{name}:")[1].split()[0]) for name in ("VmRSS", "VmHWM"))
    return now / 1024, most / 1024


def hosts(count: int) -> list[dict[str, Any]]:
    """Such that have nothing."""
    info = {"features_pv": NONE, "features_hvm": NONE}
    return [
        {"name": f"h{number}", "cpu_info": info, "hvm": True, "release": ""}
        for number in range(count)
    ]


def vms(count: int) -> list[dict[str, Any]]:
    """Such that have seen everything."""
    flags = {"features": FULL}
    return [
        {"name": f"v{number}", "guest_type": "HVM", "last_boot_cpu_flags": flags}
        for number in range(count)
    ]


def call(method: str, **params: object) -> bytes:
    params = {"debug_info": "x", **params}
    return http(json.dumps({"method": method, "params": [params], "id": 1}).encode())


MUCH: dict[str, Callable[[], bytes]] = {
    "check 20 x 20": lambda: call("POOL.check", vms=vms(20), hosts=hosts(20)),
    "check 40 x 40": lambda: call("POOL.check", vms=vms(40), hosts=hosts(40)),
    "plan 30 x 30": lambda: call("POOL.plan", before=hosts(30), after=hosts(30), vms=vms(30)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUCH)
def test_others_are_served_and_memory_comes_back(daemon: Daemon, name: str) -> None:
    """While one asks for much again and again, all others are served, and the memory stays."""
    before, _ = memory(daemon)
    asked = threading.Event()
    replies: list[bytes] = []

    def ask() -> None:
        with client_of(daemon.socket) as client:
            for _ in range(4):
                client.sendall(MUCH[name]())
                asked.set()
                replies.append(to_the_end_of_one(client))

    greedy = threading.Thread(target=ask)
    greedy.start()
    assert asked.wait(10)
    for _ in range(20):
        assert connect(daemon.socket, timeout=5).host_is_compatible("x", "1", "3") is True
    greedy.join(60)
    assert len(replies) == 4
    assert len(set(replies)) == 1
    assert len(replies[0]) < 17 << 20
    now, most = memory(daemon)
    assert now < before + 8
    assert most < 60


@pytest.mark.slow
@pytest.mark.parametrize("wire", ["xmlrpc", "jsonrpc"])
def test_the_largest_pool_of_xenserver(daemon: Daemon, wire: str) -> None:
    """1,100 VMs and 64 hosts: each pair has its answer, and the daemon keeps nothing of it."""
    records = [xapi_map(cpu_info(example(name))) for name in ("epyc-xen-4.17", "epyc-xen-4.20")]
    flags = {"vendor": "AuthenticAMD", "features": records[0]["features_hvm_host"]}
    pool = [PoolHost(f"h{number}", records[number % 2], True, "") for number in range(64)]
    machines = [PoolVm(f"v{number}", GuestType.HVM, flags) for number in range(1100)]
    before, _ = memory(daemon)
    checked = connect(daemon.socket, wire, timeout=60).pool_check("x", machines, pool)
    assert [len(row.verdicts) for row in checked.rows] == [64] * 1100
    now, most = memory(daemon)
    assert now < before + 8
    assert most < 60


def test_one_connection_with_two_hundred_calls(daemon: Daemon) -> None:
    """Who sends two hundred POOL.split at once waits for them; others do not."""
    split = call("POOL.split", hosts=hosts(3), guest_type="HVM", parts=2)
    with client_of(daemon.socket) as client:
        sender = threading.Thread(target=client.sendall, args=(split * 200,))
        sender.start()
        for _ in range(20):
            assert connect(daemon.socket, timeout=5).host_is_compatible("x", "1", "3") is True
        answers = b""
        until = time.monotonic() + 60
        while answers.count(b'"id":1}') < 200 and time.monotonic() < until:
            answers += client.recv(1 << 20)
        sender.join(10)
    assert answers.count(b"HTTP/1.1 200 OK") == 200
    assert answers.count(b'"error":null') == 200


@pytest.mark.parametrize("digits", [20, 5000])
def test_a_number_without_end(daemon: Daemon, digits: int) -> None:
    """It is refused in one sentence, in the caller's wire, and the next call is answered."""
    number = b"9" * digits
    with client_of(daemon.socket) as client:
        body = call("POOL.split", hosts=[], guest_type="HVM", parts=7).partition(b"\r\n\r\n")[2]
        client.sendall(http(body.replace(b"7", number)))
        reply = client.recv(65536)
        assert b'"Internal_error","the request cannot be read: 9999' in reply
        assert b"does not fit 64 bits" in reply
        assert len(reply) < 1000
        client.sendall(call("query", unit=None))
        assert b'"xenops_cpu"' in to_the_end_of_one(client)
