"""Whether a VM has a feature, and how that goes with what a host gives."""

from __future__ import annotations

from attrs import frozen

from ..features.featureset import WORD_BITS
from ..pools.member import Member
from ..pools.vm import Vm


@frozen
class Presence:
    """`present` None: not told. `why`: in a sentence, "" where nothing is known beside it."""

    vm: Vm
    present: bool | None
    why: str = ""


def presence(vm: Vm, number: int, host: Member | None = None) -> Presence:
    """Whether the VM has feature `number`; with the host that it is on, or may go to, also why."""
    features = vm.features
    if features is None:
        return Presence(vm, None, "it has seen no features yet")
    if vm.policy is None and number >= features.length * WORD_BITS:
        return Presence(vm, None, f"its record has {features.length} words only")
    present = number in features
    return Presence(vm, present, "" if host is None else _why(vm, number, present, host))


def _why(vm: Vm, number: int, present: bool, host: Member) -> str:
    guests = f"{vm.guest.name} guests"
    if vm.guest not in host.offers:
        return f"the host runs no {guests}"
    if number in host.boot(vm.guest):
        left_out = ": a pool's level or its configuration left it out, or it was started elsewhere"
        return f"the host gives it to new {guests}{'' if present else left_out}"
    if number in host.migration(vm.guest):
        came = ": the VM's configuration asked for it, or the VM came with it"
        return (
            f"the host gives it to no new {guests} by itself, and takes it in"
            f"{came if present else ''}"
        )
    cleared = ": where such a VM arrives, Xen clears it"
    return f"the host does not offer it to {guests}{cleared if present else ''}"
