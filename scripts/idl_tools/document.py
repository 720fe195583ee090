"""Checked access to a parsed document: what is missing or of another kind is refused by its place.

Every function raises ContractError, whose text starts with that place.
"""

from __future__ import annotations

import keyword
import re
from typing import Any

IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")
SCHEMA_REF = "#/components/schemas/"
# rpclib's Pythongen puts these texts between apostrophes, and argparse formats them with %.
NOT_FOR_PYTHONGEN = re.compile(r"['\\%]")

# OCaml 5.2's manual, section 11.1: words that name nothing.
OCAML_WORD = re.compile(
    "(and|as|asr|assert|begin|class|constraint|do|done|downto|else|end|exception|external|false"
    "|for|fun|function|functor|if|in|include|inherit|initializer|land|lazy|let|lor|lsl|lsr|lxor"
    "|match|method|mod|module|mutable|new|nonrec|object|of|open|or|private|rec|sig|struct|then|to"
    r"|true|try|type|val|virtual|when|while|with)\Z"
)


class ContractError(ValueError):
    """The contract says something that cannot be generated; the text names the place."""


def entry(value: Any, key: str, where: str) -> Any:
    """What an object has under a key."""
    if not isinstance(value, dict) or key not in value:
        raise ContractError(f"{where or 'the document'}: {key} is missing")
    return value[key]


def text(value: Any, key: str, where: str) -> str:
    """A text that is not blank, on one line."""
    content = entry(value, key, where)
    if not isinstance(content, str) or not content.strip():
        raise ContractError(f"{where}: {key} has to be text, got {content!r}")
    return " ".join(content.split())


def help_text(value: Any, key: str, where: str) -> str:
    """A text of a method, parameter or result, which rpclib's generator of Python has to take."""
    content = text(value, key, where)
    sign = NOT_FOR_PYTHONGEN.search(content)
    if sign:
        near = content[max(0, sign.start() - 20) : sign.end() + 20]
        raise ContractError(
            f'{where}: {key}: "{sign[0]}" in "{near}" makes Python that does not parse, where '
            "rpclib generates it: write the text without it"
        )
    return content


def flag(value: Any, key: str, where: str) -> bool:
    """A true or false."""
    content = entry(value, key, where)
    if not isinstance(content, bool):
        raise ContractError(f"{where}: {key} has to be true or false, got {content!r}")
    return content


def mapping(value: object, where: str) -> dict[str, Any]:
    """An object."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ContractError(f"{where}: an object is expected, got {value!r:.60}")
    return value


def sequence(value: object, where: str) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise ContractError(f"{where}: a list is expected, got {value!r:.60}")
    return value


def only(value: dict[str, Any], known: set[str], where: str) -> None:
    """Refuse a key that would be ignored."""
    for key in value:
        if key not in known:
            raise ContractError(f'{where}: "{key}" is not one of {", ".join(sorted(known))}')


def identifier(name: str, where: str) -> str:
    """A name for a member or parameter; one that is OCaml's alone gets another name there."""
    if not IDENTIFIER.match(name) or keyword.iskeyword(name):
        raise ContractError(f'{where}: "{name}" cannot be a name in Python and OCaml')
    return name


def schema_name(reference: str, where: str) -> str:
    """The name behind a reference to a schema."""
    if not reference.startswith(SCHEMA_REF):
        raise ContractError(f'{where}: "{reference}" is not a reference to {SCHEMA_REF}')
    return reference.removeprefix(SCHEMA_REF)
