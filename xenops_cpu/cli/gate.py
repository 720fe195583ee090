"""The gate in front of standard output and standard error: the only way to a terminal.

Names, notes and errors hold what strangers' files say, and a terminal obeys some of it. `main` puts
a gate before both streams for as long as a command runs, so that no command can forget it:

1. What is written is escaped (see escapes), but for line feeds and tabulators.
2. Our own colours and moves of the cursor go through `trusted`, whoever makes them has escaped the
   rest: terminal, progress.
3. What the stream's encoding has no letter for is written as ASCII people know (->, ...), else
   escaped; writing never fails for a letter.
4. Standard error that cannot be written is no error: the exit code tells all the same.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO, cast

from ..text.escapes import escaped

_LAYOUT = "\n\t"
_ASCII = str.maketrans({
    "→": "->", "←": "<-", "–": "-", "—": "-", "−": "-", "…": "...", "×": "x", "≥": ">=",
    "≤": "<=", "µ": "u", "·": "*", "•": "*", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'",
    "┃": "|", "│": "|", "━": "-", "─": "-", "█": "#",
})  # fmt: skip


class Gate:
    """A stream, and what may pass to it. `deaf`: see 4."""

    def __init__(self, stream: TextIO, *, deaf: bool = False) -> None:
        self._stream = stream
        self._deaf = deaf

    def __getattr__(self, name: str) -> Any:  # encoding, fileno, isatty and others
        return getattr(self._stream, name)

    @property
    def unicode(self) -> bool:
        """Whether the encoding has every letter; a stream in memory has."""
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        return encoding.lower().replace("_", "-").startswith("utf-")

    def write(self, text: str) -> int:
        self.trusted(escaped(text, _LAYOUT))
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def trusted(self, text: str) -> None:
        """Text of our own making, with its colours."""
        with self._hearing():
            self._stream.write(text if self.unicode else self._spelt(text))

    def lines(self) -> BinaryIO:
        """A file to write UTF-8 to, letters whole, for what knows no other than files of bytes."""
        return cast(BinaryIO, _Lines(self))

    def document(self, text: str) -> None:
        """A whole document that names its own encoding, which is UTF-8: HTML."""
        buffer = getattr(self._stream, "buffer", None)
        if buffer is None:
            self.write(text)
            return
        self._stream.flush()
        buffer.write(text.encode("utf-8", "backslashreplace"))
        buffer.flush()

    def flush(self) -> None:
        with self._hearing():
            self._stream.flush()

    def give_up(self) -> None:
        """What could not be written must not fail once more when Python ends (exit code 120)."""
        with contextlib.suppress(OSError, ValueError):  # one in memory
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), self._stream.fileno())

    @contextlib.contextmanager
    def _hearing(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            if not self._deaf:
                raise
            self.give_up()

    def _spelt(self, text: str) -> str:
        encoding = self._stream.encoding
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
        return text


class _Lines(io.RawIOBase):
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._gate.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)


def of(stream: TextIO) -> Gate:
    """The gate that a standard stream is, or one before it."""
    return cast(Gate, stream) if isinstance(stream, Gate) else Gate(stream)


def columns(unknown: int) -> int:
    """The terminal's (or COLUMNS), as shutil.get_terminal_size finds them without its four
    compressors; `unknown` where there is no terminal.
    """
    text = os.environ.get("COLUMNS", "")
    if text.isascii() and text.isdigit() and int(text):
        return int(text)
    if sys.__stdout__ is None:
        return unknown
    try:
        return os.get_terminal_size(sys.__stdout__.fileno()).columns or unknown
    except (OSError, ValueError):  # no terminal, or closed since
        return unknown


@contextlib.contextmanager
def at_the_output() -> Iterator[None]:
    """The gate stands before both streams; where one is closed, what is written is dropped."""
    before = sys.stdout, sys.stderr
    with contextlib.ExitStack() as opened:
        out, err = (
            opened.enter_context(open(os.devnull, "w", encoding="utf-8"))
            if stream is None  # some supervisors start programs with closed ones
            else stream
            for stream in before
        )
        sys.stdout = cast(TextIO, Gate(out))
        sys.stderr = cast(TextIO, Gate(err, deaf=True))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before
