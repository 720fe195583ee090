"""XML-RPC as rpclib reads and writes it.

Reading is the standard library's Unmarshaller behind defusedxml's parser, with a grammar in front: a
table says for each state which element may start, what state its content is in, and what state follows
its end. So a misplaced element is refused where it stands, and depth and number of elements are counted.
"""

from __future__ import annotations

import binascii
import re
from typing import Any
from xml.parsers.expat import ExpatError
from xmlrpc.client import DateTime, Unmarshaller

from defusedxml.common import DefusedXmlException
from defusedxml.xmlrpc import DefusedExpatParser

from xenops_cpu.marshal import MarshalError, Value, reader
from xenops_cpu.wire import (
    ENVELOPE,
    INVALID_REQUEST,
    LIMITS,
    Call,
    Envelope,
    Limits,
    Reply,
    WireError,
)

# state: {element: (state inside it, state after it)}. Text may stand in "text" and "value" only.
_SCALARS = ("i4", "i8", "int", "boolean", "double", "string", "dateTime.iso8601", "base64", "nil")
_GRAMMAR: dict[str, dict[str, tuple[str, str]]] = {
    "document": {
        "methodCall": ("methodCall", "end"),
        "methodResponse": ("methodResponse", "end"),
    },
    "methodCall": {"methodName": ("text", "methodName")},
    "methodName": {"params": ("params", "end")},
    "methodResponse": {"params": ("params", "end"), "fault": ("param", "end")},
    "params": {"param": ("param", "params")},
    "param": {"value": ("value", "end")},
    "value": {
        **{scalar: ("text", "end") for scalar in _SCALARS},
        "array": ("array", "end"),
        "struct": ("struct", "end"),
    },
    "array": {"data": ("data", "end")},
    "data": {"value": ("value", "data")},
    "struct": {"member": ("member", "struct")},
    "member": {"name": ("text", "name")},
    "name": {"value": ("value", "end")},
    "text": {},
    "end": {},
}
# An element may not end in these states: something that it needs has not come.
_NEEDS = {
    "methodCall": "methodName",
    "methodResponse": "params",
    "param": "value",
    "member": "name",
    "name": "value",
}
_TEXT = ("text", "value")


class _Reader(Unmarshaller):  # type: ignore[misc]
    """The standard library's builder of values, fed only what the grammar and the limits allow."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._depth_left = limits.depth
        self._count_left = limits.count
        self._limits = limits
        self._state = "document"
        self._after: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        found = _GRAMMAR[self._state].get(tag)
        if found is None:
            found = self._misplaced(tag)
        self._count_left -= 1
        if self._count_left < 0:
            raise WireError(f"more than {self._limits.count} elements", INVALID_REQUEST)
        if len(self._after) >= self._depth_left:
            raise WireError(f"more than {self._limits.depth} elements in one another", INVALID_REQUEST)
        if self._data:
            self._blank("".join(self._data))
            self._data = []
        self._state, after = found
        self._after.append(after)
        if tag in ("array", "struct"):
            self._marks.append(len(self._stack))
        self._value = tag == "value"

    def data(self, text: str) -> None:
        if self._state in _TEXT:
            self._data.append(text)
        else:
            self._blank(text)

    def end(self, tag: str) -> None:
        state = self._state
        if state in _NEEDS:
            raise WireError(f"<{tag}> has no <{_NEEDS[state]}>", INVALID_REQUEST)
        self._state = self._after.pop()
        finish = _FINISH.get(tag)
        if finish is not None:
            text = "".join(self._data)
            if text and state != "text" and not self._value:
                self._blank(text)
            finish(self, text)
            self._data = []

    def _misplaced(self, tag: str) -> tuple[str, str]:
        local = tag.rpartition(":")[2]
        possible = _GRAMMAR[self._state]
        if local in possible:  # rpclib looks at local names only
            return possible[local]
        right = " or ".join(f"<{name}>" for name in possible) or "its end"
        raise WireError(f"<{tag}> where {right} is expected", INVALID_REQUEST)

    def _blank(self, text: str) -> None:
        if text.strip(" \t\r\n"):
            raise WireError(f'text where none can be: "{text.strip()[:40]}"', INVALID_REQUEST)

    def finish_int(self, text: str) -> None:
        try:
            self._stack.append(_read_int(text))
        except MarshalError as error:
            raise WireError(f"<int>: {error}", INVALID_REQUEST) from None
        self._value = False

    def finish_boolean(self, text: str) -> None:
        if not text:
            raise WireError("<boolean> is empty; 1 or 0 is expected", INVALID_REQUEST)
        self._stack.append(text == "1")  # so does rpclib: anything else is false
        self._value = False

    def finish_double(self, text: str) -> None:
        try:
            self._stack.append(_read_float(text))
        except MarshalError as error:
            raise WireError(f"<double>: {error}", INVALID_REQUEST) from None
        self._value = False

    def finish_base64(self, text: str) -> None:
        try:
            self._stack.append(binascii.a2b_base64(text.encode("utf-8")))
        except binascii.Error as error:
            raise WireError(f"<base64>: {error}", INVALID_REQUEST) from None
        self._value = False

    def finish_date(self, text: str) -> None:
        self._stack.append(DateTime(text))
        self._value = False

    def finish_nil(self, text: str) -> None:
        self._blank(text)
        self._stack.append(None)
        self._value = False

    def finish_struct(self, text: str) -> None:
        mark = self._marks.pop()
        items = self._stack[mark:]
        struct: dict[str, Any] = {}
        for name, value in zip(items[::2], items[1::2], strict=True):
            struct.setdefault(name, value)  # of two members with one name rpclib takes the first
        self._stack[mark:] = [struct]
        self._value = False


_read_int, _read_float = reader(int), reader(float)
_FINISH: dict[str, Any] = {
    "methodName": Unmarshaller.end_methodName,
    "fault": Unmarshaller.end_fault,
    "name": Unmarshaller.end_string,
    "value": Unmarshaller.end_value,
    "string": Unmarshaller.end_string,
    "array": Unmarshaller.end_array,
    "struct": _Reader.finish_struct,
    "i4": _Reader.finish_int,
    "i8": _Reader.finish_int,
    "int": _Reader.finish_int,
    "boolean": _Reader.finish_boolean,
    "double": _Reader.finish_double,
    "base64": _Reader.finish_base64,
    "dateTime.iso8601": _Reader.finish_date,
    "nil": _Reader.finish_nil,
}


def _skipped_entity(name: str, is_parameter_entity: bool) -> None:
    raise WireError(f"the entity &{name}; is not defined", INVALID_REQUEST)


def _read(body: bytes, limits: Limits) -> _Reader:
    if len(body) > limits.size:
        raise WireError(f"{len(body)} bytes; the most is {limits.size}", INVALID_REQUEST)
    made = _Reader(limits)
    parser = DefusedExpatParser(made)
    parser._parser.SkippedEntityHandler = _skipped_entity
    try:
        parser._parser.Parse(body, True)
    except ExpatError as error:
        raise WireError(f"not well-formed XML: {error}") from None
    except DefusedXmlException as error:
        raise WireError(f"an entity or a reference to one: {type(error).__name__}") from None
    except (ValueError, LookupError) as error:
        if isinstance(error, WireError):
            raise
        raise WireError(f"not well-formed XML: {error}") from None  # its declared encoding
    return made


def parse_call(body: bytes, limits: Limits = LIMITS) -> Call:
    """The call in a request's body. Raises WireError."""
    made = _read(body, limits)
    method = made._methodname
    if made._type != "methodName":
        raise WireError("a <methodResponse> where a <methodCall> is expected", INVALID_REQUEST)
    if not method:
        raise WireError("<methodName> is empty", INVALID_REQUEST)
    return Call(method, made._stack)


def parse_response(body: bytes, limits: Limits = LIMITS) -> Reply:
    """The reply in a response's body. Raises WireError.

    A struct without Status is a success, as in rpclib; a fault, which has no variant, is a WireError.
    """
    made = _read(body, limits)
    if made._type == "methodName":
        raise WireError("a <methodCall> where a <methodResponse> is expected", INVALID_REQUEST)
    if made._type == "fault":
        raise WireError(f"a <fault>: {made._stack[0]!r:.200}", INVALID_REQUEST)
    if len(made._stack) != 1:
        raise WireError(f"{len(made._stack)} values in a reply; one is expected", INVALID_REQUEST)
    value = made._stack[0]
    if isinstance(value, dict):
        if value.get("Status") == "Success" and "Value" in value:
            return Reply(True, value["Value"])
        if value.get("Status") == "Failure" and "ErrorDescription" in value:
            return Reply(False, value["ErrorDescription"])
    return Reply(True, value)


# ---- writing ----------------------------------------------------------------------------------

# rpclib writes four characters as entities and drops control characters but TAB, LF and CR.
_SPECIAL = re.compile(r'[<>&"\x00-\x08\x0b\x0c\x0e-\x1f]').search
_ESCAPES = {ord(character): None for character in map(chr, range(32)) if character not in "\t\n\r"}
_ESCAPES |= {ord("<"): "&lt;", ord(">"): "&gt;", ord("&"): "&amp;", ord('"'): "&quot;"}  # type: ignore[dict-item]


def _text(text: str) -> str:
    return text.translate(_ESCAPES) if _SPECIAL(text) else text


def dump_value(value: Value) -> str:
    """A value as its <value> element."""
    kind = type(value)
    if kind is str:
        return f"<value>{_text(value)}</value>"  # type: ignore[arg-type]
    if kind is int:
        return f"<value>{value}</value>"
    if kind is dict:
        members = "".join(
            [
                f"<member><name>{_text(name)}</name>{dump_value(item)}</member>"
                for name, item in value.items()  # type: ignore[union-attr]
            ]
        )
        return f"<value><struct>{members}</struct></value>"
    if kind is list:
        items = "".join([dump_value(item) for item in value])  # type: ignore[union-attr]
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


def _response(status: str, name: str, value: Value) -> bytes:
    return _encode(
        '<?xml version="1.0"?><methodResponse><params><param><value><struct><member><name>Status</name>'
        f"<value>{status}</value></member><member><name>{name}</name>{dump_value(value)}</member>"
        "</struct></value></param></params></methodResponse>"
    )


def dump_success(value: Value, envelope: Envelope = ENVELOPE) -> bytes:
    """The body of a reply with a result."""
    return _response("Success", "Value", value)


def dump_failure(error: Value, envelope: Envelope = ENVELOPE, code: int = 0) -> bytes:
    """The body of a reply with an error variant: never a <fault>, which rpclib cannot type."""
    return _response("Failure", "ErrorDescription", error)
