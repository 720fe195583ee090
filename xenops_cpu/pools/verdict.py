"""The graded verdict: may this VM start, resume or migrate here, and at what price?

    Boots          it has seen nothing yet and starts here with what the host gives
    Migrates       all that it has seen, the host would give to a new guest as well
    Only_by_max    the host takes it in, but some features only for guests that arrive: it works,
                   perhaps slowly (HLE, RTM)
    Only_by_force  the host lacks features, or xapi refuses its record: only a forced migration
                   would go, with the risk in words
    Impossible     another vendor's CPU, no such guests on that host, or leaves that Xen refuses

What each is worth, with the exit codes, is grade.py; what to know and to do beside it, advice.py.

The comparison is xapi's (assert_vm_is_compatible in ocaml/xapi/cpuid_helpers.ml): a VM that is shut
down may start anywhere; else the vendor must be equal, where the VM's record has one, and the VM's
words a subset of the host's *migration* set of its guest type, words that one side lacks read as
zero. A host whose record lacks that set is refused.

What a pool's level has because *another* host has it (OR-ed features, RSBA and RRSBA), and AMD's
copies of leaf 1, cost nothing where a host takes them in: they make no Only_by_max.

Before any CPU is looked at, xapi lets a running VM go nowhere that has nomigrate set or uses nested
virtualisation (is_mobile in ocaml/xapi/xapi_vm_lifecycle.ml; force does not help). A VM's own
platform:featureset is what it boots with wherever it boots; xenguest cuts off what the host lacks,
but refuses bits in words that the host does not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ..features.featureset import WORD_BITS, Featureset
from ..features.release import COMMON_1D, Release, release
from ..features.risks import RSB
from ..interface import Verdict
from ..text import notebook
from . import advice, lack, registers
from .grade import GRADES, Grade
from .lack import Lack
from .member import Member
from .obstacles import impossible, refusals
from .ored import ored
from .vm import TOPOLOGY, Vm, labels

if TYPE_CHECKING:
    from .arrival import Move

# Which xapi the answer is for: those from 22.7 on compare a record's words as they stand.
XAPI = "as xapi 22.7 and later compares"

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
    takes in and does not give at boot. `problems`: what keeps the VM out beside features. No text
    names the VM or the host, so that what holds for many pairs can be told once.
    """

    vm: Vm
    host: Member
    verdict: Verdict
    compared: str
    missing: tuple[Lack, ...] = ()
    only_by_max: tuple[Lack, ...] = ()
    problems: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def grade(self) -> Grade:
        return GRADES[self.verdict]

    def __repr__(self) -> str:
        names = [lack.name for lack in self.missing or self.only_by_max]
        more = f": {' '.join(names[:5])}{' …' if len(names) > 5 else ''}" if names else ""
        return f"<Answer {self.vm.name!r} on {self.host.name!r}: {self.grade.word}{more}>"

    def _repr_html_(self) -> str:
        """For notebooks: the verdict, and each feature with its reason and its risk."""
        title = f"{self.vm.name} on {self.host.name}: {self.grade.sentence}"
        rows = [("", text, "") for text in self.problems]
        rows += [(lack.name, lack.reason, lack.risk) for lack in self.missing]
        rows += [(lack.name, lack.reason, "taken in") for lack in self.only_by_max]
        return notebook.table(title, ("feature", "why it is missing", "if forced"), rows)

    @property
    def hindrance(self) -> str:
        """What keeps the VM out, in words: problems, then the features that are missing."""
        lacking = [f"lacks {' '.join(lack.name for lack in self.missing)}"] if self.missing else []
        return "; ".join((*self.problems, *lacking))

    @property
    def here(self) -> bool:
        """Whether the VM runs on this host now: the verdict is on its coming back."""
        return self.vm.here(self.host)

    @property
    def move(self) -> Move | None:
        """What its guest finds changed there, worked out at each call; None where nothing is taken
        along: it boots, is there already, or the host runs no such guests.
        """
        from .arrival import move

        return move(self.vm, self.host)


def check(vm: Vm, member: Member) -> Answer:
    """The verdict with all names, reasons, risks and remedies."""
    guest, xen, seen = vm.guest, member.release, vm.seen
    verdict, problems = _grade(vm, member)
    notes = list(vm.notes)
    compared = "nothing: the VM has seen no features yet, it gets what the host gives"
    if vm.halted:
        compared = "nothing: the VM is shut down, it gets what is given where it starts"
    lacking: list[Lack] = []
    brought: list[Lack] = []
    if guest not in member.offers:
        compared = f"nothing: the host runs no {guest.name} guests"
    elif seen is None:
        notes += advice.own(vm, member)
    else:
        offer = member.offers[guest]
        compared = (
            "what the VM has seen since it booted with what the host takes in "
            f"({guest.name} {'max or boot' if offer.joined else 'migration set'}), {XAPI}"
        )
        old = labels(vm, xen)
        lacking = [
            lack.missing(member, guest, number, old.get(number, ""))
            for number in seen - offer.migration
        ]
        beyond = seen & (offer.migration - offer.boot)
        costless = Featureset(beyond.bits & free(xen, vm), beyond.length)
        brought = [
            lack.only_by_max(member, guest, number, old.get(number, ""))
            for number in beyond - costless
        ]
        notes += advice.notes(vm, member, xen.names(costless))
    return Answer(
        vm=vm,
        host=member,
        verdict=verdict,
        compared=compared,
        missing=tuple(lacking),
        only_by_max=tuple(brought),
        problems=tuple(problems),
        remedies=tuple(advice.remedies(vm, member, verdict, lacking)),
        notes=tuple(dict.fromkeys(notes)),
    )


def check_all(vms: Iterable[Vm], members: Sequence[Member]) -> list[Answer]:
    """Every VM on every host; who cannot go to one is told which of the others take it in.

    VMs that remember the same, and hosts that offer the same, are looked at once. Of a VM that runs
    on one of the hosts, or was started on a known one, what it has of registers is said.
    """
    known: dict[object, Answer] = {}
    beside: dict[object, tuple[str, ...]] = {}
    kinds = [_kind_of_host(member) for member in members]
    answers: list[Answer] = []
    for vm in vms:
        kind = kind_of_vm(vm)
        own = []
        booted_on = vm.started or next((member for member in members if vm.here(member)), None)
        for member, host_kind in zip(members, kinds, strict=True):
            key = (kind, host_kind, vm.here(member))
            answer = known.get(key)
            if answer is None:
                answer = known[key] = check(vm, member)
            pair = (key, booted_on and booted_on.name)
            if pair not in beside:
                beside[pair] = tuple(registers.beside(vm, member, booted_on))
            notes = (*answer.notes, *beside[pair])
            own.append(evolve(answer, vm=vm, host=member, notes=notes))
        answers += _with_other_hosts(own)
    return answers


def kind_of_vm(vm: Vm) -> object:
    """What the answers for a VM depend on: equal for VMs that every host answers alike.

    Of its policy that is only whether there is one: what hosts take in is compared by features.
    """
    kind = evolve(vm, name="", uuid="", home="", source="", policy=None)
    return kind, vm.policy is None


def _kind_of_host(member: Member) -> object:
    """What the answers of hosts depend on, as a key."""
    limits = tuple(member.limits.items())
    compat = tuple((guest, tuple(bits.items())) for guest, bits in member.compat_bits.items())
    offers = tuple(member.offers.items())
    explained = member.name if member.explain is not None else ""
    return (member.vendor, member.release.name, offers, limits, compat, member.sets, explained)


def _with_other_hosts(answers: Sequence[Answer]) -> Iterator[Answer]:
    """Of one VM: where it cannot go, which of the other hosts take it in."""
    welcoming = [answer.host.name for answer in answers if answer.grade.allowed]
    more = " and others" if len(welcoming) > 3 else ""
    elsewhere = f"or move it to {', '.join(welcoming[:3])}{more}, which can take it in"
    for answer in answers:
        if welcoming and not answer.grade.allowed:
            yield evolve(answer, remedies=(*answer.remedies, elsewhere))
        else:
            yield answer


def _grade(vm: Vm, member: Member) -> tuple[Verdict, list[str]]:
    problems = impossible(vm, member)
    if problems:
        return Verdict.IMPOSSIBLE, problems
    seen = vm.seen
    if seen is None:
        return Verdict.BOOTS, []
    reasons = refusals(vm, member)
    if reasons or not seen <= member.migration(vm.guest):
        return Verdict.ONLY_BY_FORCE, reasons
    boot = member.boot(vm.guest).bits | free(member.release, vm)
    return (Verdict.ONLY_BY_MAX if seen.bits & ~boot else Verdict.MIGRATES), []


def free(xen: Release, vm: Vm) -> int:
    """Bits that cost a VM nothing where its host takes them in and does not give them at boot."""
    return _free(xen.name, vm.policy is not None)


@cache
def _free(name: str, whole: bool) -> int:
    """`whole`: of a policy, which has the topology that libxc gave to the guest. Records have what
    the host gives.
    """
    xen = release(name)
    costless = (*ored(xen), *RSB, *(TOPOLOGY if whole else ()))
    names = [feature for feature in costless if feature in xen.features]
    copies = COMMON_1D << 2 * WORD_BITS
    named = sum(1 << feature.number for feature in xen.features.values())
    return xen.featureset(names).bits | (copies & ~named)


__all__ = [
    "UNSEEN", "Answer", "check", "check_all", "free", "impossible", "kind_of_vm", "refusals",
]  # fmt: skip
