"""Texts of strangers made fit for a terminal, a log and a JSON document.

A name in a file may hold what a terminal obeys: ESC and BEL, the C1 controls (U+009B is another
ESC [), marks that turn the direction of what follows (U+202E), half a surrogate pair. All of that
is what Python calls not printable; it is written as Python would write it in a string, so that a
person sees what is there. The blank is printable, other spaces are not: they look like it.
"""

from __future__ import annotations

import re

_ABOVE_ASCII = r"[^ -~]"


def escaped(text: str, keep: str = "") -> str:
    r"""The text with all that is not printable escaped (`\x1b`, `\u202e`), but for `keep`."""
    printed = text
    for letter in keep:
        printed = printed.replace(letter, "")
    if printed.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or letter in keep
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def json_escaped(document: str) -> str:
    r"""The text of a JSON document with the same escaped as `\uXXXX`, so that its value stays.

    Line feeds are layout there, and stay: within strings JSON has none.
    """
    if document.replace("\n", "").isprintable():
        return document
    return re.sub(_ABOVE_ASCII, _json_escape, document)


def _json_escape(match: re.Match[str]) -> str:
    letter = match[0]
    if letter == "\n" or letter.isprintable():
        return letter
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
