"""One argument as it was typed, and what it comes to: NAME=REST, FILE#NAME, a pasted record, and
whatever `resolve` knows. Commands and the library read their arguments here.
"""

from __future__ import annotations

import re

from ..features.featureset import Featureset, FeaturesetError
from . import exists, hex_words, resolve
from .nearest import listed
from .value import FormError, Input, InputError, NamedHost

WHAT = (
    "a featureset (1fc9cbf5-f6f83203-…, hex:WORDS), a file (docs/reading.md) or - for standard "
    "input, FILE#NAME for one of many in it, the socket of a service, a live pool "
    "(xapi://USER@HOST), example:NAME, recorded:FILE, cpu:NAME[@RELEASE], simulated, or in dom0 a "
    "domain that runs, domain:N or domain:all"
)
CPU = "cpu:"
LIVE = ("xapi:", "/var/lib/xcp/xapi")
# Where errors say that the text of an argument was read as a record.
INLINE = "the record given"

DOMAIN = "domain:"
_NAMED_PLACES = (*LIVE, DOMAIN, "example:", "recorded:")
_NAMED = r"([A-Za-z0-9][\w.-]{0,63})=(.+)"
_MAX_NAME = 200


def read(text: str, release: str | None = None, *, one_word: bool = False) -> Input:
    """What an argument comes to, with the choice of FILE#NAME made.

    `release`, `one_word`: see inputs.resolve. Raises InputError; FormError where the argument is
    not even of a form that is known.
    """
    path, chosen = split_choice(text)
    try:
        if chosen:
            return _one_of(_resolve(path, release, one_word), chosen, text)
        return _resolve(text, release, one_word)
    except FormError:
        raise
    except InputError as error:
        raise _refusal(text, error) from error


def split_choice(text: str) -> tuple[str, str]:
    """FILE and NAME of FILE#NAME; the name is "" where there is none, or a file is called so."""
    place = -1 if exists(text) else text.find("#")
    while place > 0:
        if has_many(text[:place]) and text[place + 1 :]:
            return text[:place], text[place + 1 :]
        place = text.find("#", place + 1)
    return text, ""


def has_many(text: str) -> bool:
    """Whether an argument can have hosts and VMs with names: a file, standard input, a pool."""
    if text.startswith(_NAMED_PLACES) or exists(text):
        return True
    file, at, _ = text.rpartition("@")
    return bool(at) and exists(file)


def split_name(text: str) -> tuple[str, str]:
    """NAME and the rest of NAME=REST; the name is "" where there is none.

    A name with blanks, quotes and the like, as VMs have them, counts where the rest is a file or
    the address of something.
    """
    if exists(text):
        return "", text
    match = re.fullmatch(_NAMED, text, re.DOTALL)
    if match is not None:
        return match[1], match[2]
    if split_choice(text)[1]:
        return "", text
    place = text.find("=")
    while 0 < place <= _MAX_NAME:
        bare = text[place + 1 :]
        if bare.startswith(CPU) or has_many(split_choice(bare)[0]):
            return text[:place], bare
        place = text.find("=", place + 1)
    return "", text


def shown(text: str) -> str:
    """An argument in a message: not too long."""
    return text if len(text) <= 60 else f"{text[:59]}…"


def called(source: Input, typed: str, otherwise: str) -> str:
    """What to call the only host or VM of an input: as it was typed, if that is a name."""
    if typed.startswith(CPU):
        return typed.removeprefix(CPU)
    if source.name == INLINE or (not source.hosts and not source.vms and not exists(typed)):
        return otherwise
    return ""


def what_it_is(source: Input) -> str:
    """For a message about an argument that is not what was wanted."""
    if source.vms:
        return f"it has VMs: {', '.join(vm.name for vm in source.vms[:5])}"
    if source.left_out:
        return f"it has {' and '.join(f'{n} {kind}s' for kind, n in source.left_out.items())} only"
    return f"it is a {source.kind}"


def the_host(source: Input) -> NamedHost:
    """The only host of an input. Raises FormError."""
    if len(source.hosts) == 1:
        return source.hosts[0]
    if not source.hosts:
        raise FormError(f"{source.name} is no host but a {source.kind}: name a host")
    raise FormError(
        f"{source.name} has {len(source.hosts)} hosts: name one, {source.name}#NAME; there are "
        f"{', '.join(source.host_names)}"
    )


def _resolve(text: str, release: str | None, one_word: bool) -> Input:
    if "features" in text and ":" in text and not text.startswith(LIVE) and not exists(text):
        from . import texts

        lines = text.replace(";", "\n")
        return texts.as_input(texts.parse(lines, INLINE, INLINE), INLINE, INLINE, release)
    return resolve(text, one_word=one_word, release=release)


def _refusal(text: str, error: InputError) -> InputError:
    """What to say of an argument, and whether its form is at fault."""
    if hex_words.attempted(text):
        try:
            Featureset.parse(hex_words.joined(text))
        except FeaturesetError as malformed:
            return FormError(str(malformed))
    return FormError(str(error)) if not text.strip() else error


def _one_of(source: Input, name: str, text: str) -> Input:
    chosen = source.only(name)
    if not chosen.hosts and not chosen.vms:
        names = [*source.host_names, *(vm.name for vm in source.vms)]
        there = listed(name, names)
        raise InputError(f'{shown(text)}: there is no "{name}" in the file; {there}')
    return chosen
