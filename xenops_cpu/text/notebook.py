"""What notebooks show of a record: a small table of HTML. Names in it may be anybody's, so all of
it is escaped, and control characters (also those that turn text round) are shown as �.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_MOST_ROWS = 60
_LONGEST = 2000
_TABLE = '<table style="text-align:left"><caption style="text-align:left">'


def table(title: str, headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a title; rows beyond 60 are counted, cells beyond 2,000 characters cut."""
    cells = list(rows)
    lines = [f"{_TABLE}{text(title)}</caption>", _row("th", headers)]
    lines += [_row("td", row) for row in cells[:_MOST_ROWS]]
    if len(cells) > _MOST_ROWS:
        more = f"and {len(cells) - _MOST_ROWS:,} more"
        lines.append(f'<tr><td colspan="{len(headers)}">{more}</td></tr>')
    return "\n".join([*lines, "</table>"])


def text(value: object) -> str:
    """As HTML, whatever it is."""
    from html import escape  # its table of entities is large, and only notebooks need it

    shown = str(value)
    if len(shown) > _LONGEST:
        shown = shown[:_LONGEST] + "…"
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else "\ufffd" for letter in shown)
    return escape(shown)


def _row(kind: str, cells: Iterable[object]) -> str:
    inner = "".join(f'<{kind} style="text-align:left">{text(cell)}</{kind}>' for cell in cells)
    return f"<tr>{inner}</tr>"
