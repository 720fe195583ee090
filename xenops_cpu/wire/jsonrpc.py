"""JSON-RPC 1.0 as rpclib reads and writes it, and 2.0 as its clients need it.

A 2.0 call is answered in 2.0: a failure is an error object whose `data` is the error variant and
whose `message` is its text, since both 2.0 clients and rpclib's 2.0 reader ask for an object with
code and message. A 2.0 notification is carried out and answered with a null id, because over HTTP
something has to be answered; a batch is refused, because rpclib has none.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from xenops_cpu.wire import (
    CALL_FAILED,
    ENVELOPE,
    INVALID_REQUEST,
    LIMITS,
    REPLY_LIMITS,
    Call,
    Envelope,
    Limits,
    Reply,
    WireError,
)
from xenops_cpu.wire.marshal import INT64_MAX, INT64_MIN, Value, describe, shown

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_OPENING = re.compile(rb"[\[{\]}]")
_LONGEST_INT = 20  # characters of the longest 64-bit number


def _first_wins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else dict(reversed(pairs))


def _int(text: str) -> int:
    if len(text) <= _LONGEST_INT and INT64_MIN <= (number := int(text)) <= INT64_MAX:
        return number
    raise WireError(f"{shown(text)} does not fit 64 bits", INVALID_REQUEST)


def _constant(text: str) -> NoReturn:
    raise WireError(f"{text} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_first_wins, parse_int=_int, parse_constant=_constant)


def _read(body: bytes, limits: Limits) -> Any:
    if len(body) > limits.size:
        raise WireError(f"{len(body)} bytes; the most is {limits.size}", INVALID_REQUEST)
    # The decoder recurses, so the nesting is known before it starts. A message with fewer brackets
    # and commas than the limits needs no closer look.
    openings = body.count(b"[") + body.count(b"{")
    if openings > limits.depth or openings + body.count(b",") > limits.count:
        _measure(body, limits)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WireError(f"not UTF-8: {error.reason} at byte {error.start}") from None
    try:
        value = _DECODER.decode(text)
    except WireError:
        raise
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from None
    if "\\u" in text:
        _refuse_lone_surrogates(value)
    return value


def _measure(body: bytes, limits: Limits) -> None:
    bare = _STRING.sub(b"", body)
    depth = 0
    for match in _OPENING.finditer(bare):
        depth += 1 if match.group() in b"[{" else -1
        if depth > limits.depth:
            raise WireError(
                f"more than {limits.depth} lists or objects in one another", INVALID_REQUEST
            )
    if bare.count(b"[") + bare.count(b"{") + bare.count(b",") > limits.count:
        raise WireError(f"more than {limits.count} elements", INVALID_REQUEST)


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise WireError("a string has half of a surrogate pair") from None


def parse_call(body: bytes, limits: Limits = LIMITS) -> Call:
    """The call in a request's body. Raises WireError, with the envelope if it was read."""
    call = _read(body, limits)
    if type(call) is not dict:
        more = "; batches are not taken, send one call in a request" if type(call) is list else ""
        raise WireError(f"a call is an object, got {describe(call)}{more}", INVALID_REQUEST)
    envelope = _envelope(call)
    method = call.get("method")
    if type(method) is not str or not method:
        value = describe(method) if "method" in call else "nothing"
        raise WireError(f"method: expected a name, got {value}", INVALID_REQUEST, envelope)
    params = call.get("params")
    if type(params) is list:
        return Call(method, params, envelope)
    if envelope.version == "2.0":
        if type(params) is dict:
            return Call(method, [params], envelope)
        if params is None:
            return Call(method, [], envelope)
    value = describe(params) if "params" in call else "nothing"
    raise WireError(
        f"params: expected a list of one object with named parameters, got {value}",
        INVALID_REQUEST,
        envelope,
    )


def _envelope(call: dict[str, Any]) -> Envelope:
    id_, version = call.get("id"), call.get("jsonrpc")
    named = type(id_) is int or type(id_) is str
    if version == "2.0":
        return Envelope(id_ if named else None, "2.0")
    envelope = Envelope(id_) if named else ENVELOPE
    if version is not None and version != "1.0":
        value = describe(version)
        raise WireError(
            f'jsonrpc: expected "2.0" or nothing, got {value}', INVALID_REQUEST, envelope
        )
    return envelope


def parse_response(body: bytes, limits: Limits = REPLY_LIMITS) -> Reply:
    """The reply in a response's body. Raises WireError.

    The error of a 2.0 reply is the variant in its `data`, or an Internal_error with its message.
    """
    reply = _read(body, limits)
    if type(reply) is not dict:
        raise WireError(f"a reply is an object, got {describe(reply)}", INVALID_REQUEST)
    if type(reply.get("id")) not in (int, str) and reply.get("jsonrpc") != "2.0":
        raise WireError(
            f"id: expected an int or a string, got {describe(reply.get('id'))}", INVALID_REQUEST
        )
    result, error = reply.get("result"), reply.get("error")
    if reply.get("jsonrpc") == "2.0":
        if ("result" in reply) == ("error" in reply):
            raise WireError("a reply has either result or error", INVALID_REQUEST)
        if "result" in reply:
            return Reply(True, result)
        if type(error) is not dict or type(error.get("message")) is not str:
            raise WireError("error: expected an object with code and message", INVALID_REQUEST)
        return Reply(False, error.get("data", ["Internal_error", error["message"]]))
    for key in ("result", "error"):
        if key not in reply:
            raise WireError(f"{key} is missing", INVALID_REQUEST)
    if error is None:
        return Reply(True, result)
    if result is None:
        return Reply(False, error)
    raise WireError("a reply has either result or error", INVALID_REQUEST)


# ---- writing ----------------------------------------------------------------------------------

_quote = json.encoder.encode_basestring


def dump_value(value: Value) -> str:
    """A value as rpclib's JSON library, Yojson, writes it: no blanks, floats with a point."""
    kind = type(value)
    if kind is str:
        text: str = _quote(value)
        return text.replace("\x7f", "\\u007f") if "\x7f" in text else text
    if kind is int:
        return str(value)
    if kind is dict:
        members = [
            f'"{name}":{dump_value(item)}'
            if name.isidentifier()
            else f"{dump_value(name)}:{dump_value(item)}"
            for name, item in value.items()
        ]
        return f"{{{','.join(members)}}}"
    if kind is list:
        return f"[{','.join([dump_value(item) for item in value])}]"
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        return _float(value)
    if value is None:
        return "null"
    raise TypeError(f"{value!r} has no form in JSON")


def _float(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        raise TypeError(f"{value!r} has no form in JSON")
    text = f"{value:.16g}"
    if float(text) != value:
        text = f"{value:.17g}"
    return text + ".0" if text.lstrip("-").isdigit() else text


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8 form: "?" stands for it


def dump_call(method: str, params: list[Value], envelope: Envelope = Envelope(1)) -> bytes:  # noqa: B008 - frozen
    """A request's body."""
    start = f'"method":{dump_value(method)},"params":'
    if envelope.version == "2.0":
        by_name = len(params) == 1 and type(params[0]) is dict
        start = f'"jsonrpc":"2.0",{start}'
        return _encode(f"{{{start}{dump_value(params[0] if by_name else params)}{_id(envelope)}}}")
    return _encode(f"{{{start}{dump_value(params)}{_id(envelope)}}}")


def _id(envelope: Envelope) -> str:
    return f',"id":{dump_value(envelope.id)}'


def dump_success(value: Value, envelope: Envelope = ENVELOPE) -> bytes:
    """The body of a reply with a result."""
    return success(dump_value(value), envelope)


def success(value: str, envelope: Envelope = ENVELOPE) -> bytes:
    """The same for a result that dump_value has written already."""
    before, behind = frame(envelope)
    return before + _encode(value) + behind


def frame(envelope: Envelope = ENVELOPE) -> tuple[bytes, bytes]:
    """What stands before and behind the result in such a body."""
    if envelope.version == "2.0":
        return b'{"jsonrpc":"2.0","result":', _encode(f"{_id(envelope)}}}")
    return b'{"result":', _encode(f',"error":null{_id(envelope)}}}')


def dump_failure(error: Value, envelope: Envelope = ENVELOPE, code: int = CALL_FAILED) -> bytes:
    """The body of a reply with an error variant."""
    if envelope.version == "2.0":
        members: Value = {"code": code, "message": _message(error), "data": error}
        return _encode(f'{{"jsonrpc":"2.0","error":{dump_value(members)}{_id(envelope)}}}')
    return _encode(f'{{"result":null,"error":{dump_value(error)}{_id(envelope)}}}')


def _message(error: Value) -> str:
    """The variant as a line of text, for callers that show only the message."""
    if not isinstance(error, list):
        return str(error)
    if error[0] == "Internal_error":
        return str(error[1])
    return f"{error[0]}: {dump_value(error[1])}"
