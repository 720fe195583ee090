"""What people give a command: HOST, VM and FILE arguments, as values (see docs/reading.md).

`resolve` takes what a person types, `read` a file. Both give an Input or raise InputError.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from ..cpuid.policy import Policy, PolicyError
from ..features.featureset import Featureset, FeaturesetError
from .value import UNTOLD, DomainType, Input, InputError, Kind, Stored, VmRecord

KINDS = (
    "a file (a dump of a CPU with a release: FILE@RELEASE), a featureset such as "
    "1fc9cbf5-f6f83203, the socket of a service, example:NAME, recorded:FILE, cpu:NAME[@RELEASE] "
    "or simulated"
)

_WORDS = re.compile(r"\s*(?:0x)?[0-9a-fA-F]{1,8}(?:[-:](?:0x)?[0-9a-fA-F]{1,8})+\s*")
_ONE_WORD = re.compile(r"\s*(?:0x)?[0-9a-fA-F]{8}\s*")


def resolve(text: str, *, one_word: bool = False) -> Input:
    """What a person means by `text`: KINDS. Raises InputError.

    A single word of eight hex digits is a featureset only where `one_word` allows it.
    """
    if _WORDS.fullmatch(text) or (one_word and _ONE_WORD.fullmatch(text)):
        return _featureset(text)
    if "->" in text:
        return _policy(text)
    kind, colon, rest = text.partition(":")
    if colon and rest and kind in ("example", "recorded", "cpu"):
        from . import named

        return named.resolve(kind, rest)
    if text == "simulated":
        from . import named

        return named.this_machine()
    path = Path(text)
    before, at, xen = text.rpartition("@")
    if at and before and not path.exists() and Path(before).is_file():
        return read(Path(before), xen)
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError(f'"{text[:200]}" cannot be read ({said}); it may be {KINDS}') from error
    if stat.S_ISSOCK(mode):
        from . import named

        return named.service(path)
    return read(path)


def read(path: Path, release: str | None = None) -> Input:
    """A file of any format that docs/reading.md lists. Raises InputError.

    `release` is for dumps of CPUs: what this one would offer on it, None for Xen 4.17.
    """
    from . import files

    return files.read(path, release)


def _featureset(text: str) -> Input:
    try:
        featureset = Featureset.parse(text.lower().replace("0x", ""))
    except FeaturesetError as error:
        raise InputError(str(error)) from error
    return Input(text.strip(), "featureset", featureset=featureset)


def _policy(text: str) -> Input:
    try:
        policy = Policy.parse(text)
    except PolicyError as error:
        raise InputError(str(error)) from error
    return Input("policy", "policy", policy=policy)


__all__ = [
    "KINDS",
    "UNTOLD",
    "DomainType",
    "Input",
    "InputError",
    "Kind",
    "Stored",
    "VmRecord",
    "read",
    "resolve",
]
