"""What people give a command, HOST, VM and FILE arguments, as values (see docs/reading.md).

`resolve` takes what a person types, `read` a file. Both give an Input or raise InputError.

What is typed can mean two things: `cafe0001-00000002` may be a featureset, a file, or the name of
a VM. A featureset is words of eight hex digits, joined by `-`, `:`, commas or blanks, or `hex:` and
any hex words. Where a text is a featureset and a file, neither is guessed: the error names both
ways to say which.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import Error
from ..features.featureset import Featureset, FeaturesetError
from ..sources import KINDS as SOURCES
from ..text import STDIN
from . import hex_words
from .hex_words import is_featureset
from .value import Input, InputError, Kind, NamedHost, Stored

if TYPE_CHECKING:
    from pathlib import Path

KINDS = (
    "a file (one of its hosts: FILE#NAME; a dump of a CPU: FILE@RELEASE), - for standard input, a "
    "featureset such as 1fc9cbf5-f6f83203 (words of 8 hex digits, or hex:WORDS), the socket of a "
    f"service, a live pool (xapi://USER@HOST), in dom0 domain:N or domain:all, {SOURCES}"
)
HEX = "hex:"
_NAMED = ("example", "recorded", "cpu")
# Of a live pool: its address, and xapi's own socket in dom0 (xapi/url.py, which is imported late).
_DOMAIN = "domain:"
_XAPI = ("xapi:", "/var/lib/xcp/xapi")


def resolve(text: str, *, one_word: bool = False, release: str | None = None) -> Input:
    """What a person means by `text`: KINDS. Raises InputError.

    A single word of eight hex digits is a featureset only where `one_word` allows it. `release`:
    what cpu:NAME and dumps are simulated under where they name none, and whose names count for a
    record that does not say which Xen it is of.
    """
    if not text.strip():
        raise InputError(f"nothing is named; wanted is {KINDS}")
    if text.startswith(HEX):
        return _featureset(text.removeprefix(HEX))
    if is_featureset(text, one_word=one_word):
        if exists(text):
            raise InputError(f'"{text}" is a featureset and a file: say hex:{text} or ./{text}')
        return _featureset(text)
    if "->" in text and not exists(text):
        return _policy(text)
    kind, colon, value = text.partition(":")
    if text in ("xen", "xen-cpuid", "simulated") or (colon and value and kind in _NAMED):
        from . import named

        return named.resolve(text, release)
    if text.startswith(_DOMAIN) and not exists(text):
        from . import domains

        return domains.read(text)
    if text.startswith(_XAPI):
        from . import live

        return live.read(text, release)
    from pathlib import Path  # a featureset needs none

    from . import pipes

    if pipes.means_stdin(text):
        return read(Path(text), release)
    path = Path(text)
    before, at, xen = text.rpartition("@")
    if at and before and not exists(text) and Path(before).is_file():
        return read(Path(before), xen)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        if hex_words.may_be(text):
            raise InputError(
                f'"{text[:200]}" is no file; a featureset has 8 hex digits a word: if it is one, '
                f"say hex:{hex_words.joined(text)[:200]}"
            ) from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f'"{text[:200]}" cannot be read ({reason}){_instead(text)}') from error
    if stat.S_ISSOCK(mode):
        from . import named

        return named.service(path)
    return read(path, release)


def exists(text: str) -> bool:
    """Whether there is a file, folder or pipe of this name, or standard input is meant."""
    return text == STDIN or os.path.exists(text)


def read(path: Path, release: str | None = None) -> Input:
    """A file of any format that docs/reading.md lists. Raises InputError.

    `release` is for dumps of CPUs: what this one would offer on it, None for Xen 4.17.
    """
    from . import files

    return files.read(path, release)


def means_a_path(text: str) -> bool:
    """Whether a text is plainly a file's name, though there may be no such file."""
    return "/" in text or re.search(r"\.[a-z]+\d?$", text) is not None


def _instead(text: str) -> str:
    """What a text that names no file may have been meant as; for what is plainly a path, just files
    of nearly that name.
    """
    from ..cpus import shipped
    from . import nearest

    if not means_a_path(text):
        name, at, release = text.partition("@")
        with suppress(Error):
            return f"; a shipped CPU is named so: cpu:{shipped.find(name).id}{at}{release}"
    near = nearest.arguments(text)
    if near:
        return f"; near {'is' if len(near) == 1 else 'are'} {', '.join(near)}"
    return "" if means_a_path(text) else f"; it may be {KINDS}"


def _featureset(text: str) -> Input:
    if not text.strip():
        raise InputError("hex: names no words; 8 hex digits each, such as hex:1fc9cbf5-f6f83203")
    try:
        featureset = Featureset.parse(hex_words.joined(text))
    except FeaturesetError as error:
        raise InputError(str(error)) from error
    return Input(text.strip(), "featureset", featureset=featureset)


def _policy(text: str) -> Input:
    from ..cpuid.policy import Policy, PolicyError

    try:
        policy = Policy.parse(text)
    except PolicyError as error:
        raise InputError(str(error)) from error
    return Input("policy", "policy", policy=policy)


__all__ = [
    "HEX",
    "KINDS",
    "Input",
    "InputError",
    "Kind",
    "NamedHost",
    "Stored",
    "exists",
    "is_featureset",
    "means_a_path",
    "read",
    "resolve",
]
