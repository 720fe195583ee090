"""Hosts, VMs and stored records as a reader collects them: each once, told apart by UUID."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from attrs import define, evolve, field

from ...errors import InputError
from ...hosts.membership import Membership
from ...hosts.parts import Parts
from ...limits import input_limits
from ...pools.member import unlike
from ...pools.vm import Vm
from ...pools.words import some
from ..value import NamedHost, Stored, printable
from .vm_record import VmRecord


@define
class Room:
    """What may be kept in memory of what is read; each method raises InputError beyond it."""

    where: str = ""
    hosts: int = 0
    vms: int = 0
    letters: int = 0

    def host(self, texts: Iterable[str]) -> None:
        """One more host or pool, with these texts."""
        self.hosts += 1
        if self.hosts > input_limits.HOSTS:
            raise InputError(f"{self.where}: more than {input_limits.HOSTS:,} hosts")
        self.take(texts)

    def vm(self, texts: Iterable[str]) -> None:
        """One more VM, with these texts."""
        self.vms += 1
        if self.vms > input_limits.VMS:
            raise InputError(f"{self.where}: more than {input_limits.VMS:,} VMs")
        self.take(texts)

    def take(self, texts: Iterable[str]) -> None:
        self.letters += _OF_A_RECORD + sum(map(len, texts))
        if self.letters > input_limits.KEPT_LETTERS:
            raise InputError(
                f"{self.where}: more than {input_limits.KEPT_LETTERS:,} characters in names and "
                "records of hosts and VMs"
            )


_OF_A_RECORD = 64  # what one costs beside its texts


@define
class Collected:
    """What a text or a database has, in `room`. `hosts`: parts, with names. `names`: of hosts and
    VMs by UUID and by reference. `generation`: of a database, 0 for what is none. `unknown`: hosts
    without a CPU record, by name and UUID.
    """

    hosts: list[Parts] = field(factory=list)
    vms: list[Vm] = field(factory=list)
    stored: list[Stored] = field(factory=list)
    unknown: list[tuple[str, str]] = field(factory=list)
    left_out: Counter[str] = field(factory=Counter)
    room: Room = field(factory=Room)
    names: dict[str, str] = field(factory=dict)
    generation: int = 0

    def call(self, name: str, *references: str) -> None:
        """What a host or VM is called, for whoever meets its UUID or OpaqueRef.

        Raises InputError.
        """
        known = [reference for reference in references if reference and name]
        self.room.take((name, *known))
        self.names.update((reference, name) for reference in known)

    def join(self, pool: Membership, coordinator: str) -> None:
        """The hosts are members of a pool; `coordinator`: its UUID, "" where it is not told."""
        for index, parts in enumerate(self.hosts):
            is_coordinator = parts.uuid == coordinator if coordinator and parts.uuid else None
            membership = parts.membership | evolve(pool, coordinator=is_coordinator)
            self.hosts[index] = evolve(parts, membership=membership)

    def add_host(self, host: Parts) -> None:
        """A host, whose CPU record was or will be added as stored. Raises InputError."""
        software = host.membership.software
        self.room.take((host.name, host.uuid, *software, *software.values()))
        self.hosts.append(host)

    def add_unknown(self, name: str, uuid: str) -> None:
        """A host of whose CPU xapi has no record. Raises InputError."""
        self.room.host((name, uuid))
        self.unknown.append((name, uuid))

    def add_vm(self, record: VmRecord, where: str) -> None:
        """A VM, or one more of what is passed over. Raises InputError."""
        if record.passed_over:
            self.left_out[record.passed_over] += 1
        else:
            self.room.vm(record.texts)
            self.vms.append(record.vm(where))

    def add_stored(self, record: Stored) -> None:
        """A host's or a pool's record. Raises InputError."""
        self.room.host((record.name, record.uuid, *record.cpu_info, *record.cpu_info.values()))
        self.stored.append(record)


def without_record(unknown: Iterable[tuple[str, str]], known: Collection[str] = ()) -> str:
    """What is to be said of hosts without a CPU record, "" where there are none. `known`: UUIDs of
    hosts that something else tells of.
    """
    names = [printable(name or uuid) for name, uuid in unknown if uuid not in known]
    if not names:
        return ""
    return (
        f"xapi has no CPU record (cpu_info) of {some(names)}: left out, and what is said of the "
        f"pool is said without {'it' if len(names) == 1 else 'them'}"
    )


def once(vms: Iterable[Vm]) -> tuple[Vm, ...]:
    """Each VM once: of two with the same UUID the later one, of equal names all, numbered.

    Under names that can be shown, and typed again.
    """
    by_key: dict[object, Vm] = {}
    for index, vm in enumerate(vms):
        by_key[vm.uuid or index] = evolve(vm, name=printable(vm.name))
    unique = list(by_key.values())
    names, notes = _told_apart([vm.name for vm in unique], [vm.uuid for vm in unique])
    return tuple(
        evolve(vm, name=name, notes=(*vm.notes, note)) if note else vm
        for vm, name, note in zip(unique, names, notes, strict=True)
    )


def apart(hosts: Iterable[NamedHost]) -> tuple[NamedHost, ...]:
    """Each host under a name of its own: of equal names the later get a number, which is said.

    Names can be shown, and typed again.
    """
    every = [each._replace(name=printable(each.name)) for each in hosts]
    names, notes = _told_apart([each.name for each in every], [each.host.uuid for each in every])
    return tuple(
        each._replace(name=name, host=evolve(each.host, notes=(*each.host.notes, note)))
        if note
        else each
        for each, name, note in zip(every, names, notes, strict=True)
    )


def _told_apart(names: Sequence[str], uuids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names, each once, and what to say of each that was there twice: the first of them too, for
    who types a name may mean the other.
    """
    often = Counter(names)
    unique = unlike(names)
    notes = []
    for name, own, uuid in zip(names, unique, uuids, strict=True):
        which = f", {uuid}" if uuid else ""
        notes.append(
            f'another of the same name, "{name}", is there: told apart by a number (this is {own}'
            f"{which})"
            if often[name] > 1
            else ""
        )
    return unique, notes
