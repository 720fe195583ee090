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
from ..inputs import Input, NamedHost, exists, is_featureset
from ..interface import GuestType
from ..pools.member import Member, member_of, member_of_set, unlike
from ..pools.vm import TYPE_NOT_TOLD, Vm, as_type, guest_type, of_words, started_on, with_policy
from . import WRONG_USAGE, Failure, arguments, options
from .progress import tracked

NEW_VM = "new"

HOST_HELP = (
    "a host: file (capture, bug report, xe or xen-cpuid output, xapi database; - for standard "
    "input), socket, example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives "
    "it a name, FILE#NAME takes one of many; @FILE: arguments from a file, one a line"
)
VM_HELP = (
    "a VM: its last-boot record (file or text), a featureset, a suspend image, the name of one in "
    "a file that is given for its hosts; 'new' for one that is shut down; a host stands for a VM "
    "that was started there"
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


def hosts(texts: Sequence[str], parsed: argparse.Namespace) -> list[Typed]:
    """All hosts of what was typed, in order, each with a name of its own. Raises Failure."""
    guest, xen = wanted_type(parsed), arguments.release(parsed)
    typed: list[Typed] = []
    for place, text in enumerate(tracked(texts, "reading hosts", len(texts)), 1):
        name, bare = arguments.split_name(text)
        read = arguments.read(bare, xen)
        called = name or arguments.called(read, bare, f"host {place}")
        here = list(_hosts(read, called, guest or GuestType.HVM, xen))
        if not here:
            raise Failure(
                f'"{arguments.shown(text)}" tells of no host; {arguments.what_it_is(read)}'
            )
        typed += here
    names = unlike(each.member.name for each in typed)
    return [
        evolve(each, member=evolve(each.member, name=name))
        for each, name in zip(typed, names, strict=True)
    ]


def members(texts: Sequence[str], parsed: argparse.Namespace) -> list[Member]:
    """Of hosts() the members."""
    return [typed.member for typed in hosts(texts, parsed)]


def member(named: NamedHost, name: str = "") -> Member:
    """A host that was read, with the reasons for its bits where they can be known."""
    simulated = named.simulated
    derivation = cache(lambda: simulated.explained()[1]) if simulated is not None else None
    return member_of(named.host, name or named.name, reasons(named.host, derivation))


def vms(texts: Sequence[str], parsed: argparse.Namespace, files: Sequence[str] = ()) -> list[Vm]:
    """All VMs of what was typed, in order, each with a name of its own.

    `files`: arguments that were given for their hosts, in which a VM may be looked for by its name
    or UUID. Raises Failure.
    """
    guest, xen = wanted_type(parsed), arguments.release(parsed)
    typed: list[Vm] = []
    for text in tracked(texts, "reading VMs", len(texts)):
        name, bare = arguments.split_name(text)
        if bare == NEW_VM:
            typed.append(Vm(name or "a new VM", guest or GuestType.HVM))
            continue
        named = _named(bare, files, xen)
        if named:
            typed += [as_type(vm, guest) if guest is not None else vm for vm in named]
            continue
        read = arguments.read(bare, xen)
        typed += _vms(read, name, arguments.called(read, bare, "the VM"), guest, xen)
    names = unlike(vm.name for vm in typed)
    return [evolve(vm, name=name) for vm, name in zip(typed, names, strict=True)]


def vms_of_files(texts: Sequence[str], parsed: argparse.Namespace) -> list[Vm]:
    """The VMs in files that were given for their hosts: a bug report, xapi's database."""
    xen = arguments.release(parsed)
    return vms([text for text in texts if _vms_in(text, xen)], parsed)


def guest_types(members: Iterable[Member], wanted: GuestType | None) -> list[GuestType]:
    """The guest types to speak of: the one wanted, else all that some host runs, HVM first."""
    if wanted is not None:
        return [wanted]
    here = {guest for member in members for guest in member.offers}
    return [guest for guest in (GuestType.HVM, GuestType.PV) if guest in here]


def _named(text: str, files: Sequence[str], xen: Release | None) -> list[Vm]:
    """The VMs of this name, or UUID, in files given for their hosts.

    A file of that name wins. A name that reads as a featureset may be either. Raises Failure.
    """
    if exists(text) or exists(text.partition("#")[0]):
        return []
    named = {
        file: [vm for vm in _vms_in(file, xen) if text in (vm.name, vm.uuid)] for file in files
    }
    having = [file for file in named if named[file]]
    if having and is_featureset(text):
        raise Failure(
            f'"{text}" is a featureset and the name of a VM in {having[0]}: say hex:{text} or '
            f"{having[0]}#{text}",
            WRONG_USAGE,
        )
    return [vm for file in having for vm in named[file]]


def _vms_in(text: str, xen: Release | None) -> tuple[Vm, ...]:
    """The VMs of a file that was given for its hosts; none in what is no file."""
    bare = arguments.split_name(text)[1]
    if not exists(bare) and not exists(bare.partition("#")[0]):
        return ()
    return arguments.read(bare, xen).vms


def _hosts(read: Input, name: str, guest: GuestType, xen: Release | None) -> Iterator[Typed]:
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


def _vms(
    read: Input, name: str, called: str, guest: GuestType | None, xen: Release | None
) -> Iterator[Vm]:
    """`name`: as the user calls it; `called`: what it is called without a name of its own."""
    for vm in read.vms:
        alone = (name or called) if len(read.vms) == 1 else ""
        typed = as_type(vm, guest) if guest is not None else vm
        yield evolve(typed, name=alone or vm.name)
    if read.vms:
        return
    for typed_host in _hosts(read, called, guest or GuestType.HVM, xen):
        host = typed_host.member
        if typed_host.named is None:  # a featureset or a policy: what the VM itself has seen
            kind = guest or GuestType.HVM
            notes = () if guest is not None else (TYPE_NOT_TOLD,)
            bare = Vm(name or host.name, kind, typed=guest is not None, notes=notes)
            seen = of_words(host.boot(kind), bare)
            yield with_policy(seen, read.policy) if read.policy is not None else seen
            continue
        kind = guest or (GuestType.HVM if GuestType.HVM in host.offers else GuestType.PV)
        yield started_on(host, kind, name)
