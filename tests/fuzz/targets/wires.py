"""Calls in XML and in JSON, and every method."""

from __future__ import annotations

import contextlib
import json
from functools import cache

from tests.support.recorded import LabService, recorded_calls
from xenops_cpu.interface import METHODS
from xenops_cpu.limits.service import LIMITS
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.wire import JSONRPC, XMLRPC, Form, WireError, dispatch, jsonrpc, xmlrpc

from .target import Target, service


@cache
def _services() -> tuple[XenopsCpu, LabService]:
    return service(), LabService()


def _answered(data: bytes, form: Form, wire: str) -> None:
    """Every body has a reply that our own client can read, in its own wire."""
    for answering in _services():
        reply = dispatch.answer(answering, data, otherwise=wire)
        read = form.parse_response(reply)
        assert read.success or isinstance(read.value, str | list)


def xml_call(data: bytes) -> None:
    """A call that is read is written and read again; the quick way reads what the parser reads."""
    try:
        call = xmlrpc.parse_any_call(data, LIMITS)
    except WireError:
        assert xmlrpc._parse_plain(data) is None
    else:
        plain = xmlrpc._parse_plain(data)
        assert plain is None or plain == call, (plain, call)
        with contextlib.suppress(TypeError):  # bytes and dates have no form here
            again = xmlrpc.parse_any_call(xmlrpc.dump_call(call.method, call.params), LIMITS)
            assert again.method.strip() == call.method.strip() or "\r" in call.method
    if dispatch.wire_of(data) == XMLRPC:
        _answered(data, xmlrpc, XMLRPC)


def json_call(data: bytes) -> None:
    """A call that is read is what Python's own reader reads; it is written and read again."""
    with contextlib.suppress(WireError):
        call = jsonrpc.parse_call(data)
        assert (
            call.method == json.loads(data.decode("utf-8-sig"))["method"]
            or data.count(b"method") > 1
            or b"\\u" in data
        )
        with contextlib.suppress(TypeError):  # infinite numbers have no form
            written = jsonrpc.dump_call(call.method, call.params, call.envelope)
            assert jsonrpc.parse_call(written).method == call.method
    if dispatch.wire_of(data, JSONRPC) == JSONRPC:
        _answered(data, jsonrpc, JSONRPC)


def methods(data: bytes) -> None:
    """A method by number, and JSON for its parameters: each is answered, none is our fault."""
    names = list(METHODS)
    name = names[data[0] % len(names)] if data else names[0]
    body = b'{"method":"%s","params":[%s],"id":1}' % (name.encode(), data[1:])
    reply = jsonrpc.parse_response(dispatch.answer(service(), body))
    assert reply.success or "Error: " not in str(reply.value), reply.value


def recorded(wire: str) -> list[bytes]:
    return [call["request"].encode() for call in recorded_calls() if call["wire"] == wire][:40]


def parameters() -> list[bytes]:
    calls = (
        {
            "debug_info": "x", "policy1": "1", "policy2": "3", "vm_policy": "1",
            "host_policy": "ff-1", "hosts": [], "vms": [], "before": [], "after": [],
            "guest_type": "HVM", "parts": 1, "stored": {},
        },
        {
            "debug_info": "x",
            "hosts": [{"name": "h", "hvm": True, "release": "4.17",
                       "cpu_info": {"features_hvm": "1-2-3-4", "vendor": "AuthenticAMD"}}],
            "vms": [{"name": "v", "guest_type": "PV", "last_boot_cpu_flags": {"features": "7-7"}}],
            "guest_type": "PV", "parts": 2, "stored": {"vendor": ""},
        },
    )  # fmt: skip
    return [
        bytes([number]) + json.dumps(params).encode()
        for number in range(len(METHODS))
        for params in calls
    ]


TARGETS = (
    Target("xmlrpc", xml_call, lambda: recorded("xmlrpc")),
    Target("jsonrpc", json_call, lambda: recorded("jsonrpc")),
    Target("methods", methods, parameters),
)
