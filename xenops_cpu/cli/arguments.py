"""One argument as it was typed: inputs.argument reads it, and here are what a command line adds:
what was read is kept while a command runs, mistakes become Failures, and --xen. The daemon starts
through here as well, so what reads is imported late.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING

from . import WRONG_USAGE, Failure

if TYPE_CHECKING:
    from ..derivation import Derivation
    from ..features.featureset import Featureset
    from ..features.release import Release
    from ..hosts.host import Host
    from ..inputs import Input, NamedHost


def read(
    text: str, xen: Release | None = None, *, one_word: bool = False, tell_damage: bool = True
) -> Input:
    """What an argument comes to, with the choice of FILE#NAME made; damage is told on standard
    error, once. `xen`: see inputs.resolve. Raises Failure.
    """
    with failing():
        source = kept(text, xen.name if xen is not None else None, one_word)
    if source.damage and tell_damage:
        say_once(f"{source.name}: {source.damage}")
    return source


@lru_cache(maxsize=1024)
def say_once(text: str) -> None:
    """On standard error, however often it is found."""
    print(f"xenops-cpu: {text}", file=sys.stderr)


def kept(text: str, xen: str | None, one_word: bool = False) -> Input:
    """What an argument comes to, read once while a command runs. Raises InputError."""
    return _kept(text, xen, one_word)


def fresh(text: str, xen: str | None, one_word: bool = False) -> Input:
    """What an argument comes to, read now and not kept. Raises InputError."""
    from ..inputs import argument
    from . import live

    with live.asked() if text.startswith(argument.LIVE) else nullcontext():
        return argument.read(text, xen, one_word=one_word)


# A file may be asked for its hosts, then for its VMs; a pool may have as many files as hosts.
_kept = lru_cache(maxsize=4096)(fresh)


@contextmanager
def failing() -> Iterator[None]:
    """What cannot be read becomes a Failure, with the exit code that says whose fault it is."""
    from ..inputs.value import FormError, InputError

    try:
        yield
    except FormError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    except InputError as error:
        raise Failure(str(error)) from error


def forget() -> None:
    """Each command reads and tells anew, however many run in one process."""
    _kept.cache_clear()
    say_once.cache_clear()
    if "xenops_cpu.inputs.pipes" in sys.modules:
        from ..inputs import pipes

        pipes.forget()


def one_host(text: str, xen: Release | None = None) -> NamedHost:
    """An argument that has to be one host. Raises Failure."""
    return the_host(read(text, xen))


def the_host(source: Input) -> NamedHost:
    """The only host of an input. Raises Failure."""
    from ..inputs import argument

    with failing():
        return argument.the_host(source)


def derived_host(text: str, xen: Release | None = None) -> tuple[Host, Derivation | None]:
    """An argument that has to be one host, with the derivation behind a simulated one.

    Raises Failure.
    """
    named = one_host(text, xen)
    if named.simulated is None:
        return named.host, None
    from ..sources.simulated import derivation_of

    return named.host, derivation_of(named.host) or named.simulated.explained()[1]


def add_release(parser: argparse.ArgumentParser) -> None:
    """--xen for commands that only name bits."""
    from ..features.release import RELEASES, spoken_range

    parser.add_argument(
        "--xen",
        metavar="RELEASE",
        help=f"whose names: {spoken_range(RELEASES[0])} (default: the host's, else the newest "
        "release with that many words)",
    )


def release(arguments: argparse.Namespace) -> Release | None:
    """The release of --xen; None without it. Raises Failure."""
    from ..features.release import ReleaseError
    from ..features.release import release as release_named

    try:
        return release_named(arguments.xen) if arguments.xen else None
    except ReleaseError as error:
        raise Failure(f"--xen: {error}", WRONG_USAGE) from error


def release_for(featureset: Featureset, release: Release | None) -> Release:
    """The release whose names a featureset of nobody known gets."""
    from ..features.fit import by_length

    return release or by_length(featureset.length).release
