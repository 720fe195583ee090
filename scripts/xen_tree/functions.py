"""Which functions a C file of Xen's defines.

Xen's style makes them easy to find: a definition begins in the first column, with the function's
name on that line, and its body's brace comes right after the parameters.
"""

from __future__ import annotations

import re

from .tree import without_comments

_HEAD = re.compile(r"^(?:[A-Za-z_][^;{}()=#\n]*?\b)?(\w+)\s*\(", re.MULTILINE)


def defined(text: str) -> frozenset[str]:
    """The names of the functions that the text of a C file defines."""
    text = without_comments(text)
    return frozenset(match[1] for match in _HEAD.finditer(text) if _has_body(text, match.end()))


def _has_body(text: str, position: int) -> bool:
    """Whether a brace follows the parameters that begin at `position`, after attributes at most."""
    depth = 1
    while depth and position < len(text):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
    return re.match(r"[\s\w]*\{", text[position : position + 200]) is not None
