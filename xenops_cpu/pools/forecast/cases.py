"""VMs as cases: who refuses them, now and then; VMs that are the same case are looked at once."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve, frozen

from ...features.featureset import Featureset
from ..member import Member
from ..verdict import Answer, check, impossible, refusals
from ..vm import Vm
from .course import Case
from .pool import PoolUpdate, bits


@frozen
class Group:
    """VMs that are one case: they may be at the same places and have seen the same."""

    case: Case
    vms: tuple[Vm, ...]

    @property
    def vm(self) -> Vm:
        """One of them, for all."""
        return self.vms[0]


class Cases:
    """Makes cases, each question of VM and host asked once."""

    def __init__(self, pool: PoolUpdate) -> None:
        self.pool = pool
        self.places = {
            host.before.uuid: place for place, host in enumerate(pool.hosts) if host.before.uuid
        }
        self._known: dict[object, tuple[int, int]] = {}
        # Hosts that answer alike are asked once: one of them, who they are now, and then.
        self._kinds: list[tuple[Member, int, int]] = []
        # For each place, which kind its host is now, and then.
        self._kind_at: list[list[int]] = []
        numbers: dict[object, int] = {}
        for place, host in enumerate(pool.hosts):
            at = []
            for then, member in enumerate((host.before, host.after)):
                kind = numbers.setdefault(_kind_of_member(member), len(numbers))
                if kind == len(self._kinds):
                    self._kinds.append((member, 0, 0))
                first, now, later = self._kinds[kind]
                bit = 1 << place
                self._kinds[kind] = (first, now | bit * (not then), later | bit * then)
                at.append(kind)
            self._kind_at.append(at)
        self._answers: dict[object, Answer] = {}

    def group(self, vms: Iterable[Vm]) -> list[Group]:
        """The VMs that run, in order of their first appearance."""
        groups: dict[object, list[Vm]] = {}
        cases: dict[object, Case] = {}
        for vm in vms:
            if vm.halted or vm.suspended:
                continue
            case = self.case(vm)
            key = (case, kind_of(vm))
            groups.setdefault(key, []).append(vm)
            cases[key] = case
        return [Group(cases[key], tuple(same)) for key, same in groups.items()]

    def case(self, vm: Vm, places: int | None = None) -> Case:
        """`places` None: where the VM is, as far as it is told."""
        if places is None:
            home = self.places.get(vm.home)
            untold = self.pool.every_place if self.pool.untold is None else self.pool.untold
            places = untold if home is None else 1 << home
        return Case(self.refusing(vm), places, vm.bound)

    def refusing(self, vm: Vm) -> tuple[int, int]:
        """The hosts that refuse the VM as they are, and as they will be."""
        kind = kind_of(vm)
        known = self._known.get(kind)
        if known is None:
            now = then = 0
            for member, are_now, are_then in self._kinds:
                if not takes(member, vm):
                    now, then = now | are_now, then | are_then
            known = self._known[kind] = (now, then)
        return known

    def answer(self, place: int, updated: int, vm: Vm) -> Answer:
        """What a VM that is not bound lacks on the host of a place, in words.

        Names are the newest release's: an old host has none for what it lacks.
        """
        kind = self._kind_at[place][updated >> place & 1]
        key = (kind, kind_of(vm))
        member = self.pool.member(place, updated)
        known = self._answers.get(key)
        if known is None:
            answer = check(vm, member)
            xen = self.pool.xen
            missing = (evolve(lack, name=xen.label(lack.number)) for lack in answer.missing)
            known = self._answers[key] = evolve(answer, missing=tuple(missing))
        return evolve(known, vm=vm, host=member)

    def alike(self, places: int, updated: int) -> list[list[int]]:
        """The hosts of a mask by kind, in order of their first."""
        kinds: dict[int, list[int]] = {}
        for place in bits(places):
            kinds.setdefault(self._kind_at[place][updated >> place & 1], []).append(place)
        return list(kinds.values())


def takes(member: Member, vm: Vm) -> bool:
    """Whether xapi's check lets the VM in, were it not bound to its host."""
    free = evolve(vm, immobile="")
    if vm.seen is None:
        return vm.guest in member.offers
    if impossible(free, member) or refusals(free, member):
        return False
    return vm.seen <= member.migration(vm.guest)


def _kind_of_member(member: Member) -> object:
    """All that a host's answers depend on, but for the words of its reasons."""
    return (
        member.vendor, member.release.name, tuple(member.offers.items()),
        tuple(member.limits.items()),
    )  # fmt: skip


def restarted(vm: Vm, words: Featureset, vendor: str) -> Vm:
    """A VM that runs, once it has booted with these words."""
    return evolve(
        vm, features=words, stored=None, vendor=vendor, limits=None, policy=None, origin=""
    )  # fmt: skip


def kind_of(vm: Vm) -> object:
    """All that the hosts' answers depend on, and what a restart would change."""
    own = vm.own and vm.own.bits
    return (vm.guest, vm.seen, vm.stored, vm.vendor, vm.limits, vm.origin, own, vm.immobile)
