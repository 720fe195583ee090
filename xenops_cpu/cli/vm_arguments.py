"""What people type as VM: records, files, images, names of VMs in files that are given for their
hosts, hosts on which one was started.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from attrs import evolve

from ..features.release import Release
from ..hosts.moment import UNKNOWN_MOMENT, Moment
from ..inputs import Input, exists, is_featureset, together
from ..interface import GuestType
from ..pools.member import unlike
from ..pools.vm import TYPE_NOT_TOLD, Vm, as_type, of_words, started_on, with_policy
from . import WRONG_USAGE, Failure, arguments
from .pool_arguments import hosts_of, read_all, wanted_type
from .progress import tracked

NEW = "new"
HELP = (
    "a VM: its last-boot record (file or text), a featureset, a suspend image, the name of one in "
    "a file that is given for its hosts; 'new' for one that is shut down; a host stands for a VM "
    "that was started there"
)

# VMs of one source, and when it was read.
_List = tuple[Sequence[Vm], Moment]


def vms(texts: Sequence[str], parsed: argparse.Namespace, files: Sequence[str] = ()) -> list[Vm]:
    """All VMs of what was typed, in order, each once (by UUID) and with a name of its own.

    `files`: arguments that were given for their hosts, in which a VM may be looked for by its name
    or UUID. Raises Failure.
    """
    return _each_once(_typed(texts, parsed, files))


def all_vms(texts: Sequence[str], parsed: argparse.Namespace, files: Sequence[str]) -> list[Vm]:
    """The VMs of what was typed, and those in files that were given for their hosts: a bug report,
    xapi's database, a live pool. Raises Failure.
    """
    guest, xen = wanted_type(parsed), arguments.release(parsed)
    lists: list[_List] = [
        ([as_type(vm, guest) if guest is not None else vm for vm in each], moment)
        for each, moment in _lists(files, xen)
    ]
    return _each_once([*lists, *_typed(texts, parsed, files)])


def _each_once(lists: Sequence[_List]) -> list[Vm]:
    each = list(together.vms(lists))
    names = unlike(vm.name for vm in each)
    return [evolve(vm, name=name) for vm, name in zip(each, names, strict=True)]


def _typed(texts: Sequence[str], parsed: argparse.Namespace, files: Sequence[str]) -> list[_List]:
    guest, xen = wanted_type(parsed), arguments.release(parsed)
    typed: list[_List] = []
    for text in tracked(texts, "reading VMs", len(texts)):
        name, bare = arguments.split_name(text)
        if bare == NEW:
            typed.append(([Vm(name or "a new VM", guest or GuestType.HVM)], UNKNOWN_MOMENT))
            continue
        named = _named(bare, files, xen)
        if named:
            whole = [as_type(vm, guest) if guest is not None else vm for vm in named]
            typed.append((whole, UNKNOWN_MOMENT))
            continue
        read = arguments.read(bare, xen)
        called = arguments.called(read, bare, "the VM")
        typed.append((list(_vms(read, name, called, guest, xen)), read.moment))
    return typed


def _named(text: str, files: Sequence[str], xen: Release | None) -> list[Vm]:
    """The VMs of this name, or UUID, in files given for their hosts.

    A file of that name wins. A name that reads as a featureset may be either. Raises Failure.
    """
    if exists(text) or arguments.split_choice(text)[1]:
        return []
    named = [vm for vm in together.vms(_lists(files, xen)) if text in (vm.name, vm.uuid)]
    if named and is_featureset(text):
        having = next(file for file in files if _has(file, text, xen))
        raise Failure(
            f'"{text}" is a featureset and the name of a VM in {having}: say hex:{text} or '
            f"{having}#{text}",
            WRONG_USAGE,
        )
    return named


def _has(file: str, name: str, xen: Release | None) -> bool:
    lists = _lists([file], xen)
    return any(name in (vm.name, vm.uuid) for vms, _ in lists for vm in vms)


def _lists(texts: Sequence[str], xen: Release | None) -> list[_List]:
    """The VMs of files that were given for their hosts; none in what is no file."""
    files = [text for text in texts if _may_have_vms(arguments.split_name(text)[1])]
    return [(each.read.vms, each.read.moment) for each in read_all(files, xen, "reading VMs")]


def _may_have_vms(text: str) -> bool:
    return arguments.has_many(arguments.split_choice(text)[0])


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
    for typed_host in hosts_of(read, called, guest or GuestType.HVM, xen):
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
