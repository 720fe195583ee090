"""XML-RPC as rpclib reads and writes it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from xenops_cpu.wire import (
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
from xenops_cpu.wire.marshal import Value, describe
from xenops_cpu.wire.remembered import PLAIN_TEXT

if TYPE_CHECKING:
    from xenops_cpu.wire.xml_reader import Message

# A call just as rpclib writes it: one struct of plain text and <nil/>. "Plain" is printable ASCII,
# TAB and LF without the characters that XML gives a meaning, so it stands for itself.
_TEXT = PLAIN_TEXT
_MEMBER = rb"<member><name>%s</name><value>%s</value></member>"
_PLAIN_CALL = re.compile(
    rb'<\?xml version="1\.0"\?><methodCall><methodName>([\w.]+)</methodName>'
    rb"<params><param><value><struct>((?:%s)*)</struct></value></param></params></methodCall>"
    % (_MEMBER % (rb"\w+", rb"(?:<nil/>|%s)" % _TEXT))
)
_PLAIN_MEMBER = re.compile(_MEMBER % (rb"(\w+)", rb"(?:<nil/>|(%s))" % _TEXT))
_PLAIN_BYTES = 4096  # below every limit: a member takes 43 bytes and four elements


def _parse_plain(body: bytes) -> Call | None:
    """What rpclib's own writer makes of a call, without an XML parser; None for anything else.

    Nearly every call is of this form, and the parser takes most of the time of a call. What this
    reads, the parser reads the same (a property in the tests).
    """
    call = _PLAIN_CALL.fullmatch(body) if len(body) <= _PLAIN_BYTES else None
    if call is None:
        return None
    params: dict[str, Value] = {}
    for member in _PLAIN_MEMBER.finditer(call[2]):
        name, text = member.groups()
        params.setdefault(name.decode(), None if text is None else text.decode())
    return Call(call[1].decode(), [params])


def is_plain_call(body: bytes) -> bool:
    """Whether a call is just as rpclib writes it."""
    return len(body) <= _PLAIN_BYTES and _PLAIN_CALL.fullmatch(body) is not None


def parse_call(body: bytes, limits: Limits = LIMITS) -> Call:
    """The call in a request's body. Raises WireError."""
    plain = _parse_plain(body) if limits is LIMITS else None
    return plain or parse_any_call(body, limits)


def _read(body: bytes, limits: Limits) -> Message:
    # The parser brings a third of what the daemon would load at its start (the standard library's
    # xmlrpc comes with HTTP, TLS and mail), and calls as rpclib writes them do without it.
    from xenops_cpu.wire.xml_reader import read

    return read(body, limits)


def parse_any_call(body: bytes, limits: Limits) -> Call:
    """The same by the XML parser alone."""
    message = _read(body, limits)
    method = message.method
    if message.kind != "methodName":
        raise WireError("a <methodResponse> where a <methodCall> is expected", INVALID_REQUEST)
    if not method:
        raise WireError("<methodName> is empty", INVALID_REQUEST)
    return Call(method, message.values)


def parse_response(body: bytes, limits: Limits = REPLY_LIMITS) -> Reply:
    """The reply in a response's body. Raises WireError.

    A struct without Status is a success, as in rpclib. A fault has no variant: it is a WireError.
    """
    message = _read(body, limits)
    if message.kind == "methodName":
        raise WireError("a <methodCall> where a <methodResponse> is expected", INVALID_REQUEST)
    if message.kind == "fault":
        raise WireError(f"a <fault>: {describe(message.values[0])}", INVALID_REQUEST)
    if len(message.values) != 1:
        raise WireError(
            f"{len(message.values)} values in a reply; one is expected", INVALID_REQUEST
        )
    value = message.values[0]
    if isinstance(value, dict):
        if value.get("Status") == "Success" and "Value" in value:
            return Reply(True, value["Value"])
        if value.get("Status") == "Failure" and "ErrorDescription" in value:
            return Reply(False, value["ErrorDescription"])
    return Reply(True, value)


# rpclib drops control characters but TAB, LF and CR.
_DROPPED = {code: None for code in range(32) if chr(code) not in "\t\n\r"}


def _text(text: str) -> str:
    """Text with the four characters escaped that rpclib escapes; most text has none of them."""
    if not text.isprintable():
        text = text.translate(_DROPPED)
    if "&" in text or "<" in text or ">" in text or '"' in text:
        return (
            text.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace(">", "&gt;")
            .replace('"', "&quot;")
        )
    return text


def dump_value(value: Value) -> str:
    """A value as its <value> element."""
    kind = type(value)
    if kind is str:
        return f"<value>{_text(value)}</value>"
    if kind is int:
        return f"<value>{value}</value>"
    if kind is dict:
        members = [
            f"<member><name>{name if name.isidentifier() else _text(name)}</name>"
            f"{dump_value(item)}</member>"
            for name, item in value.items()
        ]
        return f"<value><struct>{''.join(members)}</struct></value>"
    if kind is list:
        items = "".join([dump_value(item) for item in value])
        return f"<value><array><data>{items}</data></array></value>"
    if kind is bool:
        return f"<value><boolean>{1 if value else 0}</boolean></value>"
    if kind is float:
        return f"<value><double>{value:.16g}</double></value>"
    if value is None:
        return "<value><nil/></value>"
    raise TypeError(f"{value!r} has no form in XML-RPC")


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "replace")  # a lone surrogate has no UTF-8 form: "?" stands for it


def dump_call(method: str, params: list[Value], envelope: Envelope = ENVELOPE) -> bytes:
    """A request's body."""
    values = "".join([f"<param>{dump_value(param)}</param>" for param in params])
    return _encode(
        f'<?xml version="1.0"?><methodCall><methodName>{_text(method)}</methodName>'
        f"<params>{values}</params></methodCall>"
    )


_RESPONSE = '<?xml version="1.0"?><methodResponse><params><param><value><struct><member>'
_END = "</member></struct></value></param></params></methodResponse>"
_SUCCESS = (
    f"{_RESPONSE}<name>Status</name><value>Success</value></member><member><name>Value</name>"
)
_FAILURE = (
    f"{_RESPONSE}<name>Status</name><value>Failure</value></member>"
    "<member><name>ErrorDescription</name>"
)


def dump_success(value: Value, envelope: Envelope = ENVELOPE) -> bytes:
    """The body of a reply with a result."""
    return success(dump_value(value), envelope)


def success(value: str, envelope: Envelope = ENVELOPE) -> bytes:
    """The same for a result that dump_value has written already."""
    return _encode(f"{_SUCCESS}{value}{_END}")


_FRAME = _SUCCESS.encode(), _END.encode()


def frame(envelope: Envelope = ENVELOPE) -> tuple[bytes, bytes]:
    """What stands before and behind the result in such a body."""
    return _FRAME


def dump_failure(error: Value, envelope: Envelope = ENVELOPE, code: int = 0) -> bytes:
    """The body of a reply with an error variant: never a <fault>, which rpclib cannot type."""
    return _encode(f"{_FAILURE}{dump_value(error)}{_END}")
