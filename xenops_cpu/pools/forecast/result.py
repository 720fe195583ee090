"""What a forecast says."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from attrs import frozen

from ...features.featureset import Featureset
from ...interface import GuestType
from ..verdict import Answer
from ..vm import Vm
from .levels import NoReturn, Trap
from .pool import PoolUpdate
from .remedies import Way


class Outcome(Enum):
    """Whether the update goes through; `MAY_STOP`: that depends on where VMs are put meanwhile."""

    GOES_THROUGH = "goes through"
    MAY_STOP = "may stop"
    STOPS = "stops"


# What is not looked at; any of it can stop an evacuation or a start as well.
UNSEEN = (
    "memory, and how VMs are spread over the hosts",
    "storage, networks, and whether every host has them",
    "GPUs, PCI, USB and SR-IOV devices of VMs",
    "more vCPUs than a host has CPUs",
    "high availability, workload balancing, licences, blocked operations, guest agents",
    "what the tool that drives the update does itself: its order, its waits, VMs it moves back",
    "CPUID's highest leaves, and registers that no featureset shows",
    "VMs that start, restart or move meanwhile, but for those told of",
    "hosts that leave the pool or whose toolstack restarts meanwhile: the level changes then",
)


@frozen
class Refusal:
    """Targets that refuse a VM for the same reasons; `answer` is that of the first."""

    hosts: tuple[str, ...]
    answer: Answer


@frozen
class Stuck:
    """VMs that cannot leave a step's host. `certain`: they are there in every run that comes so
    far; else they may have been put elsewhere. `refusals` is empty where no target is to blame:
    `problem` says why.
    """

    vms: tuple[Vm, ...]
    certain: bool
    refusals: tuple[Refusal, ...]
    problem: str = ""


@frozen
class Change:
    """What the level of a guest type loses and gains with a step, by name."""

    guest: GuestType
    level: Featureset
    lost: tuple[str, ...]
    gained: tuple[str, ...]


@frozen
class Step:
    """One host's turn, numbered from 1: whom its evacuation asks, who cannot leave, and the pool's
    level once the host has started again.
    """

    number: int
    host: str
    targets: tuple[str, ...]
    stuck: tuple[Stuck, ...]
    changes: tuple[Change, ...]


@frozen
class Cycle:
    """VMs of the set to power-cycle: each of them stops the update alone. `ways`: the easiest
    first; `way` is that. `certain`: they stop every run.
    """

    vms: tuple[Vm, ...]
    certain: bool
    ways: tuple[Way, ...]

    @property
    def way(self) -> Way:
        return self.ways[0]


@frozen
class Besides:
    """What lets all other VMs through where some are bound to their host and have to be shut down
    whatever is done: another order, or hosts to switch off as targets, as in Forecast.
    """

    bound: tuple[Vm, ...]
    other_order: tuple[str, ...] | None
    switched_off: Mapping[int, tuple[str, ...]] | None


@frozen
class Sleeper:
    """Suspended VMs that fewer hosts will take in: those that do now, and when all is done."""

    vms: tuple[Vm, ...]
    now: tuple[str, ...]
    then: tuple[str, ...]
    answer: Answer


@frozen
class Forecast:
    """`order`: of the hosts, as `steps` go. `stops_at`: the number of the first step at which a VM
    may be stuck, None if none is; `certainly_by`: of that by which every run has stopped, None if
    some goes on.

    `other_order`: one in which nothing stops, where there is one and the usual has stops;
    `every_order_tried`: there is none without it. `switched_off`: by the step's number, hosts to
    switch off as targets for its evacuation, with which nothing stops; None where that does not
    help. `besides`: the same for all but VMs that are bound to their host, None where there are
    none or it does not help. `vms_looked_at`: those that run; 0: VMs started at the present level
    stand for them.
    """

    pool: PoolUpdate
    outcome: Outcome
    order: tuple[str, ...]
    steps: tuple[Step, ...]
    stops_at: int | None
    certainly_by: int | None
    cycles: tuple[Cycle, ...]
    other_order: tuple[str, ...] | None
    every_order_tried: bool
    switched_off: Mapping[int, tuple[str, ...]] | None
    traps: tuple[Trap, ...]
    no_return: tuple[NoReturn, ...]
    sleepers: tuple[Sleeper, ...]
    vms_looked_at: int
    besides: Besides | None = None

    @property
    def power_cycle(self) -> tuple[Vm, ...]:
        """The smallest set of VMs without which nothing stops."""
        return tuple(vm for cycle in self.cycles for vm in cycle.vms)
