"""What to know beside a verdict, and what to do where it is no: notes and remedies, in words.

None names the VM or the host, so that what holds for many pairs can be told once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..interface import Verdict
from . import obstacles
from .grade import GRADES
from .lack import Lack
from .member import Member
from .vm import TOPOLOGY, Vm, wrong_kind

# What to know of a VM with a featureset of its own, wherever it goes.
OWN = (
    "its platform:featureset is set: it boots with that instead of the pool's level, and a restart "
    "changes nothing as long as it is there"
)
REMOVE_OWN = "xe vm-param-remove param-name=platform param-key=featureset"


def notes(vm: Vm, member: Member, costless: Sequence[str]) -> Iterator[str]:
    """Of a VM that takes features along. `costless`: names of those that the host takes in though
    it does not give them at boot, and that cost nothing.
    """
    if topology := [name for name in costless if name in TOPOLOGY]:
        yield (
            "of the guest's own topology, which this host does not give at boot: "
            f"{' '.join(topology)}"
        )
    if levelled := [name for name in costless if name not in TOPOLOGY]:
        yield (
            "taken in though not given at boot, because hosts of a pool may differ in it: "
            f"{' '.join(levelled)}"
        )
    strange = wrong_kind(vm, member.release)
    if strange:
        yield (
            "the record is no PV featureset, for Xen offers these to HVM guests only: "
            f"{' '.join(member.release.names(strange))}; was the VM's domain type changed?"
        )
    yield from own(vm, member)
    if vm.limits is None or vm.guest not in member.limits:
        yield "the highest CPUID leaves were not compared: no policy is known"
    yield from obstacles.of_stream(vm, member)
    if not vm.vendor or not member.vendor:
        yield "the vendors were not compared: one is not known"


def own(vm: Vm, member: Member) -> Iterator[str]:
    """Of a VM with a featureset of its own."""
    if vm.own is None:
        return
    yield OWN
    beyond = vm.own - member.migration(vm.guest)
    if beyond:
        yield f"of that it would not get here: {' '.join(member.release.names(beyond))}"


def remedies(vm: Vm, member: Member, verdict: Verdict, lacking: Sequence[Lack]) -> list[str]:
    """What would let the VM in. `lacking`: the features that are missing."""
    if GRADES[verdict].allowed:
        return []
    if vm.guest not in member.offers:
        return [f"choose a host that runs {vm.guest.name} guests"]
    ways: list[str] = []
    # Where the VM cannot go for another reason, what would bring a feature is no help.
    if verdict is not Verdict.IMPOSSIBLE:
        ways += dict.fromkeys(item.remedy for item in lacking if item.remedy)
    if lacking and all(item.compatibility for item in lacking):
        ways.append(
            "what is missing are bits of old records only: forcing the migration is harmless as "
            "far as they go"
        )
    if vm.own is not None:
        ways.append(
            f"take its own featureset away first ({REMOVE_OWN}), else a restart brings it back"
        )
    ways.append("shut it down and start it on this host: it then gets what is given here")
    return ways
