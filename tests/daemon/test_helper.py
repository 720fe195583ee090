"""The helper process: it answers long calls, and goes when it is too long, too large or idle."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve, field, frozen

from tests.support.hosts import example
from tests.support.limits import reaches
from xenops_cpu.daemon.helper import CannotStart, Helper, HelperError, Setup
from xenops_cpu.hosts.cpu_info import cpu_info, xapi_map
from xenops_cpu.hosts.host import Host
from xenops_cpu.limits.service import LIMITS, Limits
from xenops_cpu.sources.recorded import Example
from xenops_cpu.transports.http import Request
from xenops_cpu.transports.spool import MemoryFile

EPYC = "epyc-xen-4.17"


def setup(source: Any = None, limits: Limits = LIMITS) -> Setup:
    return Setup(source or Example(EPYC), "error", "an-id", 2.0, 40, limits)


@pytest.fixture
def helper() -> Iterator[Helper]:
    started = Helper(setup())
    yield started
    started.close()


def request(method: str, **params: Any) -> Request:
    named = {"debug_info": "test", **params}
    body = json.dumps({"method": method, "params": [named], "id": 1})
    return Request(body.encode(), keep_alive=True, json=True)


def check(vms: int, hosts: int) -> Request:
    """POOL.check of hosts and VMs that are alike."""
    record = xapi_map(cpu_info(example(EPYC)))
    flags = {"vendor": record["vendor"], "features": record["features_hvm_host"]}
    return request(
        "POOL.check",
        vms=[
            {"name": f"v{n}", "guest_type": "HVM", "last_boot_cpu_flags": flags} for n in range(vms)
        ],
        hosts=[
            {"name": f"h{n}", "cpu_info": record, "hvm": True, "release": "4.17"}
            for n in range(hosts)
        ],
    )


def answered(helper: Helper, request: Request) -> bytes:
    """The reply, wherever it lies."""
    reply = helper.ask(request)
    if isinstance(reply, bytes):
        return reply
    data = reply.read()
    reply.close()
    return data


def test_it_answers_as_the_service_does(helper: Helper) -> None:
    """Small replies and large ones, failures, and what is no call at all."""
    small = helper.ask(check(1, 1))
    assert isinstance(small, bytes)
    result = json.loads(small)["result"]
    assert result["rows"] == [{"verdicts": ["Migrates"], "vm": "v0"}]
    large = helper.ask(check(500, 20))
    assert isinstance(large, MemoryFile)
    data = large.read()
    large.close()
    assert len(data) == large.length > 64 * 1024
    assert json.loads(data)["result"]["hosts"][:3] == ["h0", "h1", "h2"]
    assert b"an-id" in answered(helper, request("query", unit=None))
    assert b'"error":["Internal_error"' in answered(helper, Request(b"{", True, True))
    assert b"<name>ErrorDescription</name>" in answered(helper, Request(b"", True, False))


@reaches("helpers")
def test_one_process_answers_all_calls(helper: Helper) -> None:
    """It is started once, by the first call; without a call there is none."""
    assert helper._process is None
    pids: set[int] = set()
    for _ in range(3):
        helper.ask(check(1, 1))
        assert helper._process is not None
        pids.add(helper._process.pid)
    assert len(pids) == LIMITS.helpers == 1


@reaches("helper_idle_seconds")
def test_an_idle_helper_ends() -> None:
    """Its memory is free then, and nothing is left of it; the next call starts another."""
    helper = Helper(setup(limits=evolve(LIMITS, helper_idle_seconds=0.2)))
    helper.ask(check(1, 1))
    assert helper._process is not None
    pid = helper._process.pid
    end = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < end, "the helper is still there"
        time.sleep(0.05)
    assert b"Migrates" in answered(helper, check(1, 1))
    helper.close()


@frozen
class Slow:
    """A source that takes its time."""

    name: str = "slow"

    def read(self) -> Host:
        time.sleep(30)
        return example(EPYC)


@reaches("helper_seconds")
def test_a_call_that_takes_too_long_costs_the_helper() -> None:
    """It is ended, the caller is told what has no limit, and the next call is answered."""
    helper = Helper(setup(Slow(), evolve(LIMITS, helper_seconds=0.5)))
    with pytest.raises(HelperError, match=r"takes longer than 0\.5 s; xenops-cpu's own commands"):
        helper.ask(check(1, 1))
    assert helper._process is None
    helper._setup = setup()
    assert b"Migrates" in answered(helper, check(1, 1))
    helper.close()


@frozen
class Greedy:
    """A source whose second reading needs half a gigabyte."""

    name: str = "greedy"
    readings: list[int] = field(factory=list)

    def read(self) -> Host:
        self.readings.append(1)
        if len(self.readings) == 2:
            bytearray(512 << 20)
        return example(EPYC)


@reaches("helper_memory")
def test_a_call_that_needs_too_much_memory_fails_alone() -> None:
    """The caller gets a typed error, and the next call is answered."""
    helper = Helper(setup(Greedy(), LIMITS)._replace(stale_seconds=0.0))
    assert b"needs more memory than there is for one call" in answered(helper, check(1, 1))
    assert b"Migrates" in answered(helper, check(1, 1))
    helper.close()


@pytest.mark.slow
def test_a_helper_that_dies_is_replaced(helper: Helper) -> None:
    """Between two calls nobody notices; within a call its caller is told, and the next answered."""
    helper.ask(check(1, 1))
    assert helper._process is not None
    helper._process.kill()
    helper._process.wait()
    assert b"Migrates" in answered(helper, check(1, 1))
    process = helper._process
    threading.Timer(0.2, process.kill).start()
    with pytest.raises(HelperError, match=r"ended within the call \(code -9\)"):
        helper.ask(check(1100, 64))
    assert b"Migrates" in answered(helper, check(1, 1))


def test_a_source_that_cannot_be_handed_over() -> None:
    """Then there is no helper, and it says so."""
    helper = Helper(setup(source=open(os.devnull)))  # noqa: SIM115 - closed below
    with pytest.raises(CannotStart, match="cannot pickle"):
        helper.ask(check(1, 1))
    helper._setup.source.close()
