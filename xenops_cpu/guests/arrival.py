"""What a VM that runs finds changed where it arrives: after a live migration or a resume.

From 4.14 on a stream carries the policy, and Xen takes it as it is: it refuses limits, and cuts
features, address width and saved state to what the host has, without a word to anybody. A stream of
4.13 or older has none, so the toolstack makes a new one. MSR 10ah goes with a stream, never with a
featureset.
"""

from __future__ import annotations

from typing import NamedTuple

from attrs import evolve

from ..cpuid.policy import Policy
from ..cpuid.slots import slots
from ..cpuid.table import whole
from ..features.release import Release
from . import limits, setting, toolstacks
from .changes import Change, changes
from .domain import Domain, Refusal
from .hypervisor import Hypervisor
from .start import start
from .toolstacks import Settings

_TOO_NEW = (
    "its libxc reads streams of version 2 only, and that is what Xen 4.13 and older write: no VM "
    "comes here from a newer one"
)
_NOT_CARRIED = "the stream does not say it: it is as this host has it"
_THE_HOSTS = "the stream carries no policy: it is as this host gives it to a new guest"


class Arrival(NamedTuple):
    """`domain`: as it is on the host; what it was created with where its policy is refused, None
    where it is not even created. `refused`: why it does not arrive, "" where it does; `refusal`:
    Xen's answer, where it was Xen's. `changes`: what it has other than before; of a refused one
    none. `carried`: its policy came with the stream.
    """

    domain: Domain | None
    changes: tuple[Change, ...] = ()
    refused: str = ""
    refusal: Refusal | None = None
    carried: bool = True

    @property
    def lost(self) -> tuple[Change, ...]:
        """What a guest may count on and no longer has."""
        return tuple(change for change in self.changes if change.lost)


def arrive(
    policy: Policy,
    xen: Hypervisor,
    settings: Settings | None = None,
    *,
    origin: Release | None = None,
    toolstack: str = "",
) -> Arrival:
    """A VM with this policy, sent from a host of release `origin` (None: as new as this one).

    Leaves that it does not name although its limits have them are empty, as in xen-cpuid's text.
    `settings`: how it is created here, and what a toolstack asks for where the stream says nothing;
    `toolstack` "": the usual one of the host. No exception where it is refused.
    """
    settings, toolstack = settings or Settings(), toolstack or toolstacks.usual(xen)
    origin = origin or xen.release
    policy = whole(policy, slots(origin))
    carried = limits.carried(origin.name)
    if carried and not limits.carried(xen.release.name):
        return Arrival(None, refused=_TOO_NEW)
    if not carried:
        return _made_anew(policy, xen, settings, toolstack)
    try:
        created = setting.create(xen, toolstacks.config(settings, toolstack))
    except Refusal as refusal:
        return Arrival(None, refused=str(refusal), refusal=refusal)
    try:
        domain = setting.set_policy(created, *setting.entries(policy))
    except Refusal as refusal:
        return Arrival(created, refused=str(refusal), refusal=refusal)
    return Arrival(domain, changes(policy, domain, _NOT_CARRIED))


def _made_anew(policy: Policy, xen: Hypervisor, settings: Settings, toolstack: str) -> Arrival:
    """The toolstack sets what it would set at a start, less what old Xen did not know."""
    try:
        start_again = start(xen, evolve(settings, restore=True), toolstack)
    except Refusal as refusal:
        return Arrival(None, refused=str(refusal), refusal=refusal, carried=False)
    if start_again.refusal is not None:
        refused = str(start_again.refusal)
        return Arrival(
            start_again.domain, refused=refused, refusal=start_again.refusal, carried=False
        )
    return Arrival(
        start_again.domain, changes(policy, start_again.domain, _THE_HOSTS), carried=False
    )
