"""What goes to the terminal: tables and paragraphs, in colour where a person sees them.

Colour and frames need the package rich, which is optional (the extra "terminal"). Pipes and files
get plain text that cut, grep and diff can work with; so does a terminal without rich, with
NO_COLOR set (https://no-color.org) or with TERM=dumb. FORCE_COLOR (https://force-color.org) means
colour in pipes too, and --color wins over both.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, Literal

from ..text.escapes import escaped, json_escaped
from . import gate

# Lines longer than this are hard to read, however wide the terminal.
_WIDEST = 120
_UNKNOWN_WIDTH = 100
_PIECES = 10_000  # of a JSON document that are written at once

Color = Literal["auto", "always", "never"]
COLORS: tuple[Color, ...] = ("auto", "always", "never")
# What --color says of the command that runs.
_color: Color = "auto"


def width() -> int:
    """Columns to fill: the terminal's (or COLUMNS), within reason."""
    return max(40, min(gate.columns(_UNKNOWN_WIDTH), _WIDEST))


def has_rich() -> bool:
    """Whether the package that makes colour is at hand."""
    from importlib.util import find_spec

    return find_spec("rich") is not None


@contextmanager
def colored(when: Color) -> Iterator[None]:
    """What --color asks for, as long as a command runs."""
    global _color
    before, _color = _color, when
    try:
        yield
    finally:
        _color = before


def pleasant() -> bool:
    """Whether to write for eyes: rich at hand, and asked for, or a terminal that can."""
    return _wanted() and has_rich()


def _wanted() -> bool:
    environment = os.environ
    if _color != "auto":
        return _color == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and environment.get("TERM") != "dumb"


def heading(text: str) -> None:
    """A line that stands out."""
    line(text, "bold")


def line(text: str, style: str = "") -> None:
    """A line as it is, whatever its length; `style` is rich's, for instance "green"."""
    if style and pleasant():
        from rich.text import Text

        _rich_print(Text(escaped(text), style=style), soft_wrap=True)
    else:
        print(escaped(text))


def paragraph(text: str, indent: int = 0, hanging: int = 0, style: str = "") -> None:
    """Wrapped to the width; lines after the first are indented by `hanging` more."""
    text = escaped(text, "\n\t")
    if text.strip() and text.isprintable() and indent + len(text) <= width():
        line(" " * indent + text.rstrip(), style)  # nothing to wrap, nor anything to wrap with
        return
    import textwrap

    lines = textwrap.wrap(
        text,
        width(),
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for wrapped in lines or [""]:
        line(wrapped, style)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 0) -> None:
    """Columns under headers. Plain: two blanks between columns, the last one as long as it is."""
    headers = [escaped(header) for header in headers]
    rows = [tuple(escaped(cell) for cell in row) for row in rows]
    if pleasant():
        _rich_table(headers, rows)
        return
    widths = [max(len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    for row in (tuple(headers), *rows):
        cells = (f"{cell:{size}}" for cell, size in zip(row, widths, strict=True))
        print((" " * indent + "  ".join(cells)).rstrip())


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """A document for programs, on standard output; without `indent` on one line.

    No letter of it does anything to a terminal, and it reads as the same value.
    """
    import json

    out = gate.of(sys.stdout)
    encoder = json.JSONEncoder(indent=indent, ensure_ascii=not out.unicode)
    if indent is None:
        out.write(json_escaped(encoder.encode(value)))
    else:
        pieces = encoder.iterencode(value)
        while some := "".join(islice(pieces, _PIECES)):
            out.write(json_escaped(some))
    out.write("\n")


def _rich_print(text: Any, *, soft_wrap: bool = False) -> None:
    """Text of rich's, whose letters are escaped already; rich by itself would decide anew where
    there is to be colour.
    """
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    able = is_terminal and os.environ.get("TERM") not in (None, "dumb")
    console = Console(
        highlight=False,
        no_color=False,
        force_terminal=True,
        color_system="auto" if able else "standard",
        width=None if is_terminal else width(),
        soft_wrap=soft_wrap,
    )
    with console.capture() as captured:
        console.print(text)
    gate.of(sys.stdout).trusted(captured.get())


def _rich_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for index, header in enumerate(headers):
        table.add_column(Text(header), style="cyan" if index == 0 else "", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    _rich_print(table)
