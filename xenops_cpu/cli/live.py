"""Options of every command that asks a live xapi, and a bar while it answers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .command_line import path

if TYPE_CHECKING:
    from ..xapi.options import Options
    from .progress import Progress

_MAX_SECONDS = 24 * 3600.0
# What the command was given; only an argument that is a live pool looks at it.
_options = argparse.Namespace()


def add_options(parser: argparse.ArgumentParser) -> None:
    """--password-file, --netrc, --fingerprint, --insecure, --timeout."""
    group = parser.add_argument_group(
        "a live xapi",
        "The password comes from --password-file, the variable XENOPS_CPU_PASSWORD, netrc or the\n"
        "terminal, in this order. A certificate is shown and kept when it is seen first, and has\n"
        "to be the same from then on.",
    )
    group.add_argument(
        "--password-file",
        metavar="FILE",
        type=path,
        help="its first line is the password; a file that others may read is refused",
    )
    group.add_argument("--netrc", metavar="FILE", type=path, help="instead of ~/.netrc")
    group.add_argument(
        "--fingerprint",
        metavar="SHA256",
        action="append",
        default=[],
        help="the certificate must be this one (or one of these, if given again)",
    )
    group.add_argument(
        "--insecure", action="store_true", help="take any certificate, and say so each time"
    )
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=_seconds,
        default=300.0,
        help="for a whole answer (300); a connection gets 10",
    )


def options(arguments: argparse.Namespace) -> Options:
    """What the options come to. Raises InputError."""
    from ..xapi.credentials import Places
    from ..xapi.http import Timeouts
    from ..xapi.options import Options
    from ..xapi.tls import Trust, parse_fingerprint

    return Options(
        Places(arguments.password_file, arguments.netrc),
        Trust(frozenset(map(parse_fingerprint, arguments.fingerprint)), arguments.insecure),
        Timeouts(answer=arguments.timeout),
    )


def choose(arguments: argparse.Namespace) -> None:
    """The options of the command that runs, for whichever of its arguments is a live pool."""
    global _options
    _options = arguments


@contextmanager
def asked() -> Iterator[None]:
    """Inside, live pools are asked as the options say, with a bar. Raises InputError."""
    from ..inputs import live

    with Bar() as bar:
        live.ask_with(options(_options) if hasattr(_options, "netrc") else None, bar)
        yield


class Bar:
    """A context and a callback for xapi.read: a bar for each class of records."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._subject = ""

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.__exit__()

    def __call__(self, subject: str, done: int, total: int) -> None:
        if subject != self._subject or self._bar is None:
            self.__exit__()
            from .progress import Progress

            self._bar, self._subject = Progress(f"reading {subject}", max(total, done)), subject
        self._bar.total = max(total, done, 1)
        self._bar.step(done)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= _MAX_SECONDS:
        raise ValueError
    return seconds


_seconds.__name__ = "number of seconds"
