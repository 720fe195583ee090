"""One argument as it was typed: NAME=REST, FILE#NAME, a pasted record, and what it comes to."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from attrs import evolve

from ..features.release import Release
from ..inputs import Input, InputError
from . import Failure, subject

CPU = "cpu:"
# Where errors say that the text of an argument was read as a record.
INLINE = "the record given"

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]{0,63})=(.+)", re.DOTALL)


def split_name(text: str) -> tuple[str, str]:
    """NAME and the rest of NAME=REST; the name is "" where there is none."""
    match = _NAMED.fullmatch(text)
    if match is None or exists(text):
        return "", text
    return match[1], match[2]


def read(text: str, xen: Release | None = None) -> Input:
    """One argument, with the choice of FILE#NAME made; damage is told on standard error.

    Raises Failure.
    """
    return _read(text, xen.name if xen is not None else "")


@lru_cache(maxsize=64)  # a file may be asked for its hosts, then for its VMs
def _read(text: str, xen: str) -> Input:
    path, hash_, chosen = text.rpartition("#")
    try:
        if hash_ and path and not exists(text) and exists(path):
            return _chosen(_resolve(path, xen), chosen, text)
        return _resolve(text, xen)
    except InputError as error:
        raise Failure(str(error)) from error


def shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def called(given: Input, typed: str, otherwise: str) -> str:
    """What to call the only host or VM of an input: as it was typed, if that is a name."""
    if typed.startswith(CPU):
        return typed.removeprefix(CPU)
    if given.name == INLINE or (not given.hosts and not given.vms and not exists(typed)):
        return otherwise
    return ""


def what_it_is(given: Input) -> str:
    if given.vms:
        return f"it has VMs: {', '.join(vm.name for vm in given.vms[:5])}"
    return f"it is a {given.kind}"


def exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _resolve(text: str, xen: str) -> Input:
    """Raises InputError and Failure."""
    if "features" in text and ":" in text and not exists(text):
        from ..inputs import texts

        lines = text.replace(";", "\n")
        return texts.as_input(texts.parse(lines, INLINE, INLINE), INLINE, INLINE)
    if xen and "@" not in text:
        simulated = text.startswith(CPU) or (exists(text) and Path(text).is_file())
        text = f"{text}@{xen}" if simulated else text
    return subject.resolve(text)


def _chosen(given: Input, wanted: str, text: str) -> Input:
    at = [index for index, name in enumerate(given.host_names) if name == wanted]
    taken = tuple(vm for vm in given.vms if vm.name == wanted)
    if not at and not taken:
        names = ", ".join([*given.host_names, *(vm.name for vm in given.vms)][:10])
        raise Failure(f'{shown(text)}: there is no "{wanted}" in the file; there are {names}')
    return evolve(
        given,
        hosts=tuple(given.hosts[index] for index in at),
        host_names=tuple(given.host_names[index] for index in at),
        vms=taken,
        stored=tuple(record for record in given.stored if record.name == wanted),
    )
