"""VMs that run, as the hypervisor has them, held to their records and to the pool's level.

VM.last_boot_CPU_flags is what xapi asked for when the VM started. Xen cleared what the host did not
have, and gave MSR 10ah as that host does by default, so that the VM may have less and more than its
record; xapi looks at the record alone, and Xen at what the VM has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import Release
from ..hosts.record import featureset
from ..interface import GuestType
from .audit import VmFinding
from .member import Member, release_of_pool
from .verdict import check
from .vm import Vm, labels


def level_of(stored: Mapping[str, str]) -> dict[GuestType, Featureset]:
    """What a stored Pool.cpu_info gives a VM that starts, by guest type, where it has that.

    Raises InputError.
    """
    levels = {}
    for guest in GuestType:
        name = f"features_{guest.name.lower()}"
        key = f"{name}_host" if stored.get(f"{name}_host") else name
        if stored.get(key):
            levels[guest] = featureset(stored[key], f"the pool's record: {key}")
    return levels


def record_of(vm: Vm, records: Sequence[Vm]) -> Vm | None:
    """The record of a VM that runs: by UUID, else by name."""
    if vm.uuid:
        return next((record for record in records if record.uuid == vm.uuid), None)
    named = [record for record in records if record.name == vm.name]
    return named[0] if len(named) == 1 else None


def of_running(
    vms: Iterable[Vm],
    records: Sequence[Vm],
    members: Sequence[Member],
    level: Mapping[GuestType, Featureset],
) -> Iterator[VmFinding]:
    """What a VM has other than its record and the level say, and what its next migration does.

    The findings are of the record's VM, where there is one: it has the name that people know.
    """
    xen = release_of_pool(members)
    for vm in vms:
        record = record_of(vm, records)
        if record is None:
            yield VmFinding(vm, "it runs, and of the records that were read none is its")
            continue
        has = vm.seen or Featureset()
        if record.features is not None:
            yield from _beside_record(record, has, xen)
            yield from _on_its_way(vm, record, members)
        if vm.guest in level:
            yield from _beside_level(record, has, level[vm.guest], xen)


def _beside_record(record: Vm, has: Featureset, xen: Release) -> Iterator[VmFinding]:
    remembered = record.features or Featureset()
    never = Featureset.of_features(labels(record, xen), remembered.length)
    lacking, more = remembered - has - never, has - remembered
    registers, leaves = _in_registers(lacking, xen), _in_leaves(lacking, xen)
    if leaves:
        yield VmFinding(
            record,
            f"it lacks {_names(leaves, xen)}, which its record has: the host where it started did "
            "not give that, and xapi refuses hosts for what the VM never saw",
        )
    unseen = _in_leaves(more, xen)
    if unseen:
        yield VmFinding(
            record,
            f"it has {_names(unseen, xen)}, which its record lacks: xapi does not ask whether the "
            "next host takes that in",
        )
    by_registers = _in_registers(more, xen)
    if registers or by_registers:
        parts = [f"has {_names(by_registers, xen)}"] if by_registers else []
        parts += [f"lacks {_names(registers, xen)}"] if registers else []
        yield VmFinding(
            record,
            f"of ARCH_CAPS it {' and '.join(parts)}, other than its record: no level reaches that "
            "register, it is the default of the host where the VM started",
        )


def _on_its_way(vm: Vm, record: Vm, members: Sequence[Member]) -> Iterator[VmFinding]:
    """What xapi says of the other hosts by the record, and what Xen there does with what it has."""
    for member in members:
        if record.here(member) or vm.guest not in member.offers:
            continue
        lost = (vm.features or Featureset()) - member.migration(vm.guest)
        answer = check(record, member)
        names = _names(lost, member.release)
        if answer.grade.allowed and lost:
            yield VmFinding(
                record,
                f"at a migration to {member.name}, which xapi allows, it loses {names} without a "
                "word from anybody",
            )
        elif answer.missing and not answer.problems and not lost:
            lacks = " ".join(item.name for item in answer.missing)
            yield VmFinding(
                record,
                f"xapi refuses {member.name} for {lacks}, which the VM does not have: forcing that "
                "migration takes no feature from it",
            )


def _beside_level(
    record: Vm, has: Featureset, level: Featureset, xen: Release
) -> Iterator[VmFinding]:
    """Only more than the level is a finding: a VM that was started before it rose has less."""
    more, less = _in_leaves(has - level, xen), _in_leaves(level - has, xen)
    if more and record.own is None:
        gains = f", and gains {_names(less, xen)}" if less else ""
        yield VmFinding(
            record,
            f"it has {_names(more, xen)}, which the pool's level has not: at its next start it "
            f"loses that{gains}",
        )


def _names(features: Featureset, xen: Release) -> str:
    return " ".join(xen.names(features))


def _in_registers(features: Featureset, xen: Release) -> Featureset:
    """Those that are bits of MSRs."""
    numbers = [
        number
        for number in features
        if number // WORD_BITS < xen.length and xen.words[number // WORD_BITS].msr is not None
    ]
    return Featureset.of_features(numbers, features.length)


def _in_leaves(features: Featureset, xen: Release) -> Featureset:
    return features - _in_registers(features, xen)
