"""What is in a file, as text: decoded, and within the limits that readers of lines rely on."""

from __future__ import annotations

from ..errors import InputError
from ..limits import input_limits

# All that str.splitlines() ends a line at.
_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"


def decoded(data: bytes) -> str | None:
    """UTF-8 with or without a mark, UTF-16 with one, else Latin-1; None for what is no text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def check(text: str, where: str) -> None:
    """Raises InputError for a text of too many lines, or with too long a one.

    A line is a document of its own in JSON, which has limits of its own.
    """
    if sum(map(text.count, _ENDS)) > input_limits.TEXT_LINES:
        raise InputError(f"{where}: a text of more than {input_limits.TEXT_LINES} lines")
    if len(text) <= input_limits.LINE_LENGTH or text.lstrip()[:1] in ("{", "["):
        return
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > input_limits.LINE_LENGTH:
            most = input_limits.LINE_LENGTH
            raise InputError(f"{where}, line {number}: longer than {most:,} characters")
