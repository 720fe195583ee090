"""Who answers a call, and what is counted of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.daemon.test_helper import EPYC, check, request, setup
from xenops_cpu.daemon.helper import CannotStart, Helper, HelperError
from xenops_cpu.daemon.staff import Staff
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.sources.recorded import Example
from xenops_cpu.transports.conversation import Reply
from xenops_cpu.transports.http import Request

Seen = list[tuple[str, str, str]]

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def seen() -> Seen:
    """Method, tag and debug_info of each call that was observed."""
    return []


@pytest.fixture
def staff(seen: Seen) -> Iterator[Staff]:
    def observe(method: str, tag: str, seconds: float, debug_info: str) -> None:
        assert seconds > 0
        seen.append((method, tag, debug_info))

    page: Callable[[], Reply] = lambda: (b"a page", "text/plain")  # noqa: E731
    service = XenopsCpu(Example(EPYC))
    own = {"rpc.health": lambda: "well"}
    with Staff(service, setup(), observe, {"/health": page}, own) as people:
        yield people


def test_what_is_quick_is_answered_at_once(staff: Staff, seen: Seen) -> None:
    """With the caller's debug_info and the tag of an error; long calls are for others.

    A method that nobody knows counts as unknown, for callers must not make names of series; what
    monitoring asks does not count.
    """
    reply = staff.quick(request("query", unit=None))
    assert reply is not None
    assert json.loads(reply[0])["result"]["name"] == "xenops_cpu"  # type: ignore[arg-type]
    assert staff.quick(request("HOST.is_compatible", vm_policy="x", host_policy="1")) is not None
    assert staff.quick(request("VM.start")) is not None
    assert staff.quick(request("rpc.health")) is not None
    assert staff.quick(check(1, 1)) is None
    assert seen == [
        ("query", "", "test"),
        ("HOST.is_compatible", "Internal_error", "test"),
        ("unknown", "Unimplemented", ""),
    ]


def test_a_page_is_no_call(staff: Staff, seen: Seen) -> None:
    """GET is answered with the page, and not counted as a call."""
    assert staff.quick(Request(b"", True, page="/health")) == (b"a page", "text/plain")
    assert seen == []


def test_what_a_helper_answers_is_counted(staff: Staff, seen: Seen) -> None:
    """Its method, its tag in either wire, and the trace that it belongs to; nobody parses it."""
    staff.long(request("POOL.get_cpu_info", hosts=[]))
    traced = request("POOL.level", debug_info=f"task\n{TRACEPARENT}", hosts=7)
    staff.long(traced)
    xml = (
        b"<?xml version='1.0'?><methodCall><methodName>POOL.check</methodName><params><param>"
        b"<value><struct><member><name>debug_info</name><value>x</value></member></struct></value>"
        b"</param></params></methodCall>"
    )
    content_type = staff.long(Request(xml, True))[1]
    assert content_type == "text/xml"
    assert seen == [
        ("POOL.get_cpu_info", "", ""),
        ("POOL.level", "Internal_error", f"\n{TRACEPARENT}"),
        ("POOL.check", "Internal_error", ""),
    ]


def test_a_helper_that_fails(
    staff: Staff, seen: Seen, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The caller is told so in its own wire, it is counted, and the next call has a helper."""

    def fail(*_: object) -> Reply:
        raise HelperError("the helper took too long")

    with monkeypatch.context() as patched:
        patched.setattr(Helper, "ask", fail)
        reply, content_type = staff.long(check(1, 1))
    assert content_type == "application/json"
    assert "took too long" in str(json.loads(reply)["error"])  # type: ignore[arg-type]
    assert "a long call failed" in caplog.text
    staff.long(check(1, 1))
    assert seen == [("POOL.check", "Internal_error", ""), ("POOL.check", "", "")]


def test_where_there_can_be_no_helper(
    staff: Staff, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call is answered all the same, here."""

    def cannot(*_: object) -> Reply:
        raise CannotStart("no process more")

    monkeypatch.setattr(Helper, "ask", cannot)
    reply, _ = staff.long(check(1, 1))
    assert json.loads(reply)["result"]["rows"]  # type: ignore[arg-type]
    assert seen == [("POOL.check", "", "test")]


def test_the_switch_speaks_json_alone(staff: Staff) -> None:
    """XML that comes over it is answered in JSON; a large answer comes whole."""
    refused = json.loads(staff.over_the_switch(b"<?xml version='1.0'?><methodCall/>"))
    assert "is JSON, not XML" in str(refused["error"])
    large = staff.over_the_switch(check(500, 20).body)
    assert len(json.loads(large)["result"]["rows"]) == 500
