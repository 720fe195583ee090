"""xenops_cpu.wire.dispatch: every body gets an answer, the recorded ones that of the record."""

from __future__ import annotations

import json
import logging
from typing import Any
from xml.sax.saxutils import escape

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recorded import CPU_INFO, LabService, recorded_calls
from xenops_cpu.interface import (
    LEFT_TO_XENOPSD,
    Client,
    CpuInfo,
    DoesNotExist,
    Error,
    InternalError,
    QueryResult,
    Service,
    Unimplemented,
    UnknownError,
)
from xenops_cpu.wire import JSONRPC, XMLRPC, Limits, jsonrpc, xmlrpc
from xenops_cpu.wire.caller import caller
from xenops_cpu.wire.dispatch import answer, content_type, document, failure, wire_of
from xenops_cpu.wire.marshal import reader

CALLS = recorded_calls()
GENUINE = [call for call in CALLS if not call["name"].startswith("malformed")]
# The genuine client writes this one with the int as bare text, which XML cannot tell from a string.
READ_AFTER_ALL = ("xmlrpc", "malformed.debug_info_int")


def ids(calls: list[dict[str, Any]]) -> list[str]:
    return [f"{call['wire']}:{call['name']}" for call in calls]


def error_text(body: bytes) -> str:
    """The text of the Internal_error in an answer of either wire."""
    form = jsonrpc if wire_of(body) == JSONRPC else xmlrpc
    reply = form.parse_response(body)
    assert not reply.success
    error = reader(Error)(reply.value)
    assert isinstance(error, InternalError), error
    return error.message


def xml_call(method: str, struct: str) -> bytes:
    return (
        f"<methodCall><methodName>{method}</methodName><params><param><value>{struct}</value>"
        "</param></params></methodCall>"
    ).encode()


def debug_info(value: str) -> str:
    return f"<struct><member><name>debug_info</name>{value}</member></struct>"


@pytest.mark.parametrize("call", GENUINE, ids=ids(GENUINE))
def test_recorded_calls_get_the_recorded_bytes(call: dict[str, Any]) -> None:
    """The answer to a recorded call is the recorded one; the id alone is the call's own."""
    got = answer(LabService(), call["request"].encode())
    expected = call["response"]
    if call["wire"] == JSONRPC:
        expected = expected.removesuffix('"id":0}') + '"id":1}'
    assert got.decode() == expected


@pytest.mark.parametrize(
    "call",
    [c for c in CALLS if c not in GENUINE and (c["wire"], c["name"]) != READ_AFTER_ALL],
    ids=lambda call: f"{call['wire']}:{call['name']}",
)
def test_recorded_malformed_calls_get_an_internal_error(call: dict[str, Any]) -> None:
    """What the genuine server refuses is refused here too, and the parameter is named."""
    assert "debug_info" in error_text(answer(LabService(), call["request"].encode()))


def test_an_int_in_xml_is_bare_text() -> None:
    """An int that rpclib wrote as bare text is read as the string that it may as well be."""
    (call,) = (c for c in CALLS if (c["wire"], c["name"]) == READ_AFTER_ALL)
    assert answer(LabService(), call["request"].encode()).decode() == call["response"]


@pytest.mark.parametrize(
    ("body", "wire"),
    [
        (b"<?xml version='1.0'?>", XMLRPC),
        (b" \r\n\t<methodCall/>", XMLRPC),
        (b"\xef\xbb\xbf<methodCall/>", XMLRPC),
        (b"\xef\xbb\xbf {}", JSONRPC),
        (b"{}", JSONRPC),
        (b"\n[]", JSONRPC),
        (b"", XMLRPC),
        (b"hello", XMLRPC),
    ],
)
def test_the_body_tells_the_wire(body: bytes, wire: str) -> None:
    """The first character that is neither blank nor byte-order mark tells the wire."""
    assert wire_of(body) == wire


def test_a_byte_order_mark_is_no_obstacle() -> None:
    """A call with a UTF-8 byte-order mark is answered like one without."""
    for call in GENUINE:
        body = call["request"].encode()
        assert answer(LabService(), b"\xef\xbb\xbf" + body) == answer(LabService(), body)


def test_content_types() -> None:
    """Each wire's answers have its content type."""
    assert (content_type(XMLRPC), content_type(JSONRPC)) == ("text/xml", "application/json")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\0",
        b"\xff\xfe<\0",
        b"<",
        b"<methodCall>",
        b"<methodCall/>",
        b"<html><body/></html>",
        b"<methodCall><methodName/><params/></methodCall>",
        b"<methodCall><params/></methodCall>",
        b"<methodResponse><params><param><value/></param></params></methodResponse>",
        b"{",
        b"{}",
        b"[]",
        b'{"method":"query"}',
        b'{"method":5,"params":[],"id":1}',
        b'{"method":"query","params":"x","id":1}',
        b'{"jsonrpc":"2.0","method":"query","params":7,"id":1}',
        b'{"jsonrpc":"3.0","method":"query","params":[{}],"id":1}',
        b'{"method":"query","params":[{"debug_info":"\xff"}],"id":1}',
        b'{"method":"query","params":[{"debug_info":"\\ud800"}],"id":1}',
        b'{"method":"query","params":[{"debug_info":NaN}],"id":1}',
        b'{"method":"query","params":[{"debug_info":123456789012345678901}],"id":1}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"<methodCall><methodName>x</methodName><params><param>"
        + b"<value><array><data>" * 200_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_call_gets_an_internal_error(body: bytes) -> None:
    """A body that is not a call is answered with an Internal_error that says so."""
    assert error_text(answer(LabService(), body, Limits(size=64 << 20))).startswith(
        "the request cannot be read: "
    )


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"{" + tail))
def test_any_bytes_get_a_readable_answer(body: bytes) -> None:
    """Whatever the bytes, the answer is a failure that the same wire's reader reads."""
    assert error_text(answer(LabService(), body))


@pytest.mark.parametrize("wire", [XMLRPC, JSONRPC])
def test_methods_of_xenopsd_are_unimplemented(wire: str) -> None:
    """Every method that is xenopsd's answers Unimplemented with its name."""
    form = {XMLRPC: xmlrpc, JSONRPC: jsonrpc}[wire]
    for method in LEFT_TO_XENOPSD:
        body = form.dump_call(method, [{"debug_info": "x"}])
        error = reader(Error)(form.parse_response(answer(LabService(), body)).value)
        assert isinstance(error, Unimplemented)
        assert error.method == method


@pytest.mark.parametrize("form", [xmlrpc, jsonrpc])
def test_an_unknown_method_is_named(form: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A method that no interface has answers the text that xapi's Python bindings give."""
    with caplog.at_level(logging.INFO):
        said = error_text(answer(LabService(), form.dump_call("HOST.x", [])))
    assert said == "Unknown method HOST.x"
    assert "Unknown method HOST.x" in caplog.text


@pytest.mark.parametrize(
    ("value", "got"),
    [
        ("<value><int>5</int></value>", "an int (5)"),
        ("<value><boolean>1</boolean></value>", "a boolean (true)"),
        ("<value><nil/></value>", "nil"),
        ("<value><double>1.5</double></value>", "a float (1.5)"),
        ("<value><base64>aGk=</base64></value>", "base64 data"),
        ("<value><array><data/></array></value>", "a list of 0"),
        ("<value><struct/></value>", "a struct of 0"),
        ("<value><dateTime.iso8601>19700101T00:00:00</dateTime.iso8601></value>", "a DateTime"),
    ],
)
def test_a_mistyped_parameter_is_named(value: str, got: str) -> None:
    """A parameter of another type is refused with its name, its type and what came."""
    body = xml_call("HOST.stat", debug_info(value))
    text = f"HOST.stat: parameter debug_info: expected a string, got {got}"
    assert error_text(answer(LabService(), body)) == text


def test_a_missing_parameter_is_named() -> None:
    """A call without one of its parameters is told which one and what they are."""
    body = xml_call("HOST.is_compatible", debug_info("<value/>"))
    assert error_text(answer(LabService(), body)) == (
        "HOST.is_compatible: parameter vm_policy is missing; "
        "the parameters are debug_info, vm_policy, host_policy"
    )


def test_parameters_go_by_name() -> None:
    """Parameters without names are refused with the names that they need."""
    text = "HOST.stat: parameters go by name, in one struct (debug_info); got "
    assert error_text(answer(LabService(), xml_call("HOST.stat", "x"))) == text + 'a string ("x")'
    body = b'{"method":"HOST.stat","params":[],"id":1}'
    assert error_text(answer(LabService(), body)) == text + "nothing"


def test_a_second_positional_parameter_is_ignored() -> None:
    """rpclib looks into the first parameter only."""
    body = b'{"method":"HOST.is_compatible","params":[{"debug_info":"","vm_policy":"00000001",'
    body += b'"host_policy":""},7],"id":"a"}'
    assert answer(LabService(), body) == b'{"result":true,"error":null,"id":"a"}'


class Broken(LabService):
    """A service that fails in ways that no service should."""

    def query(self, debug_info: str) -> QueryResult:
        raise InternalError(5)  # type: ignore[arg-type]

    def host_get_cpu_info(self, debug_info: str) -> CpuInfo:
        raise RuntimeError("secret path: \ud800 " + "x" * 1000)

    def host_is_compatible(self, debug_info: str, vm_policy: str, host_policy: str) -> bool:
        return "yes"  # type: ignore[return-value]


def test_any_other_exception_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    """A service's fault reaches the caller as one short line; the traceback goes to the log."""
    with caplog.at_level(logging.INFO):
        body = xmlrpc.dump_call("HOST.get_cpu_info", [{"debug_info": ""}])
        text = error_text(answer(Broken(), body))
    assert text.startswith("HOST.get_cpu_info: RuntimeError: secret path: ? xxx")
    assert len(text) < 250
    assert "Traceback" not in text
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_a_result_of_the_wrong_type_is_an_internal_error() -> None:
    """A result that is not of the method's type never reaches the wire."""
    body = jsonrpc.dump_call(
        "HOST.is_compatible", [{"debug_info": "", "vm_policy": "", "host_policy": ""}]
    )
    assert error_text(answer(Broken(), body)) == (
        "HOST.is_compatible: the service made a result that is none: "
        'expected a boolean, got a string ("yes")'
    )


def test_an_error_that_is_none_is_an_internal_error() -> None:
    """An error whose payload is not of its type is reported as such, not raised."""
    body = jsonrpc.dump_call("query", [{"debug_info": "", "unit": None}])
    assert error_text(answer(Broken(), body)) == (
        "the service made an error that is none: "
        "Internal_error.message: expected a string, got an int (5)"
    )


@pytest.mark.parametrize("wire", [XMLRPC, JSONRPC])
def test_failure_is_an_answer_without_a_call(wire: str) -> None:
    """A transport's complaint is a readable Internal_error in either wire."""
    body = failure(wire, "a body of 5 bytes & <more>")
    assert wire_of(body) == wire
    assert error_text(body) == "a body of 5 bytes & <more>"


@pytest.mark.parametrize("wire", [XMLRPC, JSONRPC])
def test_the_client_and_the_service_understand_each_other(wire: str) -> None:
    """What a service returns or raises, the client returns or raises, with its type."""
    service: Service = LabService()
    client = Client(caller(lambda body: answer(service, body), wire))
    assert client.host_get_cpu_info("task") == CPU_INFO
    assert client.query("task") == service.query("task")
    assert client.host_stat("task") == service.host_stat("task")
    assert client.host_combine_cpu_policies("task", "1", "2") == "17c9cbf5-f6f83203-00000000"
    assert client.host_is_compatible("task", "00000001", "") is True
    with pytest.raises(DoesNotExist, match="Does_not_exist: host, 42") as raised:
        client.host_stat("raise:Does_not_exist")
    assert (raised.value.kind, raised.value.identifier) == ("host", "42")


@pytest.mark.parametrize("wire", [XMLRPC, JSONRPC])
def test_the_client_types_whatever_comes_back(wire: str) -> None:
    """A reply that is none, or an error that is not in the contract, is an error with a type."""
    client = Client(caller(lambda _: b"?", wire))
    with pytest.raises(InternalError, match=r"the reply to HOST\.stat cannot be read"):
        client.host_stat("task")
    form = {XMLRPC: xmlrpc, JSONRPC: jsonrpc}[wire]
    unknown = Client(caller(lambda _: form.dump_failure(["From_the_future", [1, 2]]), wire))
    with pytest.raises(UnknownError):
        unknown.host_stat("task")


@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","method":"rpc.discover","id":7}',
        b'{"method":"rpc.discover","params":[],"id":7}',
        xml_call("rpc.discover", "<struct/>"),
    ],
    ids=["2.0", "1.0", "xml"],
)
def test_the_service_can_be_asked_for_its_contract(body: bytes) -> None:
    """rpc.discover answers the OpenRPC document in each wire."""
    form = jsonrpc if body[:1] == b"{" else xmlrpc
    reply = form.parse_response(answer(LabService(), body))
    assert reply.success
    assert reply.value["info"] == document()["info"]
    if form is jsonrpc:
        assert reply.value == document()


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ({"method": "nothing.here"}, -32601),
        ({"method": "VM.start"}, -32601),
        ({"method": "HOST.stat"}, -32602),
        ({"method": "HOST.stat", "params": {"debug_info": 5}}, -32602),
        ({"method": "HOST.stat", "params": {"debug_info": "raise:Domain_not_built"}}, -32000),
        ({"method": ""}, -32600),
    ],
)
def test_a_version_2_failure_is_an_error_object(call: dict[str, Any], code: int) -> None:
    """A 2.0 call's failure has JSON-RPC's code, a message, and the variant as data."""
    body = json.dumps({"jsonrpc": "2.0", "id": "x", **call}).encode()
    reply = json.loads(answer(LabService(), body))
    assert list(reply) == ["jsonrpc", "error", "id"]
    assert (reply["jsonrpc"], reply["id"], reply["error"]["code"]) == ("2.0", "x", code)
    assert isinstance(reply["error"]["message"], str)
    reader(Error)(reply["error"]["data"])


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    """Any text that JSON can carry is read, and any text at all is answered in XML."""
    body = json.dumps({"method": "HOST.x", "params": [{"debug_info": text}], "id": 1}).encode()
    assert error_text(answer(LabService(), body)) == "Unknown method HOST.x"
    call = f"<methodCall><methodName>{escape('no ' + text)}</methodName></methodCall>"
    assert error_text(answer(LabService(), call.encode()))


def test_a_record_that_changed_is_written_anew() -> None:
    """The text of a record is kept only as long as the service gives the same object."""

    class Changing(LabService):
        info = CPU_INFO

        def host_get_cpu_info(self, debug_info: str) -> CpuInfo:
            return self.info

    service = Changing()
    body = xmlrpc.dump_call("HOST.get_cpu_info", [{"debug_info": "x"}])
    before = answer(service, body)
    assert answer(service, body) == before
    service.info = evolve(CPU_INFO, cpu_count=99)
    assert b"<name>cpu_count</name><value>99</value>" in answer(service, body)
    service.info = CPU_INFO
    assert answer(service, body) == before
