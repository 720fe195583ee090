"""The graded verdict: may this VM start, resume or migrate here, and at what price?

    BOOTS       it has seen nothing yet and starts here with what the host gives
    MIGRATES    all that it has seen, the host would give to a new guest as well
    BY_MAX      the host takes it in, but some features only for guests that arrive: it works,
                perhaps slowly (HLE, RTM)
    BY_FORCE    the host lacks features: only a forced migration would go, with the risk in words
    IMPOSSIBLE  another vendor's CPU, no such guests on that host, or leaves that Xen refuses

Exit codes, part of the contract: 0 for BOOTS and MIGRATES (so that `check VM HOST && migrate` does
what it says), 11 for BY_MAX, 12 for BY_FORCE, 13 for IMPOSSIBLE.

The comparison is xapi's (assert_vm_is_compatible in ocaml/xapi/cpuid_helpers.ml): the vendor must
be equal, and the VM's set a subset of the host's *migration* set of its guest type, words that one
side lacks read as zero.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from attrs import frozen

from . import lack
from .lack import Lack
from .member import GuestType, Member, Vm, labels, wrong_kind


class Verdict(Enum):
    """From best to worst."""

    BOOTS = 0
    MIGRATES = 1
    BY_MAX = 2
    BY_FORCE = 3
    IMPOSSIBLE = 4

    @property
    def allowed(self) -> bool:
        """Whether Xen and xapi let the VM in without force."""
        return self.value <= Verdict.BY_MAX.value

    @property
    def exit_code(self) -> int:
        """Of a program that gives this verdict: 0 for a plain yes, else 11, 12 or 13."""
        return 10 + self.value - 1 if self.value > Verdict.MIGRATES.value else 0

    @property
    def sentence(self) -> str:
        """For people, with the host as the subject's place."""
        return _SENTENCES[self]


_SENTENCES = {
    Verdict.BOOTS: "boots here",
    Verdict.MIGRATES: "resumes or migrates here",
    Verdict.BY_MAX: "resumes or migrates here, only because Xen takes in more than it gives",
    Verdict.BY_FORCE: "would go only by force: the host lacks features",
    Verdict.IMPOSSIBLE: "cannot run here",
}

# What no comparison of featuresets sees; a guest may depend on it all the same.
UNSEEN = (
    "model-specific registers outside the featureset (they may differ although all features agree)",
    "the TSC's frequency, and whether the hardware scales it",
    "sizes of XSAVE areas, of physical addresses and of caches",
    "devices, memory, and what the guest measured when it started",
)


@frozen
class Answer:
    """One VM on one host. `compared`: which sets were compared, in words.

    `missing`: every feature that the host does not take in, in bit order. `only_by_max`: those it
    takes in and does not give at boot. `problems`: why it is impossible.
    """

    vm: str
    host: str
    guest: GuestType
    verdict: Verdict
    compared: str
    missing: tuple[Lack, ...] = ()
    only_by_max: tuple[Lack, ...] = ()
    problems: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check(vm: Vm, member: Member) -> Answer:
    """The verdict with all names, reasons, risks and remedies."""
    guest, xen = vm.guest, member.release
    verdict, problems = _grade(vm, member)
    old = labels(vm, xen)
    lacking: list[Lack] = []
    brought: list[Lack] = []
    notes = [*vm.notes, *member.notes]
    compared = f"nothing: {vm.name} has seen no features yet, it gets what {member.name} gives"
    if vm.features is not None and guest in member.offers:
        offer = member.offers[guest]
        compared = (
            f"what {vm.name} has seen since it booted with what {member.name} takes in "
            f"({guest.name} max or boot)"
        )
        lacking = [
            lack.missing(member, guest, number, old.get(number, ""))
            for number in vm.features - offer.migration
        ]
        brought = [
            lack.only_by_max(member, guest, number, old.get(number, ""))
            for number in vm.features & (offer.migration - offer.boot)
        ]
        strange = wrong_kind(vm, xen)
        if strange:
            notes.append(
                f"the record of {vm.name} is no PV featureset, for Xen offers these to HVM guests "
                f"only: {' '.join(xen.names(strange))}; was its domain type changed?"
            )
        if vm.limits is None or guest not in member.limits:
            notes.append("the highest CPUID leaves were not compared: no policy is known")
        if not vm.vendor or not member.vendor:
            notes.append("the vendors were not compared: one is not known")
    return Answer(
        vm=vm.name,
        host=member.name,
        guest=guest,
        verdict=verdict,
        compared=compared,
        missing=tuple(lacking),
        only_by_max=tuple(brought),
        problems=tuple(problems),
        remedies=tuple(_remedies(vm, member, verdict, lacking)),
        notes=tuple(dict.fromkeys(notes)),
    )


def _grade(vm: Vm, member: Member) -> tuple[Verdict, list[str]]:
    problems = _problems(vm, member)
    if problems:
        return Verdict.IMPOSSIBLE, problems
    if vm.features is None:
        return Verdict.BOOTS, []
    if vm.features <= member.boot(vm.guest):
        return Verdict.MIGRATES, []
    taken = vm.features <= member.migration(vm.guest)
    return (Verdict.BY_MAX if taken else Verdict.BY_FORCE), []


def _problems(vm: Vm, member: Member) -> list[str]:
    """Why it is impossible, whatever the features; a VM that has seen nothing may go anywhere."""
    if vm.guest not in member.offers:
        return [f"{member.name} runs no {vm.guest.name} guests"]
    if vm.features is None:
        return []
    problems = []
    if vm.vendor and member.vendor and vm.vendor != member.vendor:
        problems.append(
            f"{vm.name} was started on a CPU of {vm.vendor}, {member.name} has one of "
            f"{member.vendor}"
        )
    limits = member.limits.get(vm.guest)
    if vm.limits is not None and limits is not None:
        problems.extend(f"{text}: Xen refuses that" for text in vm.limits.beyond(limits))
    return problems


def _remedies(vm: Vm, member: Member, verdict: Verdict, lacking: Sequence[Lack]) -> list[str]:
    if verdict.allowed:
        return []
    if vm.guest not in member.offers:
        return [f"choose a host that runs {vm.guest.name} guests"]
    found = list(dict.fromkeys(item.remedy for item in lacking if item.remedy))
    if lacking and all(item.compatibility for item in lacking):
        found.append(
            "what is missing are bits of old records only: forcing the migration is harmless as "
            "far as they go"
        )
    found.append(
        f"shut {vm.name} down and start it on {member.name}: it then gets what is given there"
    )
    found.append(f"or move {vm.name} to a host that takes it in")
    return found


@frozen
class Grid:
    """VMs × hosts: rows[i][j] is the value of the verdict of VM i on host j.

    Equal rows are one object.
    """

    rows: tuple[bytes, ...]

    def verdict(self, vm: int, host: int) -> Verdict:
        return Verdict(self.rows[vm][host])

    def counts(self) -> dict[Verdict, int]:
        """How often each verdict was given."""
        total: Counter[int] = Counter()
        for row, times in Counter(self.rows).items():
            for code, count in Counter(row).items():
                total[code] += count * times
        return {verdict: total[verdict.value] for verdict in Verdict}


def grid(
    vms: Iterable[Vm], members: Iterable[Member], progress: Callable[[int], None] | None = None
) -> Grid:
    """The verdict of every VM on every host, without the words.

    VMs that remember the same, and hosts that offer the same, are looked at once: a fleet has few
    kinds of either. `progress` is told the number of VMs done.
    """
    hosts = list(members)
    rows: list[bytes] = []
    known: dict[object, bytes] = {}
    columns: dict[object, _Columns] = {}
    for vm in vms:
        # What problems there are, and what features are compared with, is the same for many VMs.
        sort = (vm.guest, vm.vendor, vm.limits, vm.features is None)
        key = (sort, vm.features and vm.features.bits)
        row = known.get(key)
        if row is None:
            if sort not in columns:
                columns[sort] = _Columns.of(vm, hosts)
            row = known[key] = columns[sort].row(vm)
        rows.append(row)
        if progress is not None:
            progress(len(rows))
    return Grid(tuple(rows))


@frozen
class _Columns:
    """The hosts for VMs of one sort. `kinds`: what a kind of host does not take in and not give as
    bits, or None where it is impossible. `index`: which kind each host is.
    """

    kinds: tuple[tuple[int, int] | None, ...]
    index: tuple[int, ...]

    @classmethod
    def of(cls, vm: Vm, hosts: Sequence[Member]) -> _Columns:
        kinds: dict[tuple[int, int] | None, int] = {}
        index = []
        for host in hosts:
            kind = None
            if not _problems(vm, host):
                kind = (~host.migration(vm.guest).bits, ~host.boot(vm.guest).bits)
            index.append(kinds.setdefault(kind, len(kinds)))
        return cls(tuple(kinds), tuple(index))

    def row(self, vm: Vm) -> bytes:
        boots, migrates = Verdict.BOOTS.value, Verdict.MIGRATES.value
        by_max, by_force = Verdict.BY_MAX.value, Verdict.BY_FORCE.value
        impossible = Verdict.IMPOSSIBLE.value
        if vm.features is None:
            codes = [impossible if kind is None else boots for kind in self.kinds]
        else:
            seen = vm.features.bits
            codes = [
                impossible
                if kind is None
                else by_force
                if seen & kind[0]
                else by_max
                if seen & kind[1]
                else migrates
                for kind in self.kinds
            ]
        return bytes([codes[kind] for kind in self.index])


__all__ = ["UNSEEN", "Answer", "Grid", "Verdict", "check", "grid"]
