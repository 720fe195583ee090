"""Jinja2 for the page: everything is escaped, nothing undefined passes for nothing.

What comes from outside (names of hosts and VMs, files, sentences around them) is text on the page:
the engine escapes markup, and what has no glyph of its own (controls, marks that turn the direction
of reading, broken surrogates) is written out as in a Python string, so that a name looks like what
it is. Only the style is taken as it stands, and the page's own policy names its hash: a browser
takes no other style, no script and nothing from a network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from .. import data_files
from ..errors import RemediedError
from ..pools.words import count, some
from ..text.escapes import escaped

if TYPE_CHECKING:
    from jinja2 import Environment

_STYLE = "style.css"
# What stands beside colours, for those who do not see them.
_GLYPHS = {"good": "✓", "fair": "▲", "bad": "✕"}
_HAS = {True: "✓ yes", False: "✕ no", None: "–"}


class EngineError(RemediedError):
    """The page cannot be made here; the remedy is the command that installs what is missing."""


def render(template: str, context: Mapping[str, Any]) -> str:
    """A template of data/report/ with what it is to say. Raises EngineError without Jinja2."""
    environment = _environment()
    from markupsafe import Markup

    css = style()
    return environment.get_template(template).render(
        context, style=Markup(css), policy=_policy(css)
    )


def style() -> str:
    """The page's style sheet."""
    return data_files.read_text(f"report/{_STYLE}").strip()


def visible(value: object) -> object:
    """Text of which every character can be seen; what is markup already, and numbers, as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return escaped(value)


def _policy(css: str) -> str:
    """What a browser may do with the page: take its own style, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise EngineError(
            "the page needs Jinja2, which is not installed", "pip install jinja2"
        ) from error
    environment = Environment(
        loader=PackageLoader("xenops_cpu", "data/report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count,
        "some": some,
        "sentence": _sentence,
        "capital": _capital,
    }
    environment.globals |= {"GLYPHS": _GLYPHS, "HAS": _HAS}
    return environment


def _sentence(words: str) -> str:
    """With a capital and a full stop."""
    return f"{_capital(words).rstrip('.')}." if words else ""


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
