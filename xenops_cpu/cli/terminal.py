"""What goes to the terminal: tables and paragraphs, in colour where a person sees them.

Colour and frames need the package rich, which is optional (the extra "terminal"). Pipes and files
get plain text that cut, grep and diff can work with; so does a terminal without rich, with
NO_COLOR set (https://no-color.org) or with TERM=dumb.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

# Lines longer than this are hard to read, however wide the terminal.
_WIDEST = 120
_UNKNOWN_WIDTH = 100


def width() -> int:
    """Columns to fill: the terminal's (or COLUMNS), within reason."""
    return max(40, min(shutil.get_terminal_size((_UNKNOWN_WIDTH, 0)).columns, _WIDEST))


def pleasant() -> bool:
    """Whether to write for eyes: a terminal that can, rich at hand, and nobody against it."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    from importlib.util import find_spec

    return find_spec("rich") is not None


def heading(text: str) -> None:
    """A line that stands out."""
    if pleasant():
        _rich_print(text, "bold")
    else:
        print(text)


def line(text: str, style: str = "") -> None:
    """A line as it is, whatever its length; `style` is rich's, for instance "green"."""
    if style and pleasant():
        _rich_print(text, style)
    else:
        print(text)


def paragraph(text: str, indent: int = 0, hanging: int = 0, style: str = "") -> None:
    """Wrapped to the width; lines after the first are indented by `hanging` more."""
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
    rows = [tuple(row) for row in rows]
    if pleasant():
        _rich_table(headers, rows)
        return
    widths = [max(len(cell) for cell in column) for column in zip(headers, *rows, strict=True)]
    for row in (tuple(headers), *rows):
        cells = (f"{cell:{size}}" for cell, size in zip(row, widths, strict=True))
        print((" " * indent + "  ".join(cells)).rstrip())


def print_json(value: Any) -> None:
    """A document for programs, on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


def _rich_print(text: str, style: str) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(highlight=False, soft_wrap=True).print(Text(text, style=style))


def _rich_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, header_style="bold", pad_edge=False)
    for index, header in enumerate(headers):
        made.add_column(header, style="cyan" if index == 0 else "", no_wrap=index == 0)
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    Console().print(made)
