"""Read an XML-RPC message: the standard library's Unmarshaller behind defusedxml's parser.

A grammar stands in front: each state knows which elements may start, the states in and after each,
and what its end does. So a misplaced element is refused where it stands, and the depth and number
of elements are counted.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TypeAlias
from xml.parsers.expat import ExpatError
from xmlrpc.client import DateTime, Unmarshaller

from attrs import frozen
from defusedxml.common import DefusedXmlException
from defusedxml.xmlrpc import DefusedExpatParser

from xenops_cpu.wire import INVALID_REQUEST, Limits, WireError
from xenops_cpu.wire.marshal import MarshalError, Value, reader, shown


class _Reader(Unmarshaller):
    """The standard library's builder of values, fed only what the grammar and the limits allow."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        self._count_left = limits.count
        self._state = _DOCUMENT
        self._after: list[tuple[_State, Callable[[_Reader], None] | None]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        state = self._state
        rule = state.starts.get(tag) or self._misplaced(tag)
        if self._data:
            self._blank("".join(self._data))
            self._data = []
        self._count_left -= 1
        if self._count_left < 0 or len(self._after) >= self._limits.depth:
            self._too_much()
        self._state = rule[0]
        self._after.append(rule[1:])
        if state is _IN_VALUE:
            self._marks.append(len(self._stack))

    def data(self, text: str) -> None:
        if self._state.text:
            self._data.append(text)
        else:
            self._blank(text)

    def end(self, tag: str) -> None:
        if self._state.needs:
            raise WireError(f"<{tag}> has no <{self._state.needs}>", INVALID_REQUEST)
        after, finish = self._after.pop()
        if finish is not None:
            finish(self)
        self._state = after

    def _misplaced(self, tag: str) -> _Rule:
        possible = self._state.starts
        local = tag.rpartition(":")[2]
        if local in possible:  # rpclib looks at local names only
            return possible[local]
        right = " or ".join(f"<{name}>" for name in possible) or "the end of the element"
        raise WireError(f"<{shown(tag)}> where {right} is expected", INVALID_REQUEST)

    def _too_much(self) -> NoReturn:
        limit = self._limits
        if self._count_left < 0:
            raise WireError(f"more than {limit.count} elements", INVALID_REQUEST)
        raise WireError(f"more than {limit.depth} elements in one another", INVALID_REQUEST)

    def _blank(self, text: str) -> None:
        if text.strip(" \t\r\n"):
            raise WireError(f'text where none can be: "{shown(text.strip())}"', INVALID_REQUEST)

    def _text(self) -> str:
        text = "".join(self._data)
        self._data = []
        return text

    def _scalar(self, value: Any) -> None:
        self._marks.pop()
        self._stack.append(value)

    def finish_method_name(self) -> None:
        self.end_methodName(self._text())

    def finish_fault(self) -> None:
        self.end_fault("")

    def finish_name(self) -> None:
        self._stack.append(self._text())

    def finish_value(self) -> None:
        if self._state is _IN_VALUE:  # no element was in it: bare text is a string
            self._stack.append(self._text())

    def finish_string(self) -> None:
        self._scalar(self._text())

    def finish_int(self) -> None:
        self._scalar(self._typed("int", _read_int, self._text()))

    def finish_boolean(self) -> None:
        text = self._text()
        if not text:
            raise WireError("<boolean> is empty; 1 or 0 is expected", INVALID_REQUEST)
        self._scalar(text == "1")  # so does rpclib: anything else is false

    def finish_double(self) -> None:
        self._scalar(self._typed("double", _read_float, self._text()))

    def finish_base64(self) -> None:
        try:
            self._scalar(binascii.a2b_base64(self._text().encode("utf-8")))
        except binascii.Error as error:
            raise WireError(f"<base64>: {error}", INVALID_REQUEST) from None

    def finish_date(self) -> None:
        self._scalar(DateTime(self._text()))

    def finish_nil(self) -> None:
        self._blank(self._text())
        self._scalar(None)

    def finish_array(self) -> None:
        self.end_array("")

    def finish_struct(self) -> None:
        mark = self._marks.pop()
        items: list[Any] = self._stack[mark:]
        struct: dict[str, Any] = {}
        for name, value in zip(items[::2], items[1::2], strict=True):
            struct.setdefault(name, value)  # of two members with one name rpclib takes the first
        self._stack[mark:] = [struct]

    def _typed(self, tag: str, read: Callable[[Any], Any], text: str) -> Any:
        try:
            return read(text)
        except MarshalError as error:
            raise WireError(f"<{tag}>: {error}", INVALID_REQUEST) from None


class _State:
    """What may come next. `needs` names an element that has to come before the end."""

    __slots__ = ("needs", "starts", "text")

    def __init__(self, text: bool = False, needs: str = "") -> None:
        self.starts: dict[str, _Rule] = {}
        self.text = text
        self.needs = needs


# An element that may start: the state inside it, the state after it, what its end does.
_Rule: TypeAlias = "tuple[_State, _State, Callable[[_Reader], None] | None]"

_END, _IN_TEXT, _IN_VALUE = _State(), _State(text=True), _State(text=True)
_DOCUMENT = _State(needs="methodCall")
_CALL, _AFTER_METHOD_NAME = _State(needs="methodName"), _State()
_RESPONSE, _PARAMS, _PARAM = _State(needs="params"), _State(), _State(needs="value")
_ARRAY, _DATA, _STRUCT = _State(), _State(), _State()
_MEMBER, _AFTER_NAME = _State(needs="name"), _State(needs="value")

_DOCUMENT.starts = {
    "methodCall": (_CALL, _END, None),
    "methodResponse": (_RESPONSE, _END, None),
}
_CALL.starts = {"methodName": (_IN_TEXT, _AFTER_METHOD_NAME, _Reader.finish_method_name)}
_AFTER_METHOD_NAME.starts = {"params": (_PARAMS, _END, None)}
_RESPONSE.starts = {
    "params": (_PARAMS, _END, None),
    "fault": (_PARAM, _END, _Reader.finish_fault),
}
_PARAMS.starts = {"param": (_PARAM, _PARAMS, None)}
_PARAM.starts = {"value": (_IN_VALUE, _END, _Reader.finish_value)}
_IN_VALUE.starts = {
    "string": (_IN_TEXT, _END, _Reader.finish_string),
    "struct": (_STRUCT, _END, _Reader.finish_struct),
    "array": (_ARRAY, _END, _Reader.finish_array),
    "int": (_IN_TEXT, _END, _Reader.finish_int),
    "i4": (_IN_TEXT, _END, _Reader.finish_int),
    "i8": (_IN_TEXT, _END, _Reader.finish_int),
    "boolean": (_IN_TEXT, _END, _Reader.finish_boolean),
    "double": (_IN_TEXT, _END, _Reader.finish_double),
    "nil": (_IN_TEXT, _END, _Reader.finish_nil),
    "base64": (_IN_TEXT, _END, _Reader.finish_base64),
    "dateTime.iso8601": (_IN_TEXT, _END, _Reader.finish_date),
}
_ARRAY.starts = {"data": (_DATA, _END, None)}
_DATA.starts = {"value": (_IN_VALUE, _DATA, _Reader.finish_value)}
_STRUCT.starts = {"member": (_MEMBER, _STRUCT, None)}
_MEMBER.starts = {"name": (_IN_TEXT, _AFTER_NAME, _Reader.finish_name)}
_AFTER_NAME.starts = {"value": (_IN_VALUE, _END, _Reader.finish_value)}

# <int> carries any 64-bit number; whether it fits OCaml's 63 bits is for the type to say.
_read_int, _read_float = reader(Annotated[int, "int64"]), reader(float)


def _skipped_entity(name: str, is_parameter_entity: bool) -> None:
    raise WireError(f"the entity &{shown(name)}; is not defined", INVALID_REQUEST)


def _attribute_declaration(*_declared: object) -> None:
    # Each one is compared with all before it: a body full of them would take seconds.
    raise WireError("a DOCTYPE that declares attributes", INVALID_REQUEST)


class _Parser(DefusedExpatParser):
    """defusedxml's parser: entities and external references are refused, a bare DOCTYPE is not."""

    def parse(self, body: bytes) -> None:
        expat: Any = self._parser  # type: ignore[attr-defined]
        expat.SkippedEntityHandler = _skipped_entity
        expat.AttlistDeclHandler = _attribute_declaration
        expat.buffer_text = True  # a text of a thousand lines is one event, not two thousand
        try:
            expat.Parse(body, True)
        finally:
            # The handlers refer to this object and it to them: without the circle no call leaves
            # work to the garbage collector.
            del self._parser  # type: ignore[attr-defined]


@frozen
class Message:
    """What a message holds: "methodName" with the method, "fault", or "params"; and its values."""

    kind: str | None
    method: str | None
    values: list[Value]


def read(body: bytes, limits: Limits) -> Message:
    """The message in a body. Raises WireError."""
    if len(body) > limits.size:
        raise WireError(f"{len(body)} bytes; the most is {limits.size}", INVALID_REQUEST)
    reader = _Reader(limits)
    try:
        _Parser(reader).parse(body)
    except ExpatError as error:
        raise WireError(f"not well-formed XML: {error}") from None
    except DefusedXmlException as error:
        raise WireError(f"an entity or a reference to one: {type(error).__name__}") from None
    except WireError:
        raise
    except (ValueError, LookupError) as error:
        raise WireError(f"not well-formed XML: {error}") from None  # its declared encoding
    return Message(reader._type, reader._methodname, reader._stack)
