"""HOST, FEATURESET and POLICY arguments of commands, and what they all may be."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from . import WRONG_USAGE, Failure, options

if TYPE_CHECKING:
    from ..derivation import Derivation
    from ..features.featureset import Featureset
    from ..features.release import Release
    from ..hosts.host import Host
    from ..inputs import Input

WHAT = (
    "a featureset (1fc9cbf5-f6f83203-…), a file (docs/reading.md), the socket of a service, "
    "example:NAME, recorded:FILE, cpu:NAME[@RELEASE] or simulated"
)
# A text of which the first word could be one of a featureset, so that its other words matter.
_ATTEMPT = re.compile(r"(?:0x)?[0-9a-fA-F]{1,8}[-:][0-9A-Za-z:-]*")


def resolve(text: str, *, one_word: bool = False) -> Input:
    """What an argument comes to. Raises Failure."""
    from .. import inputs
    from ..features.featureset import Featureset, FeaturesetError

    try:
        found = inputs.resolve(text, one_word=one_word)
    except inputs.InputError as error:
        if _ATTEMPT.fullmatch(text):
            try:
                Featureset.parse(text.replace("0x", ""))
            except FeaturesetError as malformed:
                raise Failure(str(malformed), WRONG_USAGE) from malformed
        raise Failure(str(error)) from error
    if found.damage:
        print(f"xenops-cpu: {found.name}: {found.damage}", file=sys.stderr)
    return found


def host(text: str) -> tuple[Host, Derivation | None]:
    """An argument that has to be one host, with the derivation behind a simulated one.

    Raises Failure.
    """
    kind, _, rest = text.partition(":")
    if kind == "cpu" or text == "simulated":
        return _simulated(rest)
    found = resolve(text)
    if len(found.hosts) != 1:
        what = f"{len(found.hosts)} hosts" if found.hosts else f"no host but a {found.kind}"
        raise Failure(f"{found.name} is {what}: name one host", WRONG_USAGE)
    return found.hosts[0], None


def _simulated(text: str) -> tuple[Host, Derivation | None]:
    """A shipped CPU under the release after the last @; this machine's CPU where there is none."""
    from ..sources import SourceError
    from . import simulation

    made = argparse.ArgumentParser()
    simulation.add_options(made)
    name, at, wanted = text.rpartition("@")
    cpu, xen = (name, wanted) if at else (text, "")
    given = [*(["--cpu", cpu] if cpu else []), *(["--xen", xen] if xen else [])]
    try:
        return simulation.source(made.parse_args(given)).explained()
    except SourceError as error:
        raise Failure(str(error)) from error


def add_release(parser: argparse.ArgumentParser) -> None:
    """--xen for commands that only name bits."""
    parser.add_argument(
        "--xen",
        metavar="RELEASE",
        help="whose names: 4.7 to 4.22, master, xenserver-8.2, xenserver-8 (default: the host's, "
        "else the newest release with that many words)",
    )


def release(arguments: argparse.Namespace) -> Release | None:
    """The release asked for. Raises Failure."""
    from ..features.release import ReleaseError
    from ..features.release import release as find

    try:
        return find(arguments.xen) if arguments.xen else None
    except ReleaseError as error:
        raise Failure(f"--xen: {error}", WRONG_USAGE) from error


def release_for(featureset: Featureset, asked: Release | None) -> Release:
    """The release whose names a featureset of nobody known gets."""
    from ..features.fit import by_length

    return asked or by_length(featureset.length).release


__all__ = ["WHAT", "add_release", "host", "options", "release", "release_for", "resolve"]
