"""What is fuzzed: each target takes any bytes and raises only where the program is at fault.

A target does more than call: what is read is written and read again, or is read a second way.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h11

from tests.support.hosts import Fixed, example
from tests.support.recorded import LabService
from xenops_cpu.cpuid.policy import Policy, PolicyError
from xenops_cpu.derivation.cmdline import CommandLineError, parse_cmdline
from xenops_cpu.features.featureset import Featureset, FeaturesetError
from xenops_cpu.features.release import release
from xenops_cpu.hosts import capture
from xenops_cpu.interface import METHODS
from xenops_cpu.limits.service import LIMITS, Limits
from xenops_cpu.service.service import XenopsCpu
from xenops_cpu.transports.conversation import Answers
from xenops_cpu.transports.http import HttpError, Request, RequestReader
from xenops_cpu.transports.unix_http import Server
from xenops_cpu.wire import JSONRPC, XMLRPC, Form, WireError, dispatch, jsonrpc, xmlrpc

Target = Callable[[bytes], None]

TARGETS: dict[str, Target] = {}


def _target(name: str) -> Callable[[Target], Target]:
    def keep(function: Target) -> Target:
        TARGETS[name] = function
        return function

    return keep


def _quiet() -> None:
    logging.getLogger("xenops_cpu").handlers = [logging.NullHandler()]
    logging.getLogger("xenops_cpu").propagate = False


# ---- the HTTP front -----------------------------------------------------------------------------


def _read_all(data: bytes, step: int) -> tuple[list[Request], str]:
    """Requests, and the refusal if there was one, of bytes that come in pieces of `step`."""
    reader = RequestReader(max_body=200)
    requests: list[Request] = []
    for start in range(0, len(data), step):
        reader.buffer += data[start : start + step]
        try:
            while (request := reader.next()) is not None:
                requests.append(request)
        except HttpError as error:
            return requests, str(error)
    return requests, ""


@_target("http")
def http_reader(data: bytes) -> None:
    """However the bytes arrive, the same requests are read; what is taken, h11 takes as well."""
    whole, refusal = _read_all(data, max(len(data), 1))
    alone = RequestReader(max_body=200).only(data)
    assert alone is None or whole == [alone], (alone, whole)
    for step in (1, 7):
        pieces, other = _read_all(data, step)
        assert whole == pieces, (whole, pieces)
        assert bool(refusal) == bool(other), (refusal, other)
    if not whole:
        return
    data = data.lstrip(b"\r\n")  # h11 takes no blank lines in front
    head = data.replace(b"\r", b"").partition(b"\n\n")[0]
    if b"\nhost:" not in head.lower():
        data = data.replace(b"\n", b"\nHost: x\r\n", 1)  # nor a request without Host
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    event = peer.next_event()  # raises where h11 refuses
    assert isinstance(event, h11.Request), event
    body = b""
    while isinstance(part := peer.next_event(), h11.Data):
        body += part.data
    assert whole[0].body == body


@cache
def _server() -> str:
    """The path of a server that runs as long as this process."""
    path = tempfile.mkdtemp() + "/socket"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(100)
    answers = Answers(
        quick=lambda request: None if b"long" in request.body else (request.body, "text/plain"),
        long=lambda request: (request.body, "text/plain"),
        refuse=lambda message, json: (message.encode(), "text/plain"),
    )
    limits = Limits(size=200, quick_bytes=100, refuse_seconds=0.0, connections=20)
    server = Server(listener, answers, limits)
    threading.Thread(target=server.serve, daemon=True).start()
    return path


@_target("server")
def http_server(data: bytes) -> None:
    """Whatever a client sends, it has an end, and the next client is served."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(_server())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            half = len(data) // 2
            client.sendall(data[:half])
            client.sendall(data[half:])
            client.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while client.recv(65536):
                pass
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(_server())
        client.sendall(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok")
        assert client.recv(65536).endswith(b"\r\n\r\nok")


# ---- the wires ----------------------------------------------------------------------------------


@cache
def _services() -> tuple[XenopsCpu, LabService]:
    _quiet()
    return XenopsCpu(Fixed(example())), LabService()


def _answered(data: bytes, form: Form, wire: str) -> None:
    """Every body has a reply that our own client can read, in its own wire."""
    for service in _services():
        reply = dispatch.answer(service, data, otherwise=wire)
        read = form.parse_response(reply)
        assert read.success or isinstance(read.value, str | list)


@_target("xmlrpc")
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


@_target("jsonrpc")
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


@_target("methods")
def methods(data: bytes) -> None:
    """A method by number, and JSON for its parameters: each is answered, none is our fault."""
    names = list(METHODS)
    name = names[data[0] % len(names)] if data else names[0]
    body = b'{"method":"%s","params":[%s],"id":1}' % (name.encode(), data[1:])
    reply = jsonrpc.parse_response(dispatch.answer(_services()[0], body))
    assert reply.success or "Error: " not in str(reply.value), reply.value


# ---- texts --------------------------------------------------------------------------------------


@_target("featureset")
def featureset(data: bytes) -> None:
    """A text that is a featureset is one in both its forms."""
    text = data.decode("utf-8", "replace")
    try:
        found = Featureset.parse(text)
    except FeaturesetError:
        return
    assert Featureset.parse(str(found)) == found
    assert Featureset.parse(found.text(":")) == found
    assert Featureset.of_words(found.words) == found


@_target("policy")
def policy(data: bytes) -> None:
    """A text that is a policy is written and read again."""
    try:
        found = Policy.parse(data.decode("utf-8", "replace"))
    except PolicyError:
        return
    assert Policy.parse(found.text()) == found


@_target("cmdline")
def cmdline(data: bytes) -> None:
    """Every release reads every command line, or says what is wrong with it."""
    names = ("4.13", "4.17", "4.20", "master", "xenserver-8")
    text = data[1:].decode("utf-8", "replace")
    xen = release(names[data[0] % len(names)] if data else names[0])
    with contextlib.suppress(CommandLineError):
        strict = parse_cmdline(text, xen, strict=True)
        assert parse_cmdline(text, xen) == strict
    with contextlib.suppress(CommandLineError):
        parse_cmdline(text, xen)


@_target("capture")
def captured(data: bytes) -> None:
    """A text that is a capture is written and read again, and answered for."""
    try:
        host = capture.load(data.decode("utf-8", "replace"))
    except capture.CaptureError:
        return
    assert capture.load(capture.dump(host)) == host
    _quiet()
    reply = dispatch.answer(
        XenopsCpu(Fixed(host)), b'{"method":"HOST.stat","params":[{"debug_info":""}],"id":1}'
    )
    read = jsonrpc.parse_response(reply)
    assert read.success or "max" in str(read.value), read.value


def corpus(name: str) -> list[Path]:
    """The kept inputs of a target."""
    return sorted((Path(__file__).parent / "corpus" / name).glob("*"))
