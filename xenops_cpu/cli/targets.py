"""What hosts are to be updated to: --to-xen, --to-cmdline, --to-microcode, for all or for one."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..inputs.known import KnownHost, known
from ..pools.member import Member
from ..pools.words import some
from . import WRONG_USAGE, Failure, terminal

# Deriving hosts anew takes much that other commands, and --help, do without: imported late.
if TYPE_CHECKING:
    from ..inputs.updated import Target, Updated

NAMES = "--to-xen, --to-cmdline and --to-microcode"


def add_options(parser: argparse.ArgumentParser, of_one: bool = False) -> None:
    """`of_one`: HOST=… before a value says that it is of that host alone."""
    alone = "; HOST=… of that host alone; may be repeated" if of_one else ""
    for option, metavar, value in (
        ("--to-xen", "RELEASE", "the Xen that they will run, such as 4.20 or xenserver-8-4.17.6-2"),
        ("--to-cmdline", "TEXT", "Xen's boot options then"),
        (
            "--to-microcode",
            "WISH",
            "the microcode then: newest, a date (2023-08), a revision (0x5003605), a package "
            "(docs/microcode.md)",
        ),
    ):
        parser.add_argument(
            option, metavar=metavar, action="append", default=[], help=f"{value}{alone}"
        )


def add_all_options(parser: argparse.ArgumentParser) -> None:
    """Of a rolling update: what hosts are updated to, in which order, by which rule."""
    add_options(parser, of_one=True)
    parser.add_argument(
        "--to",
        metavar="HOST=NEW",
        action="append",
        default=[],
        help="what a host will be: any HOST, such as a capture made after the update elsewhere",
    )
    parser.add_argument(
        "--only", metavar="HOST", nargs="+", action="extend", default=[], help="update just these"
    )
    parser.add_argument("--order", metavar="HOST,...", help="the order of hosts (else as given)")
    parser.add_argument("--coordinator", metavar="HOST", help="where it is not told: the first")
    parser.add_argument(
        "--targets",
        choices=["all", "updated"],
        help="whom an evacuation asks: all enabled hosts, or in an upgrade the updated ones only, "
        "as xapi 26.18 and later (by the version of the pool's xapi unless told)",
    )


def asked(parsed: argparse.Namespace) -> bool:
    values = (parsed.to_xen, parsed.to_cmdline, parsed.to_microcode, getattr(parsed, "to", None))
    return any(values)


def of_hosts(parsed: argparse.Namespace, members: Iterable[Member]) -> dict[str, Target]:
    """The target of each host, by its name; what is said of it alone counts before what is said of
    all. Raises Failure.
    """
    from ..inputs.updated import Target

    names = {member.name: member.name for member in members}
    names |= {member.uuid: member.name for member in members if member.uuid}
    every = Target()
    alone: dict[str, Target] = {}
    for host, target in _targets(parsed, names):
        if host:
            alone[host] = target | alone.get(host, Target())
        elif _overlap(target, every):
            raise Failure(f"{NAMES} are given once for all hosts", WRONG_USAGE)
        else:
            every = target | every
    return {name: alone.get(name, Target()) | every for name in set(names.values())}


def update(typed: KnownHost, target: Target) -> tuple[KnownHost, Updated]:
    """The host under the target, and what is to be known of that. Raises Failure."""
    from ..errors import InputError
    from ..inputs.updated import updated

    if typed.named is None:
        raise Failure(
            f"of {typed.member.name} a featureset is known, not its CPU: name what it will be: "
            "plan update HOST NEW, or forecast --to HOST=NEW"
        )
    try:
        result = updated(typed.named._replace(name=typed.member.name), target)
    except InputError as error:
        raise Failure(str(error)) from error
    return known(result.host, typed.name), result


def tell_microcode(updates: Sequence[tuple[str, Updated]]) -> None:
    """What the microcode itself changes, hosts of one kind together."""
    hosts: dict[str, list[str]] = {}
    for name, result in updates:
        if result.microcode is not None:
            weakest = result.microcode.confidence
            rests = f" (weakest evidence: {weakest})" if weakest is not None else ""
            hosts.setdefault(f"{result.microcode}{rests}", []).append(name)
    for text, names in hosts.items():
        terminal.paragraph(f"microcode of {some(names, 4)}: {text}", hanging=2)
    if hosts:
        terminal.paragraph(
            "microcode is loaded anew at each boot: a boot without it takes it back, but where "
            "firmware has it",
            hanging=2,
        )


def assumptions(updates: Sequence[tuple[str, Updated]], *, doubts: bool = True) -> Iterator[str]:
    """What was assumed of hosts, those of which it is the same together. `doubts`: with what they
    would be otherwise.
    """
    hosts: dict[str, list[str]] = {}
    for name, update in updates:
        if update.assumed:
            doubt = f"; {update.doubt}" if doubts and update.doubt is not None else ""
            hosts.setdefault(f"{update.assumed}{doubt}", []).append(name)
    for text, names in hosts.items():
        yield f"{some(names, 4)}: {text}"


def microcode_json(updates: Sequence[tuple[str, Updated]]) -> list[dict[str, object]]:
    return [
        {
            "host": name,
            "before": change.before.basis,
            "after": change.after.basis,
            "added": list(change.added),
            "removed": list(change.removed),
            "confidence": None if change.confidence is None else str(change.confidence),
        }
        for name, result in updates
        if (change := result.microcode) is not None
    ]


def _targets(parsed: argparse.Namespace, names: Mapping[str, str]) -> Iterator[tuple[str, Target]]:
    """A host's name, or "" for all, and one thing that it is to have."""
    from ..cpus import wish
    from ..errors import InputError
    from ..features.release import ReleaseError, release
    from ..inputs.updated import Target

    for text in parsed.to_xen:
        host, value = _of(text, names)
        _no_host("--to-xen", value, names)
        try:
            yield host, Target(xen=release(value))
        except ReleaseError as error:
            raise Failure(f"--to-xen: {error}", WRONG_USAGE) from error
    for text in parsed.to_cmdline:
        host, value = _of(text, names)
        yield host, Target(cmdline=value)
    for text in parsed.to_microcode:
        host, value = _of(text, names)
        _no_host("--to-microcode", value, names)
        try:
            yield host, Target(microcode=wish.parse(value))
        except InputError as error:
            raise Failure(f"--to-microcode: {error}", WRONG_USAGE) from error


def _of(text: str, names: Mapping[str, str]) -> tuple[str, str]:
    """HOST=VALUE of a host of the pool; any other text is a value, whatever is in it."""
    host, equals, value = text.partition("=")
    return (names[host], value) if equals and host in names else ("", text)


def _no_host(option: str, value: str, names: Mapping[str, str]) -> None:
    """Raises Failure for HOST=VALUE of a host that is not in the pool."""
    host, equals, _ = value.partition("=")
    if equals:
        raise not_in_pool(host, names.values(), option)


def not_in_pool(text: str, names: Iterable[str], option: str = "") -> Failure:
    """What is said of a host that a pool of hosts of these names has not."""
    from ..inputs.argument import shown
    from ..inputs.nearest import listed

    lead = f"{option}: " if option else ""
    there = listed(text, list(dict.fromkeys(names)))
    return Failure(f'{lead}"{shown(text)}" is not in the pool; {there}', WRONG_USAGE)


def _overlap(target: Target, other: Target) -> bool:
    return any(
        getattr(target, name) is not None and getattr(other, name) is not None
        for name in ("xen", "cmdline", "microcode")
    )
