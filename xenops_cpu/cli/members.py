"""What people type as HOST and VM, as the members and VMs of a pool.

Whatever tells of a host will do (docs/commands-pools.md lists it). A host whose raw CPU policy is
known is derived anew, so that each of its bits has a reason.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve, fields, frozen

from ..compatibility import LeafLimits
from ..cpu_info import Offer
from ..features import Release, ReleaseError, release
from ..featureset import Featureset
from ..host import UNKNOWN, Featuresets, Host
from ..inputs import Input, InputError, VmRecord
from ..levelling import release_of_length
from ..member import DomainTypeError, GuestType, Member, Vm, explainer, member_of_host
from ..policy import Policy
from ..policy_featureset import policy_featureset
from ..records import RecordError, vm_of_map
from . import WRONG_USAGE, Failure, options, subject
from .progress import tracked

if TYPE_CHECKING:
    from ..derivation import Derivation

NEW_VM = "new"
_CPU = "cpu:"
# Where errors say that the text of an argument was read as a record.
INLINE = "the record given"
_NOT_KNOWN = "Xen has decided so; why is not known here"

_NAMED = re.compile(r"([A-Za-z0-9][\w.-]{0,63})=(.+)", re.DOTALL)

HOST_HELP = (
    "a host: file (capture, bug report, xe or xen-cpuid output, xapi database), socket, "
    "example:NAME, cpu:NAME[@RELEASE], simulated, or a featureset; NAME=HOST gives it a name, "
    "FILE#NAME takes one of many; @FILE: arguments from a file, one a line"
)
VM_HELP = (
    "a VM: its last-boot record (file or text), a featureset, a suspend image; 'new' for one that "
    "is shut down; a host stands for a VM that was started there"
)


@frozen
class Found:
    """A host and, where more is known than a featureset, what was read. `cpu`: cpu:NAME@RELEASE
    where it was simulated.
    """

    member: Member
    host: Host | None = None
    cpu: str = ""


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
        name, bare = split_name(text)
        if bare.startswith(_CPU):
            found.append(_simulated(name or bare.removeprefix(_CPU), bare, xen, None))
            continue
        given = read(bare, xen)
        called = name or _called(given, bare, f"host {place}")
        here = list(_hosts(given, called, guest or GuestType.HVM, xen))
        if not here:
            raise Failure(f'"{shown(text)}" tells of no host; {_what_it_is(given)}')
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
        name, bare = split_name(text)
        if bare == NEW_VM:
            found.append(Vm(name or "a new VM", guest or GuestType.HVM))
            continue
        given = read(bare, xen)
        found += _vms(given, name, _called(given, bare, "the VM"), guest, xen)
    return found


def vms_of_files(texts: Sequence[str], arguments: argparse.Namespace) -> list[Vm]:
    """The VMs in files that were given for their hosts: a bug report, xapi's database."""
    xen = xen_release(arguments)
    having = []
    for text in texts:
        bare = split_name(text)[1]
        if _exists(bare.partition("#")[0]) and read(bare, xen).vms:
            having.append(text)
    return vms(having, arguments)


def split_name(text: str) -> tuple[str, str]:
    """NAME and the rest of NAME=REST; the name is "" where there is none."""
    match = _NAMED.fullmatch(text)
    if match is None or _exists(text):
        return "", text
    return match[1], match[2]


def read(text: str, xen: Release | None = None) -> Input:
    """One argument, with the choice of FILE#NAME made; damage is told on standard error.

    Raises Failure.
    """
    return _read(text, xen.name if xen is not None else "")


@lru_cache(maxsize=64)  # a file may be asked for its hosts, then for its VMs
def _read(text: str, xen: str) -> Input:
    path, hash_, chosen = text.rpartition("#")
    try:
        if hash_ and path and not _exists(text) and _exists(path):
            return _chosen(_resolve(path, xen), chosen, text)
        return _resolve(text, xen)
    except InputError as error:
        raise Failure(str(error)) from error


def updated(found: Found, xen: Release | None, cmdline: str | None) -> Found:
    """The host as it would be under another release or command line, None for what it has now.

    Raises Failure where its raw CPU policy is not known, or what the release derives is not.
    """
    name, host = found.member.name, found.host
    if found.cpu:
        cpu = found.cpu.rpartition("@")[0] or found.cpu
        return _simulated(name, cpu, xen or found.member.release, cmdline)
    if host is None or "raw" not in host.policies:
        raise Failure(
            f"the raw CPU policy of {name} is not known, so what another Xen would make of it "
            "cannot be derived; name what it will be: plan update HOST NEW"
        )
    now, then = _derived(host, host.release, None), _derived(host, xen or host.release, cmdline)
    # What the derivation gets wrong today (it knows no microcode), it gets wrong then.
    kept = {}
    wrong: set[str] = set()
    for field in fields(Featuresets):
        told, derived = getattr(host.featuresets, field.name), getattr(now.featuresets, field.name)
        made = getattr(then.featuresets, field.name)
        if told is not None and derived is not None and made is not None:
            more, less = told - derived, derived - told
            wrong.update(host.release.names(more | less))
            made = ((made | more) - less).cut(made.length)
        kept[field.name] = made
    notes = then.notes
    if wrong:
        notes += (f"as they are now, for why is not known: {' '.join(sorted(wrong))}",)
    then = evolve(then, featuresets=Featuresets(**kept), notes=notes)
    return Found(_member(then, name, None), then)


def _derived(host: Host, xen: Release, cmdline: str | None) -> Host:
    from ..derivation import DERIVED_RELEASES, Options
    from ..dumps.captured import cpu_of
    from ..sources import SourceError
    from ..sources.simulated import Simulated, Subject

    if xen.name not in DERIVED_RELEASES:
        raise Failure(
            f"what {xen.title} derives is not known; there are {', '.join(DERIVED_RELEASES)}",
            WRONG_USAGE,
        )
    subject = Subject(cpu_of(host.policies["raw"]), host.origin, host.processor, host.topology)
    chosen = Options(cmdline=host.xen.commandline if cmdline is None else cmdline)
    try:
        return Simulated(subject, xen, chosen).read()
    except (SourceError, ValueError) as error:
        raise Failure(str(error)) from error


def _simulated(name: str, text: str, xen: Release | None, cmdline: str | None) -> Found:
    """cpu:NAME@RELEASE with the derivation behind it. Raises Failure."""
    from ..sources import SourceError
    from . import simulation

    cpu, at, wanted = text.removeprefix(_CPU).rpartition("@")
    if not at:
        cpu, wanted = wanted, xen.name if xen is not None else ""
    made = argparse.ArgumentParser()
    simulation.add_options(made)
    given = ["--cpu", cpu, *(["--xen", wanted] if wanted else [])]
    if cmdline is not None:
        given += ["--xen-cmdline", cmdline]
    try:
        host, derivation = simulation.source(made.parse_args(given)).explained()
    except SourceError as error:
        raise Failure(str(error)) from error
    return Found(evolve(_member(host, name, None), explain=explainer(derivation)), host, text)


def shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _called(given: Input, typed: str, otherwise: str) -> str:
    """What to call the only host or VM of an input: as it was typed, if that is a name."""
    if typed.startswith(_CPU):
        return typed.removeprefix(_CPU)
    if given.name == INLINE or (not given.hosts and not given.vms and not _exists(typed)):
        return otherwise
    return ""


def guest_types(found: Iterable[Member], wanted: GuestType | None) -> list[GuestType]:
    """The guest types to speak of: the one wanted, else all that some host runs, HVM first."""
    if wanted is not None:
        return [wanted]
    here = {guest for member in found for guest in member.offers}
    return [guest for guest in (GuestType.HVM, GuestType.PV) if guest in here]


def _exists(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):
        return False


def _resolve(text: str, xen: str) -> Input:
    """Raises InputError and Failure."""
    if "features" in text and ":" in text and not _exists(text):
        from ..inputs import texts

        lines = text.replace(";", "\n")
        return texts.as_input(texts.parse(lines, INLINE, INLINE), INLINE, INLINE)
    if xen and "@" not in text:
        simulated = text.startswith(_CPU) or (_exists(text) and Path(text).is_file())
        text = f"{text}@{xen}" if simulated else text
    return subject.resolve(text)


def _chosen(given: Input, wanted: str, text: str) -> Input:
    at = [index for index, name in enumerate(given.host_names) if name == wanted]
    taken = tuple(vm for vm in given.vms if vm.name == wanted)
    if not at and not taken:
        names = ", ".join([*given.host_names, *(vm.name for vm in given.vms)][:10])
        raise Failure(f'{shown(text)}: there is no "{wanted}" in the file; there are {names}')
    return evolve(
        given,
        hosts=tuple(given.hosts[index] for index in at),
        host_names=tuple(given.host_names[index] for index in at),
        vms=taken,
        stored=tuple(record for record in given.stored if record.name == wanted),
    )


def _what_it_is(given: Input) -> str:
    if given.vms:
        return f"it has VMs: {', '.join(vm.name for vm in given.vms[:5])}"
    return f"it is a {given.kind}"


def _hosts(given: Input, name: str, guest: GuestType, xen: Release | None) -> Iterator[Found]:
    for short, host in zip(given.host_names, given.hosts, strict=True):
        called = name if name and len(given.hosts) == 1 else short or given.name
        yield Found(_member(host, called, xen), host)
    if given.hosts or given.vms:
        return
    if given.policy is not None:
        yield Found(_member_of_policy(given.policy, name or given.name, guest, xen))
    elif given.featureset is not None:
        yield Found(_member_of_set(given.featureset, name or given.name, guest, xen))


def _member(host: Host, name: str, xen: Release | None) -> Member:
    made = member_of_host(host, name, reasons(host))
    offers = {guest: offer for guest, offer in made.offers.items() if offer.migration.length}
    told = made.release
    if xen is not None and host.xen.version == UNKNOWN:
        told = xen
    return evolve(
        made,
        release=told,
        vendor="" if made.vendor == UNKNOWN else made.vendor,
        offers=offers,
        # Sets that nobody told say nothing of why a bit is missing.
        sets=made.sets if host.featuresets.raw.length else None,
    )


def _member_of_set(
    featureset: Featureset, name: str, guest: GuestType, xen: Release | None
) -> Member:
    return Member(
        name=name,
        vendor="",
        release=xen or release_of_length(featureset.length),
        offers={guest: Offer(guest.name, featureset, featureset)},
        notes=("one featureset is known of it: what a new guest gets may be less",),
    )


def _member_of_policy(policy: Policy, name: str, guest: GuestType, xen: Release | None) -> Member:
    xen = xen or release_of_length(0)
    made = _member_of_set(policy_featureset(policy, xen), name, guest, xen)
    return evolve(made, limits={guest: LeafLimits.of(policy)})


def reasons(host: Host) -> Callable[[str, int], str] | None:
    """Why a bit is as it is, by deriving the host's sets from its raw policy; None without one.

    A reason is given only for a bit that comes out as the host has it.
    """
    from ..derivation import DERIVED_RELEASES

    if "raw" not in host.policies or host.release.name not in DERIVED_RELEASES:
        return None

    @cache
    def derivation() -> Derivation | None:
        from ..derivation import DerivationError, Options, derive
        from ..dumps.captured import cpu_of

        try:
            cpu = cpu_of(host.policies["raw"])
            return derive(cpu, host.release, Options(cmdline=host.xen.commandline))
        except (DerivationError, ValueError):
            return None

    def explain(name: str, number: int) -> str:
        found = derivation()
        derived = found.featuresets[name] if found is not None else None
        had: Featureset | None = getattr(host.featuresets, name)
        if found is None or derived is None or had is None:
            return _NOT_KNOWN
        if (number in derived) != (number in had):
            return _NOT_KNOWN
        return explainer(found)(name, number)

    return explain


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


__all__ = [
    "HOST_HELP", "INLINE", "NEW_VM", "VM_HELP", "Found", "add_hex", "add_notes", "guest_type",
    "guest_types", "hosts", "members", "parser", "read", "reasons", "shown", "split_name",
    "updated", "vms", "vms_of_files", "xen_release",
]  # fmt: skip
