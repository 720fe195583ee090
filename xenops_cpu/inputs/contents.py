"""What a text has: parts of hosts, whole hosts, VMs, a featureset, a policy, events of a log."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from ..cpuid.policy import Policy
from ..features.featureset import Featureset
from ..hosts.parts import Parts
from ..pools.vm import Vm
from .records.collected import Collected
from .value import NamedHost, Stored
from .xapi_log import Event


@frozen
class Contents:
    """What a text has. `parts`: of one host or, with names, of several; `hosts`: whole ones.
    `hw_caps`: as in Input; `names`, `unknown` and `generation`: as in Collected; `letters`: how
    many characters of texts are kept.
    """

    parts: tuple[Parts, ...] = ()
    hosts: tuple[NamedHost, ...] = ()
    vms: tuple[Vm, ...] = ()
    stored: tuple[Stored, ...] = ()
    left_out: Mapping[str, int] = field(factory=dict)
    featureset: Featureset | None = None
    policy: Policy | None = None
    names: Mapping[str, str] = field(factory=dict)
    hw_caps: Featureset | None = None
    generation: int = 0
    letters: int = 0
    events: tuple[Event, ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, collected: Collected) -> Contents:
        return cls(
            tuple(collected.hosts),
            vms=tuple(collected.vms),
            stored=tuple(collected.stored),
            left_out=collected.left_out,
            names=collected.names,
            generation=collected.generation,
            letters=collected.room.letters,
            unknown=tuple(collected.unknown),
        )
