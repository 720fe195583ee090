"""What people type as HOST and VM, as the members and VMs of a pool: docs/commands-pools.md has the
list. What the commands for pools have in common among their options is here, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence

from attrs import evolve

from ..cpuid.limits import LeafLimits
from ..cpuid.policy import Policy
from ..cpuid.words import policy_featureset
from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release, ReleaseError, release
from ..hosts.cpu_info import Offer
from ..inputs import Input, VmRecord
from ..pools.member import DomainTypeError, GuestType, Member, Vm
from ..pools.records import RecordError, vm_of_map
from . import WRONG_USAGE, Failure, derived, options, typed
from .derived import Found
from .progress import tracked

NEW_VM = "new"

HOST_HELP = (
    "a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, "
    "example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, "
    "FILE#NAME takes one of many; @FILE: arguments from a file, one a line"
)
VM_HELP = (
    "a VM: its last-boot record (file or text), a featureset, a suspend image; 'new' for one that "
    "is shut down; a host stands for a VM that was started there"
)


def parser(command: str, description: str, examples: str) -> argparse.ArgumentParser:
    """A parser that takes arguments from @FILE, one a line; lines with # and empty ones count not.

    Adds what all these commands share: --type, --xen, --json.
    """
    made = options.parser(command, description, examples)
    made.fromfile_prefix_chars = "@"
    made.convert_arg_line_to_args = _of_line  # type: ignore[method-assign,assignment]
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


def _of_line(line: str) -> list[str]:
    text = line.strip()
    return [text] if text and not text.startswith("#") else []


def guest_type(arguments: argparse.Namespace) -> GuestType | None:
    """Of --type; None without it. Raises Failure."""
    if arguments.type is None:
        return None
    try:
        return GuestType.of(arguments.type)
    except DomainTypeError as error:
        raise Failure(f"--type: {error}", WRONG_USAGE) from error


def xen_release(arguments: argparse.Namespace) -> Release | None:
    """Of --xen; None without it. Raises Failure."""
    if arguments.xen is None:
        return None
    try:
        return release(arguments.xen)
    except ReleaseError as error:
        raise Failure(f"--xen: {error}", WRONG_USAGE) from error


def hosts(texts: Sequence[str], arguments: argparse.Namespace) -> list[Found]:
    """All hosts of what was typed, in order, each with a name of its own. Raises Failure."""
    guest, xen = guest_type(arguments), xen_release(arguments)
    found: list[Found] = []
    for place, text in enumerate(tracked(texts, "reading hosts", len(texts)), 1):
        name, bare = typed.split_name(text)
        if bare.startswith(typed.CPU):
            found.append(derived.simulated(name or bare.removeprefix(typed.CPU), bare, xen, None))
            continue
        given = typed.read(bare, xen)
        called = name or typed.called(given, bare, f"host {place}")
        here = list(_hosts(given, called, guest or GuestType.HVM, xen))
        if not here:
            raise Failure(f'"{typed.shown(text)}" tells of no host; {typed.what_it_is(given)}')
        found += here
    return _unlike(found)


def members(texts: Sequence[str], arguments: argparse.Namespace) -> list[Member]:
    """Of hosts() the members."""
    return [found.member for found in hosts(texts, arguments)]


def vms(texts: Sequence[str], arguments: argparse.Namespace) -> list[Vm]:
    """All VMs of what was typed, in order. Raises Failure."""
    guest, xen = guest_type(arguments), xen_release(arguments)
    found: list[Vm] = []
    for text in tracked(texts, "reading VMs", len(texts)):
        name, bare = typed.split_name(text)
        if bare == NEW_VM:
            found.append(Vm(name or "a new VM", guest or GuestType.HVM))
            continue
        given = typed.read(bare, xen)
        found += _vms(given, name, typed.called(given, bare, "the VM"), guest, xen)
    return found


def vms_of_files(texts: Sequence[str], arguments: argparse.Namespace) -> list[Vm]:
    """The VMs in files that were given for their hosts: a bug report, xapi's database."""
    xen = xen_release(arguments)
    having = []
    for text in texts:
        bare = typed.split_name(text)[1]
        if typed.exists(bare.partition("#")[0]) and typed.read(bare, xen).vms:
            having.append(text)
    return vms(having, arguments)


def guest_types(found: Iterable[Member], wanted: GuestType | None) -> list[GuestType]:
    """The guest types to speak of: the one wanted, else all that some host runs, HVM first."""
    if wanted is not None:
        return [wanted]
    here = {guest for member in found for guest in member.offers}
    return [guest for guest in (GuestType.HVM, GuestType.PV) if guest in here]


def _hosts(given: Input, name: str, guest: GuestType, xen: Release | None) -> Iterator[Found]:
    for short, host in zip(given.host_names, given.hosts, strict=True):
        called = name if name and len(given.hosts) == 1 else short or given.name
        yield Found(derived.member(host, called, xen), host)
    if given.hosts or given.vms:
        return
    if given.policy is not None:
        yield Found(_member_of_policy(given.policy, name or given.name, guest, xen))
    elif given.featureset is not None:
        yield Found(_member_of_set(given.featureset, name or given.name, guest, xen))


def _member_of_set(
    featureset: Featureset, name: str, guest: GuestType, xen: Release | None
) -> Member:
    return Member(
        name=name,
        vendor="",
        release=xen or by_length(featureset.length).release,
        offers={guest: Offer(guest.name, featureset, featureset)},
        notes=("one featureset is known of it: what a new guest gets may be less",),
    )


def _member_of_policy(policy: Policy, name: str, guest: GuestType, xen: Release | None) -> Member:
    xen = xen or by_length(0).release
    made = _member_of_set(policy_featureset(policy, xen), name, guest, xen)
    return evolve(made, limits={guest: LeafLimits.of(policy)})


def _vms(
    given: Input, name: str, called: str, guest: GuestType | None, xen: Release | None
) -> Iterator[Vm]:
    """`name`: as the user calls it; `called`: what it is called without a name of its own."""
    for record in given.vms:
        alone = (name or called) if len(given.vms) == 1 else ""
        yield _vm(record, alone or record.name, guest, xen)
    if given.vms:
        return
    for found in _hosts(given, called, guest or GuestType.HVM, xen):
        member = found.member
        if found.host is None:  # a featureset or a policy: what the VM itself has seen
            kind = guest or GuestType.HVM
            made = Vm(name or member.name, kind, member.boot(kind), limits=member.limits.get(kind))
            yield evolve(made, notes=_taken_for(guest))
            continue
        kind = guest or (GuestType.HVM if GuestType.HVM in member.offers else GuestType.PV)
        policy = found.host.policies.get(f"{kind.value}_default")
        yield Vm(
            name or f"a VM started on {member.name}",
            kind,
            member.boot(kind),
            vendor=member.vendor,
            limits=LeafLimits.of(policy) if policy is not None else None,
        )


def _vm(record: VmRecord, name: str, guest: GuestType | None, xen: Release | None) -> Vm:
    told = {"pv": GuestType.PV, "hvm": GuestType.HVM}.get(record.domain_type)
    kind = guest or told or GuestType.HVM
    # A record of XenServer 6 is put in order by its reader; all others pass as they are.
    try:
        made = vm_of_map(
            {"vendor": record.vendor, "features": str(record.featureset)}, name, kind, xen
        )
    except RecordError as error:
        raise Failure(str(error)) from error
    return evolve(
        made,
        limits=LeafLimits.of(record.policy) if record.policy is not None else None,
        notes=(*made.notes, *record.notes, *(() if told else _taken_for(guest))),
    )


def _taken_for(guest: GuestType | None) -> tuple[str, ...]:
    if guest is not None:
        return ()
    return ("its domain type is not told: taken for HVM (--type says otherwise)",)


def _unlike(found: Iterable[Found]) -> list[Found]:
    """No two of the same name: those that follow get a number."""
    taken: dict[str, int] = {}
    result = []
    for one in found:
        name = one.member.name
        while name in taken:
            taken[one.member.name] += 1
            name = f"{one.member.name} ({taken[one.member.name]})"
        taken[name] = 1
        changed = name != one.member.name
        result.append(evolve(one, member=evolve(one.member, name=name)) if changed else one)
    return result
