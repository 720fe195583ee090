"""xenops_cpu.wire.remembered: a call that differs in its debug_info alone, answered as if read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.limits import reaches
from tests.support.recorded import LabService
from xenops_cpu.limits.service import LIMITS
from xenops_cpu.wire import dispatch, xmlrpc
from xenops_cpu.wire.remembered import Remembered

DEBUG_INFO = st.text(max_size=30)  # of no surrogates


def stat(debug_info: str) -> bytes:
    return xmlrpc.dump_call("HOST.stat", [{"debug_info": debug_info}])


def calls(debug_info: str) -> list[bytes]:
    """One of each method that has short parameters, and some that only look like it."""
    policies = {"policy1": "1fc9cbf5-f6f83203", "policy2": "1fc9cbf5-f6d83203"}
    written = [
        stat(debug_info),
        xmlrpc.dump_call("query", [{"unit": None, "debug_info": debug_info}]),
        xmlrpc.dump_call("HOST.combine_cpu_policies", [{**policies, "debug_info": debug_info}]),
        xmlrpc.dump_call("HOST.get_domain_policy", [{"domid": 7, "debug_info": debug_info}]),
        xmlrpc.dump_call("HOST.no_such_method", [{"debug_info": debug_info}]),
    ]
    twice = stat(debug_info).replace(
        b"<struct>", b"<struct><member><name>debug_info</name><value><nil/></value></member>"
    )
    return [*written, twice, stat(debug_info).replace(b"<value>", b"<value><string>", 1)]


class Asked(LabService):
    """Keeps what debug_info each call had."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name.startswith(("host_", "query")):

            def method(debug_info: str, *rest: object) -> object:
                self.seen.append(debug_info)
                return found(debug_info, *rest)

            return method
        return found


@given(DEBUG_INFO, DEBUG_INFO)
def test_the_answer_is_that_of_a_call_that_was_read(first: str, second: str) -> None:
    """Whatever debug_info a call has, and whichever came before it: the same reply and the same
    parameters as without the memory.
    """
    for before, body in zip(calls(first), calls(second), strict=True):
        read, remembered = Asked(), Asked()
        limits = LIMITS.__class__()  # another object: nothing is remembered for it
        wanted = dispatch.answer(read, body, limits)
        dispatch.answer(LabService(), before)
        assert dispatch.answer(remembered, body) == wanted
        assert remembered.seen == read.seen


def test_the_service_is_asked_each_time() -> None:
    """Nothing of an answer is remembered: each call reaches the service with its own debug_info."""
    service = Asked()
    for number in range(5):
        dispatch.answer(service, stat(f"task {number}"))
    assert service.seen == [f"task {number}" for number in range(5)]


@reaches("remembered_calls")
def test_so_many_are_remembered() -> None:
    """As many kinds of calls as the limit says; then all are forgotten and it begins anew."""
    memory: Remembered[int] = Remembered(3)
    bodies = [stat("x").replace(b"HOST.stat", b"HOST.stat%d" % number) for number in range(4)]
    for number, body in enumerate(bodies[:3]):
        memory.keep(body, number)
    assert [memory.find(body) for body in bodies] == [(0, "x"), (1, "x"), (2, "x"), None]
    memory.keep(bodies[3], 3)
    assert len(memory) == 1
    assert memory.find(bodies[3]) == (3, "x")
    for number in range(1000):
        dispatch.answer(LabService(), stat("x").replace(b"<params>", b"<params>" + b" " * number))
        dispatch.answer(
            LabService(),
            xmlrpc.dump_call("HOST.get_domain_policy", [{"debug_info": "x", "domid": number}]),
        )
    assert len(dispatch._questions) <= LIMITS.remembered_calls


@pytest.mark.parametrize(
    "body",
    [
        stat("x" * 2000),
        xmlrpc.dump_call("HOST.stat", [{}]),
        stat("a < b"),
        b"",
        b"<name>debug_info</name><value>",
    ],
    ids=["long", "no debug_info", "escaped", "empty", "cut off"],
)
def test_what_is_not_remembered(body: bytes) -> None:
    """Long calls, calls without debug_info, and those whose debug_info is not plain text."""
    memory: Remembered[int] = Remembered()
    memory.keep(body, 1)
    assert len(memory) == 0
    assert memory.find(body) is None
