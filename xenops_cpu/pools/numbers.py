"""The numbers that no level has: highest leaves, address widths, sizes, as VMs have them by host.

xapi levels features alone; so does xl, but for what a person writes in cpuid=. A VM that boots
where a number is larger meets the smaller one when it moves: guests.numbers says what becomes of
it.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from ..cpuid.policy import Policy
from ..features.featureset import Featureset
from ..guests.domain import Refusal
from ..guests.hypervisor import Hypervisor
from ..guests.numbers import Number, numbers
from ..guests.start import started
from ..guests.toolstacks import Settings, usual
from ..interface import GuestType
from .arrival import assumed
from .member import Member


@frozen
class Numbers:
    """`numbers`: of the hosts whose policies are known. `unknown`: the other hosts that run such
    guests, by name. `assumed`: sentences.
    """

    numbers: tuple[Number, ...] = ()
    unknown: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """Whether there are hosts to compare."""
        return any(len(number.values) > 1 for number in self.numbers)

    @property
    def differing(self) -> tuple[Number, ...]:
        return tuple(number for number in self.numbers if not number.same)


def of_level(level: Featureset, members: Iterable[Member], guest: GuestType) -> Numbers:
    """What VMs have that boot with a level on each host, PVH guests as HVM."""
    policies: dict[str, Policy] = {}
    unknown: list[str] = []
    notes: list[str] = []
    for member in members:
        if guest not in member.offers:
            continue
        xen = member.hypervisor()
        policy = _policy(xen, level, guest) if xen is not None else None
        if xen is None or policy is None:
            unknown.append(member.name)
        else:
            policies[member.name] = policy
            notes += assumed(xen, member)
    return Numbers(numbers(policies), tuple(unknown), tuple(notes))


def _policy(xen: Hypervisor, level: Featureset, guest: GuestType) -> Policy | None:
    """None where no VM is built so."""
    settings = Settings(type=guest.name.lower(), featureset=level)
    try:
        return started(xen, settings, usual(xen)).domain.policy
    except Refusal:
        return None
