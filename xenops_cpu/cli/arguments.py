"""One argument as it was typed, and what it comes to: NAME=REST, FILE#NAME, a pasted record, and
whatever inputs.resolve knows. Every command reads its arguments here.
"""

from __future__ import annotations

import argparse
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING

from . import WRONG_USAGE, Failure

if TYPE_CHECKING:
    from ..derivation import Derivation
    from ..features.featureset import Featureset
    from ..features.release import Release
    from ..hosts.host import Host
    from ..inputs import Input, NamedHost

WHAT = (
    "a featureset (1fc9cbf5-f6f83203-…, hex:WORDS), a file (docs/reading.md) or - for standard "
    "input, FILE#NAME for one of many in it, the socket of a service, a live pool "
    "(xapi://USER@HOST), example:NAME, recorded:FILE, cpu:NAME[@RELEASE] or simulated"
)
CPU = "cpu:"
_NAMED_PLACES = ("xapi:", "/var/lib/xcp/xapi", "example:", "recorded:")
# Where errors say that the text of an argument was read as a record.
INLINE = "the record given"

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]{0,63})=(.+)", re.DOTALL)


def read(
    text: str, xen: Release | None = None, *, one_word: bool = False, tell_damage: bool = True
) -> Input:
    """What an argument comes to, with the choice of FILE#NAME made; damage is told on standard
    error, once. `xen`: see inputs.resolve. Raises Failure.
    """
    found = _read(text, xen.name if xen is not None else None, one_word)
    if found.damage and tell_damage:
        say_once(f"{found.name}: {found.damage}")
    return found


@lru_cache(maxsize=1024)
def say_once(text: str) -> None:
    """On standard error, however often it is found."""
    print(f"xenops-cpu: {text}", file=sys.stderr)


# A file may be asked for its hosts, then for its VMs; a pool may have as many files as hosts.
@lru_cache(maxsize=4096)
def _read(text: str, xen: str | None, one_word: bool) -> Input:
    from ..errors import InputError

    path, chosen = split_choice(text)
    try:
        if chosen:
            found = _one_of(_resolve(path, xen, one_word), chosen, text)
        else:
            found = _resolve(text, xen, one_word)
    except InputError as error:
        raise Failure(*_refusal(text, error)) from error
    return found


def forget() -> None:
    """Each command reads and tells anew, however many run in one process."""
    _read.cache_clear()
    say_once.cache_clear()
    if "xenops_cpu.inputs.pipes" in sys.modules:
        from ..inputs import pipes

        pipes.forget()


def split_choice(text: str) -> tuple[str, str]:
    """FILE and NAME of FILE#NAME; the name is "" where there is none, or a file is called so."""
    from ..inputs import exists

    place = -1 if exists(text) else text.find("#")
    while place > 0:
        if has_many(text[:place]) and text[place + 1 :]:
            return text[:place], text[place + 1 :]
        place = text.find("#", place + 1)
    return text, ""


def has_many(text: str) -> bool:
    """Whether an argument can have hosts and VMs with names: a file, standard input, a pool."""
    from ..inputs import exists

    if text.startswith(_NAMED_PLACES) or exists(text):
        return True
    file, at, _ = text.rpartition("@")
    return bool(at) and exists(file)


def split_name(text: str) -> tuple[str, str]:
    """NAME and the rest of NAME=REST; the name is "" where there is none."""
    from ..inputs import exists

    match = _NAMED.fullmatch(text)
    if match is None or exists(text):
        return "", text
    return match[1], match[2]


def shown(text: str) -> str:
    """An argument in a message: not too long."""
    return text if len(text) <= 60 else f"{text[:59]}…"


def called(found: Input, typed: str, otherwise: str) -> str:
    """What to call the only host or VM of an input: as it was typed, if that is a name."""
    from ..inputs import exists

    if typed.startswith(CPU):
        return typed.removeprefix(CPU)
    if found.name == INLINE or (not found.hosts and not found.vms and not exists(typed)):
        return otherwise
    return ""


def what_it_is(found: Input) -> str:
    """For a message about an argument that is not what was wanted."""
    if found.vms:
        return f"it has VMs: {', '.join(vm.name for vm in found.vms[:5])}"
    if found.left_out:
        return f"it has {' and '.join(f'{n} {kind}s' for kind, n in found.left_out.items())} only"
    return f"it is a {found.kind}"


def one_host(text: str, xen: Release | None = None) -> NamedHost:
    """An argument that has to be one host. Raises Failure."""
    return the_host(read(text, xen))


def the_host(found: Input) -> NamedHost:
    """The only host of an input. Raises Failure."""
    if len(found.hosts) == 1:
        return found.hosts[0]
    if not found.hosts:
        raise Failure(f"{found.name} is no host but a {found.kind}: name a host", WRONG_USAGE)
    raise Failure(
        f"{found.name} has {len(found.hosts)} hosts: name one, {found.name}#NAME; there are "
        f"{', '.join(found.host_names)}",
        WRONG_USAGE,
    )


def derived_host(text: str, xen: Release | None = None) -> tuple[Host, Derivation | None]:
    """An argument that has to be one host, with the derivation behind a simulated one.

    Raises Failure.
    """
    named = one_host(text, xen)
    return named.host, named.simulated.explained()[1] if named.simulated is not None else None


def add_release(parser: argparse.ArgumentParser) -> None:
    """--xen for commands that only name bits."""
    parser.add_argument(
        "--xen",
        metavar="RELEASE",
        help="whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host's, "
        "else the newest release with that many words)",
    )


def release(arguments: argparse.Namespace) -> Release | None:
    """The release of --xen; None without it. Raises Failure."""
    from ..features.release import ReleaseError
    from ..features.release import release as release_named

    try:
        return release_named(arguments.xen) if arguments.xen else None
    except ReleaseError as error:
        raise Failure(f"--xen: {error}", WRONG_USAGE) from error


def release_for(featureset: Featureset, asked: Release | None) -> Release:
    """The release whose names a featureset of nobody known gets."""
    from ..features.fit import by_length

    return asked or by_length(featureset.length).release


def _resolve(text: str, xen: str | None, one_word: bool) -> Input:
    """Raises InputError."""
    from .. import inputs

    if text.startswith(_NAMED_PLACES[:2]):
        from . import live

        with live.asked():
            return inputs.resolve(text, release=xen)
    if "features" in text and ":" in text and not inputs.exists(text):
        from ..inputs import texts

        lines = text.replace(";", "\n")
        return texts.as_input(texts.parse(lines, INLINE, INLINE), INLINE, INLINE, xen)
    return inputs.resolve(text, one_word=one_word, release=xen)


def _refusal(text: str, error: Exception) -> tuple[str, int] | tuple[str]:
    """What to say of an argument, and whether its form is at fault."""
    from ..features.featureset import Featureset, FeaturesetError
    from ..inputs import hex_words

    if hex_words.attempted(text):
        try:
            Featureset.parse(hex_words.joined(text))
        except FeaturesetError as malformed:
            return str(malformed), WRONG_USAGE
    if not text.strip():
        return str(error), WRONG_USAGE
    return (str(error),)


def _one_of(found: Input, wanted: str, text: str) -> Input:
    chosen = found.only(wanted)
    if not chosen.hosts and not chosen.vms:
        names = ", ".join([*found.host_names, *(vm.name for vm in found.vms)][:10])
        raise Failure(f'{shown(text)}: there is no "{wanted}" in the file; there are {names}')
    return chosen
