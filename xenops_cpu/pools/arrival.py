"""What the guest of a VM that goes to a host finds changed there, beside the verdict on its going.

Xen refuses limits and never features: what a host does not take in is cleared without a word, and
address widths, sizes of saved state and some registers become the host's. Only of a VM whose whole
CPU policy is known can that be told: of one that runs here, of a suspend image, and of one that
was started on a host whose policies are known, for which it is predicted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ..cpuid.fields import CATEGORIES, FEATURES
from ..cpuid.policy import Policy
from ..features.release import release
from ..interface import GuestType
from .member import Member
from .vm import NESTED, Vm

if TYPE_CHECKING:
    from ..guests.arrival import Arrival
    from ..guests.changes import Change
    from ..guests.hypervisor import Hypervisor
    from ..guests.toolstacks import Settings

# What is compared, in the order in which it is told.
PARTS = (FEATURES, *CATEGORIES)
_VM_UNKNOWN = "the VM's whole CPU policy is not known"
_HOST_UNKNOWN = "the CPU policies of the host are not known"
_ORIGIN_UNKNOWN = (
    "which release it comes from is not known, and the host's reads no CPU policy from a stream"
)
_NOT_BUILT = "the host where it was started would not build it so"


@frozen
class Move:
    """`arrival`: what becomes of it there, None where that is not known, and then `unknown` says
    why. `predicted`: how its policy was come by, "" where it was read. `assumed`: sentences.
    """

    arrival: Arrival | None = None
    unknown: str = ""
    predicted: str = ""
    assumed: tuple[str, ...] = ()

    @property
    def refused(self) -> str:
        """Why it does not arrive, "" where it does, or where that is not known."""
        return self.arrival.refused if self.arrival is not None else ""

    def changes(self, part: str) -> tuple[Change, ...]:
        """Of one of PARTS."""
        changes = self.arrival.changes if self.arrival is not None else ()
        return tuple(change for change in changes if change.category == part)

    @property
    def as_before(self) -> tuple[str, ...]:
        """Those of PARTS that it finds as they were; none where it does not arrive."""
        if self.arrival is None or self.refused:
            return ()
        return tuple(part for part in PARTS if not self.changes(part))


def move(vm: Vm, member: Member) -> Move | None:
    """None where no guest takes anything along: the VM boots there, is there already, or the host
    runs no such guests.
    """
    if vm.seen is None or vm.guest not in member.offers or vm.here(member):
        return None
    known = Move(unknown=_VM_UNKNOWN)
    policy = vm.policy
    if policy is None and vm.started is not None:
        policy, known = _started(vm, vm.started)
    if policy is None:
        return known
    from ..guests.arrival import arrive  # pools of records do without whole policies
    from ..guests.limits import carried

    if not vm.origin and not carried(member.release.name):
        return Move(unknown=_ORIGIN_UNKNOWN)
    xen = member.hypervisor()
    if xen is None:
        return Move(unknown=_HOST_UNKNOWN)
    origin = release(vm.origin) if vm.origin else None
    arrival = arrive(policy, xen, _settings(vm, policy, xen), origin=origin)
    all_assumed = dict.fromkeys((*known.assumed, *assumed(xen, member)))
    return evolve(known, arrival=arrival, unknown="", assumed=tuple(all_assumed))


def moves(pairs: Iterable[tuple[Vm, Member]]) -> Iterator[Move | None]:
    """Of each VM to its host, in order; VMs that are alike are looked at once for each host."""
    known: dict[object, Move | None] = {}
    for vm, member in pairs:
        key = (_kind(vm), member.name, vm.here(member))
        if key not in known:
            known[key] = move(vm, member)
        yield known[key]


def _kind(vm: Vm) -> object:
    """What becomes of a VM depends on this and on the host, whose name is its own."""
    policy = vm.policy
    has = (tuple(policy.leaves.items()), tuple(policy.msrs.items())) if policy else ()
    started = vm.started.name if vm.started is not None else None
    return (vm.guest, vm.runs_as, vm.seen, vm.features, vm.origin, started, has)


def _started(vm: Vm, host: Member) -> tuple[Policy | None, Move]:
    """The policy that the VM has where it was started, and how that is known; else why not."""
    xen = host.hypervisor()
    if xen is None:
        return None, Move(unknown=f"{_VM_UNKNOWN}, nor are the policies of {host.name}")
    from ..guests.domain import Refusal
    from ..guests.start import started
    from ..guests.toolstacks import Settings, usual

    level = None if vm.features == host.boot(vm.guest) else vm.features
    toolstack = usual(xen)
    try:
        policy = started(xen, Settings(type=_type(vm), featureset=level), toolstack).domain.policy
    except Refusal as refusal:
        return None, Move(unknown=f"{_NOT_BUILT}: {refusal}")
    how = "with that featureset" if level is not None else "with its defaults"
    predicted = f"as {toolstack} starts it on {host.name} {how}"
    return policy, Move(predicted=predicted, assumed=assumed(xen, host))


def assumed(xen: Hypervisor, member: Member) -> tuple[str, ...]:
    """What is taken as true of guests there, beside what is said of the host itself."""
    return tuple(f"{member.name}: {note}" for note in xen.notes if note not in member.notes)


def _settings(vm: Vm, policy: Policy, xen: Hypervisor) -> Settings:
    """How it is created anew: to run virtual machines itself where it sees that it may. xapi says
    what it remembers, which counts where the stream carries no policy.
    """
    from ..cpuid.statements import in_leaves
    from ..guests.toolstacks import XAPI, Settings, usual

    features = in_leaves(policy, xen.release)
    nested = any(
        feature.number in features
        for name in NESTED
        if (feature := xen.release.features.get(name)) is not None
    )
    level = vm.features if usual(xen) == XAPI else None
    return Settings(type=_type(vm), nested=nested, featureset=level)


def _type(vm: Vm) -> str:
    if vm.guest is GuestType.PV:
        return "pv"
    return "hvm" if vm.runs_as in ("", "HVM") else "pvh"
