"""HTML as text: everything that comes from outside is escaped here, and nowhere else.

Tables have a caption, and headers that say what they are headers of, so that a screen reader can
tell where one is; wide ones can be scrolled with the keyboard.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import NewType

from attrs import frozen

from ...escapes import escaped

Markup = NewType("Markup", str)


@frozen
class Cell:
    """`kind`: a class of the style: number, good, fair, bad, names."""

    content: Markup
    kind: str = ""


def text(words: object) -> Markup:
    return Markup(html.escape(escaped(str(words), "\n\t")))


def joined(parts: Iterable[Markup]) -> Markup:
    return Markup("\n".join(parts))


def paragraph(words: str, kind: str = "") -> Markup:
    return Markup(f"<p{_class(kind)}>{text(words)}</p>")


def heading(level: int, words: str, anchor: str = "") -> Markup:
    id_ = f' id="{html.escape(anchor)}"' if anchor else ""
    return Markup(f"<h{level}{id_}>{text(words)}</h{level}>")


def bullets(items: Iterable[Markup]) -> Markup:
    return Markup("<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>")


def names(features: Iterable[str]) -> Markup:
    return Markup(f'<span class="names">{text(" ".join(features))}</span>')


def link(anchor: str, words: str) -> Markup:
    return Markup(f'<a href="#{html.escape(anchor)}">{text(words)}</a>')


def number(value: int) -> Cell:
    return Cell(text(f"{value:,}"), "number")


def plain(words: object) -> Cell:
    return Cell(text(words))


def table(
    anchor: str, caption: str, headers: Sequence[str], rows: Iterable[Sequence[Cell]]
) -> Markup:
    """The first cell of a row is its header. `anchor`: the caption's, one to a page."""
    head = "".join(f'<th scope="col">{text(header)}</th>' for header in headers)
    lines = [
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{anchor}">',
        f'<table><caption id="{anchor}">{text(caption)}</caption>',
        f"<thead><tr>{head}</tr></thead>",
        "<tbody>",
    ]
    for first, *rest in rows:
        cells = "".join(f"<td{_class(cell.kind)}>{cell.content}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row"{_class(first.kind)}>{first.content}</th>{cells}</tr>')
    return Markup("\n".join([*lines, "</tbody></table></div>"]))


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
