"""What people type as HOST and VM, as the members and VMs of a pool: docs/commands-pools.md has the
list. What the commands for pools have in common among their options is here, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from attrs import evolve, frozen

from ..explain.reasons import reasons
from ..features.release import NEWEST, Release
from ..features.release import release as release_named
from ..inputs import Input, NamedHost, Stored, together
from ..interface import GuestType
from ..pools.member import Member, member_of, member_of_set, unlike
from ..pools.vm import guest_type
from . import WRONG_USAGE, Failure, arguments, live, options
from .progress import tracked

HOST_HELP = (
    "a host: file (capture, bug report, xe or xen-cpuid output, xapi database) or - for standard "
    "input, a live pool (xapi://USER@HOST), socket, example:NAME, cpu:NAME[@RELEASE], simulated, "
    "or a featureset; NAME=HOST gives it a name, FILE#NAME takes one of many; @FILE: arguments "
    "from a file, one a line"
)


@frozen
class Typed:
    """A host that was typed: as a pool sees it and, where it is more than a featureset, as read."""

    member: Member
    named: NamedHost | None = None


def parser(command: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser that takes arguments from @FILE (see argument_files).

    Adds what all these commands share: --type, --xen, --json.
    """
    made = options.parser(command, description, examples)
    made.takes_files = True
    made.add_argument(
        "--type",
        metavar="TYPE",
        help="pv, hvm or pvh: the guests meant, and what a bare featureset is of (hvm)",
    )
    made.add_argument(
        "--xen",
        metavar="RELEASE",
        help="whose names and rules count where a record does not tell, such as 4.17 or "
        "xenserver-8; what cpu:NAME is simulated under",
    )
    made.add_argument("--json", action="store_true", help="for programs (docs/commands-pools.md)")
    live.add_options(made)
    return made


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


@frozen
class Argument:
    """One argument as it was read. `name`: of NAME=REST, "" without. `place`: which it is, of 1."""

    text: str
    name: str
    place: int
    read: Input


def read_all(texts: Sequence[str], xen: Release | None, what: str) -> list[Argument]:
    """The arguments, without what only an older database of a pool has. Raises Failure."""
    read = []
    for place, text in enumerate(tracked(texts, what, len(texts)), 1):
        name, bare = arguments.split_name(text)
        read.append(Argument(bare, name, place, arguments.read(bare, xen)))
    current, notes = together.current([argument.read for argument in read])
    _say(notes)
    return [evolve(argument, read=now) for argument, now in zip(read, current, strict=True)]


def hosts(texts: Sequence[str], parsed: argparse.Namespace) -> list[Typed]:
    """All hosts of what was typed, in order, each once (by UUID) and with a name of its own.

    Who is given a name, NAME=HOST, is taken for no other. Raises Failure.
    """
    guest, xen = wanted_type(parsed), arguments.release(parsed)
    typed: list[Typed] = []
    same: dict[str, list[int]] = {}
    for argument in read_all(texts, xen, "reading hosts"):
        read = argument.read
        called = argument.name or arguments.called(read, argument.text, f"host {argument.place}")
        here = list(hosts_of(read, called, guest or GuestType.HVM, xen))
        if not here and not _gone(argument, xen):
            shown = arguments.shown(argument.text)
            raise Failure(f'"{shown}" tells of no host; {arguments.what_it_is(read)}')
        for each in here:
            if each.member.uuid and not argument.name:
                same.setdefault(each.member.uuid, []).append(len(typed))
            typed.append(each)
    typed = _once(typed, same.values())
    names = unlike(each.member.name for each in typed)
    return [
        evolve(each, member=evolve(each.member, name=name))
        for each, name in zip(typed, names, strict=True)
    ]


def _gone(argument: Argument, xen: Release | None) -> bool:
    """Whether an argument had hosts, all of which are in a newer database or have gone."""
    return bool(arguments.read(argument.text, xen).hosts)


def _once(typed: Sequence[Typed], same: Iterable[Sequence[int]]) -> list[Typed]:
    """Hosts that are the same, by place, put together where they first appear."""
    whole: dict[int, Typed] = dict(enumerate(typed))
    for places in same:
        named = [each.named for place in places if (each := typed[place]).named is not None]
        different = list({id(one.host): one for one in named}.values())
        if len(different) < 2:
            merged = typed[places[0]]
        else:
            host, conflicts = together.merged([one.host for one in different])
            name = host.name or different[0].name
            _say(f"{name}: {text}; to have both, name them apart: NAME=HOST" for text in conflicts)
            merged_named = NamedHost(name, host)
            merged = Typed(member(merged_named, name), merged_named)
        for place in places[1:]:
            del whole[place]
        whole[places[0]] = merged
    return list(whole.values())


def _say(texts: Iterable[str]) -> None:
    """What a person should see whatever the answer is; once, however often it is read."""
    for text in texts:
        arguments.say_once(text)


def members(texts: Sequence[str], parsed: argparse.Namespace) -> list[Member]:
    """Of hosts() the members."""
    return [typed.member for typed in hosts(texts, parsed)]


def member(named: NamedHost, name: str = "") -> Member:
    """A host that was read, with the reasons for its bits where they can be known."""
    simulated = named.simulated
    derivation = cache(lambda: simulated.explained()[1]) if simulated is not None else None
    return member_of(named.host, name or named.name, reasons(named.host, derivation))


def stored(texts: Sequence[str], parsed: argparse.Namespace) -> list[Stored]:
    """The records of xapi's in what was typed, each once; none where there are none."""
    xen = arguments.release(parsed)
    read = read_all(texts, xen, "reading records")
    return list(together.stored([(each.read.stored, each.read.moment) for each in read]))


def guest_types(members: Iterable[Member], wanted: GuestType | None) -> list[GuestType]:
    """The guest types to speak of: the one wanted, else all that some host runs, HVM first."""
    if wanted is not None:
        return [wanted]
    here = {guest for member in members for guest in member.offers}
    return [guest for guest in (GuestType.HVM, GuestType.PV) if guest in here]


def hosts_of(read: Input, name: str, guest: GuestType, xen: Release | None) -> Iterator[Typed]:
    for named in read.hosts:
        called = name if name and len(read.hosts) == 1 else named.name or read.name
        yield Typed(member(named, called), named)
    if read.hosts or read.vms:
        return
    if read.policy is not None:
        yield Typed(_member_of_policy(read, name or read.name, guest, xen))
    elif read.featureset is not None:
        yield Typed(member_of_set(read.featureset, name or read.name, guest, xen))


def _member_of_policy(read: Input, name: str, guest: GuestType, xen: Release | None) -> Member:
    from ..cpuid.fields import vendor
    from ..cpuid.limits import LeafLimits
    from ..cpuid.words import policy_featureset

    assert read.policy is not None
    featureset = policy_featureset(read.policy, xen or release_named(NEWEST))
    limits = {guest: LeafLimits.of(read.policy)}
    made = member_of_set(featureset, name, guest, xen)
    return evolve(made, limits=limits, boot_limits=limits, vendor=vendor(read.policy))
