"""What people type as HOST and VM, as the members and VMs of a pool: docs/commands-pools.md has the
list. What the commands for pools have in common among their options is here, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from ..features.featureset import Featureset
from ..inputs import Stored
from ..inputs.known import KnownHost
from ..inputs.reader import Reader
from ..interface import GuestType
from ..pools.member import Member
from ..pools.vm import guest_type
from . import WRONG_USAGE, Failure, arguments, command_line, live
from .progress import tracked

HOST_HELP = (
    "a host: file (capture, bug report, xe or xen-cpuid output, xapi database) or - for standard "
    "input, a live pool (xapi://USER@HOST), socket, example:NAME, cpu:NAME[@RELEASE], simulated, "
    "or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments "
    "from a file, one a line"
)


def parser(command: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser that takes arguments from @FILE (see argument_files).

    Adds what all these commands share: --type, --xen, --json.
    """
    command_parser = command_line.parser(command, description, examples)
    command_parser.takes_files = True
    add_options(command_parser)
    return command_parser


def add_options(parser: argparse.ArgumentParser) -> None:
    """--type, --xen, --json, and those of a live pool."""
    parser.add_argument(
        "--type",
        metavar="TYPE",
        help="pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)",
    )
    parser.add_argument(
        "--xen",
        metavar="RELEASE",
        help="whose names and rules count where a record does not tell, such as 4.17 or "
        "xenserver-8; what cpu:NAME is simulated under",
    )
    parser.add_argument("--json", action="store_true", help="for programs (docs/commands-pools.md)")
    live.add_options(parser)


def add_hex(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hex", action="store_true", help="featuresets in hex as well")


def add_notes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--notes", action="store_true", help="all that is known of where the hosts come from"
    )


def wanted_type(parsed: argparse.Namespace) -> GuestType | None:
    """Of --type; None without it. Raises Failure."""
    if parsed.type is None:
        return None
    guest = guest_type(parsed.type.replace("-", "_"))
    if guest is None:
        raise Failure(f'--type: "{parsed.type}" is not pv, hvm, pvh or pv_in_pvh', WRONG_USAGE)
    return guest


def _level(parsed: argparse.Namespace) -> Featureset | None:
    """Of --featureset, where the command has it; None without. Raises Failure."""
    text = getattr(parsed, "featureset", None)
    try:
        return None if text is None else Featureset.parse(text)
    except ValueError as error:
        raise Failure(f"--featureset: {error}", WRONG_USAGE) from error


def reader(parsed: argparse.Namespace) -> Reader:
    """How the command's arguments are read. Raises Failure."""
    return Reader(
        guest=wanted_type(parsed),
        xen=arguments.release(parsed),
        level=_level(parsed),
        say=arguments.say_once,
        read_argument=arguments.kept,
        tracked=lambda texts, subject: tracked(texts, subject, len(texts)),
    )


def hosts(texts: Sequence[str], parsed: argparse.Namespace) -> list[KnownHost]:
    """All hosts of what was typed, in order, each once and with a name of its own.

    Raises Failure.
    """
    with arguments.failing():
        return reader(parsed).hosts(texts)


def members(texts: Sequence[str], parsed: argparse.Namespace) -> list[Member]:
    """Of hosts() the members."""
    return [host.member for host in hosts(texts, parsed)]


def stored(texts: Sequence[str], parsed: argparse.Namespace) -> list[Stored]:
    """The records of xapi's in what was typed, each once; none where there are none."""
    with arguments.failing():
        return reader(parsed).stored(texts)


def guest_types(members: Iterable[Member], choice: GuestType | None) -> list[GuestType]:
    """The guest types to speak of: `choice`, else all that some host runs, HVM first."""
    if choice is not None:
        return [choice]
    here = {guest for member in members for guest in member.offers}
    return [guest for guest in (GuestType.HVM, GuestType.PV) if guest in here]
