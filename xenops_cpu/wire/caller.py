"""Make calls: what interface.Client needs, over any function from request body to reply body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from xenops_cpu.interface import METHODS, Error, InternalError
from xenops_cpu.wire import (
    JSONRPC,
    REPLY_LIMITS,
    XMLRPC,
    Envelope,
    Form,
    Limits,
    WireError,
    jsonrpc,
    xmlrpc,
)
from xenops_cpu.wire.marshal import MarshalError, arguments_writer, reader

_WIRES: dict[str, Form] = {XMLRPC: xmlrpc, JSONRPC: jsonrpc}


def caller(
    send: Callable[[bytes], bytes], wire: str = XMLRPC, limits: Limits = REPLY_LIMITS
) -> Callable[[str, Mapping[str, Any]], Any]:
    """A function for interface.Client: typed parameters in, typed result out.

    It raises the reply's XenopsError; a reply that cannot be read is an InternalError that says so.
    MarshalError means that a parameter given here is not of its type; nothing is sent then.
    """
    form = _WIRES[wire]
    ids = count(1)

    def call(name: str, values: Mapping[str, Any]) -> Any:
        method = METHODS[name]
        write = arguments_writer(tuple((param.name, param.type) for param in method.params))
        body = send(form.dump_call(name, write(dict(values)), Envelope(next(ids))))
        try:
            reply = form.parse_response(body, limits)
            if reply.success:
                return reader(method.result)(reply.value)
            error = reader(Error)(reply.value)
        except (WireError, MarshalError) as problem:
            error = InternalError(f"the reply to {name} cannot be read: {problem}")
        raise error

    return call
