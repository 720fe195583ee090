"""What a Xen release would offer on a CPU: this machine's, one of a dump, or a shipped one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve, field, frozen

from ..cpuid.cpu import Cpu
from ..cpuid.identity import AMD, HYGON
from ..cpuid.policy import Policy
from ..cpus.params import options_of
from ..derivation import Derivation, Options, derive, derived_release
from ..errors import Error
from ..features import point_releases
from ..features.featureset import Featureset
from ..features.release import Release, release
from ..hosts import compat_bits
from ..hosts.host import Featuresets, Host, Processor, Topology, Xen
from . import SourceError

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_RELEASE = "4.17"
# xen/arch/x86/setup.c and hvm/hvm.c, xen_hypercall capabilities: PV, then HVM where it is there.
_PV = "xen-3.0-x86_64 "
_HVM = "hvm-3.0-x86_32 hvm-3.0-x86_32p hvm-3.0-x86_64 "


@frozen
class Subject:
    """The CPU to simulate and what is known around it. `title` names it within a sentence."""

    cpu: Cpu
    title: str
    processor: Processor
    topology: Topology
    notes: tuple[str, ...] = ()


@frozen
class Simulated:
    """Derives anew at each read; this machine's CPU is read anew as well (`subject` None).

    `spelling`: the release as it was asked for, if that was more than a release: a point release
    differs from what is derived.
    """

    subject: Subject | None = None
    xen: Release = field(factory=lambda: release(DEFAULT_RELEASE))
    options: Options = field(factory=Options)
    as_bare_metal: bool = False
    boot_cpuinfo: Path | None = None
    spelling: str = ""

    @property
    def name(self) -> str:
        return "simulated"

    def read(self) -> Host:
        """Raises SourceError."""
        return self.explained()[0]

    def explained(self) -> tuple[Host, Derivation]:
        """The host and the derivation behind its featuresets. Raises SourceError."""
        subject = self.subject or this_machine(self.boot_cpuinfo)
        cpu, notes = subject.cpu, subject.notes
        if self.as_bare_metal:
            from ..cpus import machine

            bare = machine.as_bare_metal(cpu)
            cpu, notes = bare.cpu, (*notes, *bare.notes)
        try:
            derivation = derive(cpu, self.xen, self.options)
        except Error as error:
            raise SourceError(str(error)) from error
        sets = _as_libxc_answers(derivation)
        version = point_releases.named(self.spelling)
        point = point_releases.note(version)
        host = Host(
            origin=f"simulated: what {self.xen.title} would offer on {subject.title}",
            xen=Xen(
                version=version if point else self.xen.version,
                capabilities=_PV + (_HVM if derivation.hvm else ""),
                commandline=self.options.cmdline,
            ),
            processor=subject.processor,
            topology=subject.topology,
            iommu=False,
            hvm=derivation.hvm,
            featuresets=sets,
            policies=SimulatedPolicies(derivation),
            notes=(
                *filter(None, (point,)),
                *notes,
                *derivation.notes,
                *(compat_bits.notes(self.xen, cpu.vendor, sets) if _patched(self.xen) else ()),
                "whether there is an IOMMU is not simulated",
            ),
        )
        return host, derivation


class SimulatedPolicies(Mapping[str, Policy]):
    """The policies of a derived host, made when the first of them is asked for.

    The raw one has, beside what Xen reads, every register that is known of the CPU: the derivation
    can be made anew from it. A release before 4.14 has no maxima.
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation

    @cached_property
    def _system(self) -> Mapping[str, Policy]:
        from ..derivation.policies import system_policies

        return system_policies(self.derivation)

    def __getitem__(self, name: str) -> Policy:
        if name not in tuple(self):
            raise KeyError(name)
        policy = self._system[name]
        if name == "raw":
            return evolve(policy, msrs={**self.derivation.cpu.msrs, **_known(policy)})
        return policy

    def __iter__(self) -> Iterator[str]:
        return (name for name, words in self.derivation.featuresets.items() if words is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __eq__(self, other: object) -> bool:
        """The same derivation has the same policies, so a daemon that compares makes none."""
        if isinstance(other, SimulatedPolicies) and self.derivation == other.derivation:
            return True
        return super().__eq__(other)


def derivation_of(host: Host) -> Derivation | None:
    """That behind the policies of a simulated host; None for others."""
    policies = host.policies
    return policies.derivation if isinstance(policies, SimulatedPolicies) else None


def _known(policy: Policy) -> Mapping[int, int]:
    """Registers that a raw policy has; a zero may stand for one that is not there."""
    return {index: value for index, value in policy.msrs.items() if value}


def this_machine(boot_cpuinfo: Path | None = None) -> Subject:
    """The CPU of this machine. Raises SourceError."""
    from ..cpus import machine
    from ..cpus.instruction import MachineError
    from . import cpuinfo

    try:
        reading = machine.read()
    except MachineError as error:
        raise SourceError(
            error.message, error.remedy or "name a CPU or a dump to simulate instead"
        ) from error
    return Subject(
        cpu=reading.cpu,
        title=f"this machine's CPU ({reading.cpu})",
        processor=cpuinfo.read(boot_cpuinfo),
        topology=machine.topology(),
        notes=reading.notes,
    )


def of_dump(
    cpu: Cpu,
    notes: tuple[str, ...] = (),
    params: Mapping[str, Any] | None = None,
    release: str | None = None,
) -> Simulated:
    """What a release, None for the default one, offers on the CPU of a dump with these `params`.

    Raises ReleaseError, DerivationError, RecordError (of the params).
    """
    return Simulated(
        other_cpu(cpu, notes),
        derived_release(release or DEFAULT_RELEASE),
        options_of(params or {}),
        spelling=release or "",
    )


def other_cpu(cpu: Cpu, notes: tuple[str, ...] = ()) -> Subject:
    """A CPU of which only leaves and registers are known: one socket of it, as CPUID counts."""
    return Subject(
        cpu=cpu,
        title=str(cpu),
        processor=Processor.of(cpu),
        topology=_topology(cpu),
        notes=(*notes, "counts are those of one socket, as CPUID gives them"),
    )


def _topology(cpu: Cpu) -> Topology:
    """From leaf 0bh (Intel SDM, "Extended Topology"); a leaf that is not there counts as one."""
    threads = cpu.leaf(0xB, 0)[1] & 0xFFFF if cpu.max_basic >= 0xB else 0
    count = cpu.leaf(0xB, 1)[1] & 0xFFFF if cpu.max_basic >= 0xB else 0
    if not count and cpu.vendor in (AMD, HYGON) and cpu.max_extended >= 0x80000008:
        count = (cpu.leaf(0x80000008)[2] & 0xFF) + 1
    return Topology(
        cpu_count=max(count, 1), socket_count=1, threads_per_core=max(threads, 1), nr_nodes=1
    )


def _as_libxc_answers(derivation: Derivation) -> Featuresets:
    """The sets as a toolstack gets them: XenServer's libxc adds to the max sets (module compat)."""
    sets, xen = derivation.featuresets, derivation.release
    raw, host = _required(sets, "raw"), _required(sets, "host")
    answers: dict[str, Featureset | None] = {}
    for guest in ("pv", "hvm"):
        name, default = f"{guest}_max", _required(sets, f"{guest}_default")
        answers[name] = own = sets[name]
        if _patched(xen):
            published = compat_bits.published(
                xen, name, derivation.cpu.vendor, raw, host, own or default
            )
            answers[name] = published if default else default  # for guests that cannot be, nothing
    return Featuresets(
        raw=raw,
        host=host,
        pv_default=_required(sets, "pv_default"),
        hvm_default=_required(sets, "hvm_default"),
        pv_max=answers["pv_max"],
        hvm_max=answers["hvm_max"],
    )


def _patched(xen: Release) -> bool:
    return xen.xenserver


def _required(sets: Mapping[str, Featureset | None], name: str) -> Featureset:
    featureset = sets[name]
    assert featureset is not None
    return featureset


__all__ = [
    "DEFAULT_RELEASE",
    "Simulated",
    "Subject",
    "derivation_of",
    "derived_release",
    "of_dump",
    "other_cpu",
    "this_machine",
]
