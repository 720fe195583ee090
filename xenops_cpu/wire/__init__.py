"""The wire: bytes to calls and replies to bytes, without sockets.

xmlrpc and jsonrpc have the same functions (Form): parse_call and dump_success or dump_failure for a
server, dump_call and parse_response for a client. dispatch answers calls with a service; caller
makes them. The bytes are those of rpclib 10.2; reading takes what rpclib takes and refuses the rest
by name.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen

from xenops_cpu.limits.service import LIMITS, REPLY_LIMITS, Limits
from xenops_cpu.wire.marshal import Value

XMLRPC, JSONRPC = "xmlrpc", "jsonrpc"
CONTENT_TYPES = {XMLRPC: "text/xml", JSONRPC: "application/json"}

# JSON-RPC 2.0 gives these numbers to kinds of failure; only its error objects carry them.
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601
INVALID_PARAMS, CALL_FAILED = -32602, -32000


@frozen
class Envelope:
    """What a reply repeats of its call; XML-RPC has nothing of the kind.

    The id is 0 where a call has none, as in rpclib, and null (None) for version 2.0.
    """

    id: int | str | None = 0
    version: str = "1.0"


ENVELOPE = Envelope()


@frozen
class Call:
    """A call: the method's name, its parameters (by name: one dict), what the reply repeats."""

    method: str
    params: list[Value]
    envelope: Envelope = ENVELOPE


@frozen
class Reply:
    """A reply: the result, or the error variant as a value."""

    success: bool
    value: Value


class WireError(ValueError):
    """A message that cannot be read. The text says what was read and what would be right."""

    def __init__(
        self, problem: str, code: int = PARSE_ERROR, envelope: Envelope = ENVELOPE
    ) -> None:
        super().__init__(problem)
        self.code = code
        self.envelope = envelope


class Form(Protocol):
    """What the modules xmlrpc and jsonrpc are."""

    def parse_call(self, body: bytes, limits: Limits = ...) -> Call: ...

    def parse_response(self, body: bytes, limits: Limits = ...) -> Reply: ...

    def dump_call(self, method: str, params: list[Value], envelope: Envelope = ...) -> bytes: ...

    def dump_value(self, value: Value) -> str: ...

    def frame(self, envelope: Envelope = ...) -> tuple[bytes, bytes]: ...

    def success(self, value: str, envelope: Envelope = ...) -> bytes: ...

    def dump_success(self, value: Value, envelope: Envelope = ...) -> bytes: ...

    def dump_failure(self, error: Value, envelope: Envelope = ..., code: int = ...) -> bytes: ...


__all__ = [
    "CALL_FAILED",
    "CONTENT_TYPES",
    "ENVELOPE",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "JSONRPC",
    "LIMITS",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "REPLY_LIMITS",
    "XMLRPC",
    "Call",
    "Envelope",
    "Form",
    "Limits",
    "Reply",
    "WireError",
]
