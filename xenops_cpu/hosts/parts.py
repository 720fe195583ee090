"""What texts tell of one host, each a part of it, and the host that the parts make.

A bug report has the sets in one file, the policies in another, Xen's version in a third. What
nobody told stays open: UNTOLD for a set, a note for a person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, field, frozen

from ..cpuid.cpu import CpuError, cpu_of
from ..cpuid.policy import Policy
from ..cpuid.words import policy_featureset
from ..features.featureset import Featureset
from ..features.fit import fit
from ..features.release import RELEASES, Release, release
from .host import (
    NO_IOMMU,
    NO_SETS,
    NOT_TOLD,
    SETS,
    UNKNOWN,
    UNTOLD,
    Featuresets,
    Host,
    Processor,
    Topology,
    Xen,
)
from .membership import NO_POOL, Membership
from .moment import UNKNOWN_MOMENT, Moment

FROM_POLICIES = (
    "sets are made from the policies: what Xen has in leaves beyond a policy's highest (VERW_CLEAR "
    "on AMD) does not show"
)
_NOT_COUNTED = Topology(cpu_count=0, socket_count=0, threads_per_core=0, nr_nodes=0)


@frozen
class Parts:
    """`sets` and `policies` are by the names of Featuresets; "" and None: not told.

    `known` are the masks of the Xen that printed the sets, as far as it prints them. `recorded`,
    `microcode`, `moment`, `membership`: as in Host.
    """

    name: str = ""
    uuid: str = ""
    sets: Mapping[str, Featureset] = field(factory=dict)
    policies: Mapping[str, Policy] = field(factory=dict)
    known: Mapping[str, Featureset] = field(factory=dict)
    version: str = ""
    capabilities: str = ""
    commandline: str = ""
    processor: Processor | None = None
    topology: Topology | None = None
    iommu: bool | None = None
    hvm: bool | None = None
    notes: tuple[str, ...] = ()
    recorded: bool = False
    microcode: int | None = None
    moment: Moment = UNKNOWN_MOMENT
    membership: Membership = NO_POOL

    def __or__(self, other: Parts) -> Parts:
        """Both; where both tell the same thing, this one's word counts.

        Xen's own sets count before those of a record: the two are never mixed.
        """
        merged = {
            name: getattr(self, name) or getattr(other, name)
            for name in ("name", "uuid", "known", "version", "capabilities", "commandline")
        }
        merged |= {
            name: getattr(other if getattr(self, name) is None else self, name)
            for name in ("processor", "topology", "iommu", "hvm", "microcode")
        }
        sets: Mapping[str, Featureset] = {**other.sets, **self.sets}
        recorded = self.recorded or other.recorded
        if self.sets and other.sets and self.recorded != other.recorded:
            sets, recorded = (other if self.recorded else self).sets, False
        return Parts(
            sets=sets,
            policies={**other.policies, **self.policies},
            notes=tuple(dict.fromkeys((*self.notes, *other.notes))),
            recorded=recorded,
            moment=self.moment if self.moment != UNKNOWN_MOMENT else other.moment,
            membership=self.membership | other.membership,
            **merged,
        )

    @property
    def a_host(self) -> bool:
        """Whether this is enough to speak of a host: some set or policy."""
        return bool(self.sets or self.policies)


def host(parts: Parts, origin: str, assumed: Release | None = None) -> Host:
    """The host that the parts make; its notes say what was not told.

    `assumed`: whose names and rules count where the parts do not say which Xen it is.
    """
    version, notes = parts.version, list(parts.notes)
    if not version and (name := _release_with(parts.known)):
        version = release(name).version
        notes.append(f"the version of Xen is taken from its static sets: {release(name).title}'s")
    if not version and assumed is not None:
        version = assumed.version
    length = max((known.length for known in parts.sets.values()), default=0)
    fitting = fit(version, length)
    xen = fitting.release
    if fitting.note and (length or parts.policies):
        notes.append(fitting.note)
    if fitting.differs:
        notes.append(fitting.differs)
    elif not version and parts.policies:
        notes.append(f"the version of Xen is not told: words are those of {xen.title}")
    sets = dict(parts.sets)
    for name in SETS:
        if name not in sets and name in parts.policies:
            sets[name] = policy_featureset(parts.policies[name], xen)
    if len(sets) > len(parts.sets):
        notes.append(FROM_POLICIES)
    hvm = parts.hvm
    if hvm is None:
        hvm = "hvm" in parts.capabilities or any(sets.get(f"hvm_{k}") for k in ("default", "max"))
    notes += _untold(parts, sets, xen)
    return Host(
        origin=origin,
        xen=Xen(version or UNKNOWN, parts.capabilities, parts.commandline),
        processor=parts.processor or _processor(parts.policies),
        topology=parts.topology or _NOT_COUNTED,
        iommu=bool(parts.iommu),
        hvm=hvm,
        featuresets=Featuresets(
            raw=sets.get("raw", UNTOLD),
            host=sets.get("host", UNTOLD),
            pv_default=sets.get("pv_default", UNTOLD),
            hvm_default=sets.get("hvm_default", UNTOLD),
            pv_max=sets.get("pv_max"),
            hvm_max=sets.get("hvm_max"),
        ),
        policies={
            name: parts.policies[name]
            for name in SETS
            if name in parts.policies and parts.policies[name].leaves
        },
        notes=tuple(notes),
        uuid=parts.uuid,
        recorded=parts.recorded,
        name=parts.name,
        microcode=parts.microcode,
        moment=parts.moment,
        membership=parts.membership,
    )


def of_host(read: Host) -> Parts:
    """The parts that a host is made of, to be put beside what others tell of it.

    Without the notes that host() makes: they are made anew from all that is told then.
    """
    sets = {name: read.featuresets.named(name) for name in SETS}
    counted = bool(read.topology.cpu_count)
    parts = Parts(
        name=read.name,
        uuid=read.uuid,
        sets={name: parts for name, parts in sets.items() if parts is not None and parts.length},
        policies=read.policies,
        version="" if read.xen.version == UNKNOWN else read.xen.version,
        capabilities=read.xen.capabilities,
        commandline=read.xen.commandline,
        processor=read.processor if read.vendor else None,
        topology=read.topology if counted else None,
        # Who does not count CPUs asked neither xl nor Xen: what a host has beside them is not told.
        iommu=read.iommu if counted else None,
        hvm=read.hvm if not read.recorded else None,
        recorded=read.recorded,
        microcode=read.microcode,
        moment=read.moment,
        membership=read.membership,
    )
    anew = set(host(parts, read.origin).notes)
    kept = (note for note in read.notes if note not in anew and not note.startswith(NOT_TOLD))
    return evolve(parts, notes=tuple(kept))


def _untold(parts: Parts, sets: Mapping[str, Featureset], xen: Release) -> Iterator[str]:
    names = SETS if xen.has_max else SETS[:4]
    missing = [name for name in names if name not in sets]
    if len(missing) == len(names):
        yield NO_SETS
    elif missing:
        yield f"{NOT_TOLD}the sets {', '.join(missing)}"
    if parts.topology is None:
        yield f"{NOT_TOLD}the counts of CPUs and sockets"
    if parts.iommu is None:
        yield NO_IOMMU


def _release_with(masks: Mapping[str, Featureset]) -> str | None:
    """The release with these masks; of several that have the same, the oldest."""
    if not masks:
        return None
    for name in RELEASES:
        there = release(name).masks
        if all(there.get(key) == mask for key, mask in masks.items()):
            return name
    return None


def _processor(policies: Mapping[str, Policy]) -> Processor:
    """What CPUID itself says, where a policy has it."""
    for name in ("raw", "host"):
        if name in policies:
            try:
                cpu = cpu_of(policies[name])
            except CpuError:
                continue
            return Processor.of(cpu)
    return Processor()
