"""XML-RPC as every xapi speaks it at /, read as it comes.

defusedxml's parser refuses DTDs and entities; the target here takes the elements of an answer one
by one, so that of all VMs of a large pool one is in memory at a time.
"""

from __future__ import annotations

import xmlrpc.client
from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from .errors import AnswerError, NotSpoken, Unreachable
from .value import MAX_DEPTH, MAX_VALUE, Each, Value

PATH = "/"
CONTENT_TYPE = "text/xml"
_SCALARS = frozenset({"string", "int", "i4", "i8", "boolean", "double", "dateTime.iso8601", "nil"})
# expat's own words for a text that stops too early.
_ENDS_EARLY = (
    "no element found",
    "unclosed token",
    "unclosed CDATA section",
    "partial character",
)


def call(method: str, parameters: Sequence[Value]) -> bytes:
    """The body of a call; an int is written as a string, as XenAPI has it."""
    values: list[Any] = [
        str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for value in parameters
    ]
    return xmlrpc.client.dumps(tuple(values), method).encode()


def answer(
    chunks: Iterable[bytes], who: str, each: Each | None = None, inside: str = ""
) -> dict[str, Value]:
    """As jsonrpc.answer; the members are Status, and Value or ErrorDescription."""
    target = _Answer(who, each, ["Value", inside] if inside else ["Value"])
    # An encoding that Python's parser does not know is no obstacle: xapi writes UTF-8.
    parser = DefusedXMLParser(target=target, encoding="utf-8", forbid_dtd=True)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            target.kept += len(chunk)
            if target.kept > MAX_VALUE:
                raise AnswerError(f"{who}: a value of more than {MAX_VALUE >> 20} MiB")
        parser.close()
    except ParseError as error:
        if not target.begun:
            raise NotSpoken(f"{who}: the answer is not XML-RPC") from None
        if str(error).startswith(_ENDS_EARLY):
            raise Unreachable(f"{who}: the answer is cut off within its XML") from None
        raise AnswerError(f"{who}: damaged XML: {error}") from None
    except DefusedXmlException as error:
        if not target.begun:
            raise NotSpoken(f"{who}: the answer is not XML-RPC") from None
        raise AnswerError(f"{who}: XML with a {type(error).__name__}: none of xapi's") from None
    if isinstance(target.value, dict):
        return target.value
    raise AnswerError(f"{who}: the answer is XML, but no answer of xapi")


class _Answer:
    """A target of the parser: builds the answer's value, and hands on what `each` takes.

    `_open` are the structs and arrays that have begun, `_names` the names of their members (""
    within an array), so that a member is one of those to hand on where `_names` says so. `kept`:
    bytes since the last one that was handed on.
    """

    def __init__(self, who: str, each: Each | None, path: Sequence[str]) -> None:
        self.value: Value = None
        self.begun = False
        self.kept = 0
        self._who = who
        self._each = each
        self._path = list(path)
        self._open: list[dict[str, Value] | list[Value]] = []
        self._names: list[str] = []
        self._text: list[str] = []
        self._kind = ""
        self._whole: Value = None
        self._has_whole = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        if not self.begun:
            if tag != "methodResponse":
                raise NotSpoken(f"{self._who}: the answer is not XML-RPC")
            self.begun = True
        if tag == "fault":
            raise AnswerError(f"{self._who}: an XML-RPC fault; xapi sends none")
        if tag in ("value", "name"):
            self._text, self._kind, self._has_whole = [], "", False
        elif tag in _SCALARS:
            self._kind, self._text = tag, []
        elif tag in ("struct", "array"):
            if len(self._open) >= MAX_DEPTH:
                raise AnswerError(f"{self._who}: more than {MAX_DEPTH} values in one another")
            self._open.append({} if tag == "struct" else [])
            self._names.append("")

    def data(self, text: str) -> None:
        self._text.append(text)

    def end(self, tag: str) -> None:
        if tag == "name" and self._names:
            self._names[-1] = "".join(self._text)
        elif tag in ("struct", "array"):
            self._whole, self._has_whole = self._open.pop(), True
            self._names.pop()
        elif tag == "value":
            self._placed(self._whole if self._has_whole else self._scalar("".join(self._text)))
            self._text, self._kind, self._has_whole = [], "", False

    def close(self) -> None:
        """The parser asks for it."""

    def _scalar(self, text: str) -> Value:
        try:
            match self._kind:
                case "boolean":
                    return text.strip() == "1"
                case "int" | "i4" | "i8":
                    return int(text)
                case "double":
                    return float(text)
                case "nil":
                    return None
        except ValueError:
            raise AnswerError(f"{self._who}: a <{self._kind}> that is no number") from None
        return text

    def _placed(self, value: Value) -> None:
        if not self._open:
            self.value = value
            return
        place, name = self._open[-1], self._names[-1]
        if self._each is not None and self._names[:-1] == self._path:
            self._each(name, value)
            self.kept = 0
        elif isinstance(place, dict):
            place[name] = value
        else:
            place.append(value)
