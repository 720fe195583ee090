"""JSON-RPC as xapi speaks it at /jsonrpc, read as it comes.

All VMs of a large pool are 30 to 90 MB of JSON; parsed at once that is 0.5 GB of memory. The
answer's outer objects are therefore taken apart here, and each member is left to the standard
library's decoder, which works in C on a text that is as long as one member.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Sequence

from .errors import AnswerError, NotSpoken, Unreachable
from .value import MAX_VALUE, Each, Value

PATH = "/jsonrpc"
CONTENT_TYPE = "application/json"
_BLANKS = " \t\r\n"
# An error so near the end of the text may be one of the end only (a literal, an escape).
_NEAR = 16


def call(method: str, parameters: Sequence[Value]) -> bytes:
    """The body of a call."""
    document = {"jsonrpc": "2.0", "method": method, "params": list(parameters), "id": 0}
    return json.dumps(document, separators=(",", ":")).encode()


def answer(
    chunks: Iterable[bytes], who: str, each: Each | None = None, inside: str = ""
) -> dict[str, Value]:
    """The answer's members. With `each`, what is in its result's map or set goes there instead.

    `inside`: the member of the result that is the map or set, "" for the result itself. Raises
    NotSpoken (no JSON at all), AnswerError, Unreachable (cut off).
    """
    text = _Text(chunks, who)
    if text.peek() != "{":
        raise NotSpoken(f"{who}: the answer is not JSON")
    members: dict[str, Value] = {}
    for name in text.members():
        if name == "result" and each is not None:
            members[name] = _spread(text, each, inside)
        else:
            members[name] = text.value()
    if text.peek():
        raise AnswerError(f"{who}: the JSON goes on after its end")
    return members


def _spread(text: _Text, each: Each, inside: str) -> Value:
    """A result whose content goes to `each`; what is beside it is given back."""
    first = text.peek()
    if first == "[" and not inside:
        for _ in text.items():
            each("", text.value())
        return []
    if first != "{":
        return text.value()
    beside: dict[str, Value] = {}
    for name in text.members():
        if name == "Value":  # the form with a Status
            beside[name] = _spread(text, each, inside)
        elif inside and name == inside:
            beside[name] = _spread(text, each, "")
        elif inside or name in ("Status", "ErrorDescription"):
            beside[name] = text.value()
        else:
            each(name, text.value())
    return beside


class _Text:
    """A JSON text of which a part is here, and a place in it."""

    def __init__(self, chunks: Iterable[bytes], who: str) -> None:
        self._chunks = iter(chunks)
        self._who = who
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0

    def peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        while True:
            while self._at < len(self._text):
                letter = self._text[self._at]
                if letter not in _BLANKS:
                    return letter
                self._at += 1
            if not self._more(1):
                return ""

    def members(self) -> Iterator[str]:
        """The names in the object that begins here; the caller takes each value."""
        for _ in self._parts("{", "}"):
            if self.peek() != '"':
                raise self._unexpected("a name in quotes")
            name = self.value()
            self._take(":")
            yield str(name)

    def items(self) -> Iterator[None]:
        """A turn for each item of the array that begins here; the caller takes the value."""
        yield from self._parts("[", "]")

    def value(self) -> Value:
        """The value that begins here, whole."""
        self.peek()
        while True:
            try:
                value: Value
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                whole = not error.msg.startswith("Unterminated string")
                if whole and error.pos < len(self._text) - _NEAR:
                    raise AnswerError(f"{self._who}: damaged JSON: {error.msg}") from None
            except (RecursionError, ValueError):  # too deep; a number of thousands of digits
                raise AnswerError(f"{self._who}: JSON that no xapi writes") from None
            else:
                if end == len(self._text) and isinstance(value, int | float):
                    if self._more(1):  # the number may go on in the next chunk
                        continue
                    end = len(self._text)
                self._at = end
                return value
            # Twice as much each time: a long value is looked at a few times, not for each chunk.
            if not self._more(len(self._text) - self._at):
                raise self._cut_off()
            if len(self._text) - self._at > MAX_VALUE:
                raise AnswerError(f"{self._who}: a value of more than {MAX_VALUE >> 20} MiB")

    def _parts(self, first: str, last: str) -> Iterator[None]:
        self._take(first)
        if self.peek() == last:
            self._at += 1
            return
        while True:
            yield
            letter = self.peek()
            if letter not in (",", last) or not letter:
                raise self._unexpected(f'"," or "{last}"')
            self._at += 1
            if letter == last:
                return

    def _take(self, letter: str) -> None:
        if self.peek() != letter:
            raise self._unexpected(f'"{letter}"')
        self._at += 1

    def _unexpected(self, symbol: str) -> Exception:
        if not self.peek():
            return self._cut_off()
        return AnswerError(f"{self._who}: damaged JSON: {symbol} is missing")

    def _cut_off(self) -> Exception:
        return Unreachable(f"{self._who}: the answer is cut off within its JSON")

    def _more(self, least: int) -> bool:
        """At least so many more characters, where there are any; False where there are none."""
        parts = [self._text[self._at :]]
        size = 0
        try:
            while size < max(least, 1):
                chunk = next(self._chunks, None)
                part = self._utf8.decode(chunk or b"", final=chunk is None)
                parts.append(part)
                size += len(part)
                if chunk is None:
                    break
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data":
                raise self._cut_off() from None
            raise AnswerError(f"{self._who}: the JSON is not UTF-8 ({error.reason})") from None
        self._text, self._at = "".join(parts), 0
        return size > 0
