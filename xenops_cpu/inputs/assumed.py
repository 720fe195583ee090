"""Which CPU a host has of which only xapi's record is known: a shipped one, assumed.

xapi keeps the model's name and its signature, not CPUID. A shipped CPU of that name (else of that
family, model and stepping) stands for it, with that microcode whose sets under the host's Xen are
nearest to those of the record: a record does not tell its microcode either. Reasons for bits are
told by it too, where it agrees with the record.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache

from attrs import evolve, frozen

from ..cpus import microcode, shipped, updates, wish
from ..cpus.params import options_of
from ..cpus.shipped import Instance, Shipped, UnknownCpu
from ..cpus.wish import Wish, WishError
from ..derivation import DERIVED_RELEASES, Derivation, derived_release
from ..errors import Error, InputError
from ..explain.reasons import NOT_KNOWN
from ..explain.reasons import reasons as known_reasons
from ..features.release import Release
from ..hosts.host import UNKNOWN, Featuresets, Host, Processor
from ..pools.member import Explain
from ..sources.simulated import Simulated, Subject, other_cpu

# What tells one CPU from another; the clock's speed and Linux's flags do not.
_TELLING = ("vendor", "modelname", "family", "model", "stepping")
# The sets that xapi keeps of a host.
_KEPT = ("pv_default", "hvm_default", "pv_max", "hvm_max")


@frozen(eq=False)
class Assumption:
    """`source`: the CPU under the host's present Xen. `differing`: how many bits of the sets that
    the record has are otherwise there. `others`: CPUs and microcode that the record fits as well.
    """

    cpu: Instance
    source: Simulated
    differing: int
    others: tuple[Assumption, ...] = ()

    def __str__(self) -> str:
        fit = "its sets are the same"
        if self.differing:
            fit = f"its sets differ in {self.differing} bits, which are kept as they are"
        return f"as cpu:{self.cpu.id}, assumed ({self.cpu.running.basis}); {fit}"


def assume(host: Host, name: str) -> Assumption:
    """The shipped CPU that stands for the host's. Raises InputError where none does."""
    processor = Processor(**{key: getattr(host.processor, key) for key in _TELLING})
    cmdline = host.xen.commandline
    try:
        return _assume(processor, host.featuresets, host.release.name, cmdline, host.microcode)
    except UnknownCpu as error:
        raise InputError(
            f"of {name} no raw CPU policy is known, and its CPU ({processor.modelname}) is not "
            "among those shipped ('xenops-cpu cpus' lists them), so what another Xen would make of "
            "it cannot be derived; give a capture or what xen-cpuid -p prints, or name what it "
            "will be"
        ) from error


def derivation(host: Host, name: str) -> tuple[Derivation, str] | None:
    """That behind the CPU that stands for the host's, and what to call that; None where none does
    or the host has a raw policy of its own to derive from.
    """
    if "raw" in host.policies or not host.recorded or host.release.name not in DERIVED_RELEASES:
        return None
    with suppress(Error):
        assumption = assume(host, name)
        return _derivation(assumption), f"as on cpu:{assumption.cpu.id}, assumed"
    return None


def reasons(host: Host, name: str) -> Explain:
    """Why a bit of a host is as it is, as far as the CPU that stands for its own agrees with the
    record; "" where nobody can know. That CPU is looked for, and derived, at once.
    """
    stand_in = derivation(host, name)
    known = None if stand_in is None else known_reasons(host, lambda: stand_in[0])
    if stand_in is None or known is None:
        return lambda set_name, number: ""

    def why(set_name: str, number: int) -> str:
        text = known(set_name, number)
        return "" if text in ("", NOT_KNOWN) else f"{text} ({stand_in[1]})"

    return why


@lru_cache(maxsize=256)
def _assume(
    processor: Processor, sets: Featuresets, release: str, cmdline: str, revision: int | None
) -> Assumption:
    """For hosts that are alike once. Raises UnknownCpu."""
    xen = derived_release(release)
    candidates = []
    for cpu in _candidates(processor, revision):
        source = _source(cpu, xen, cmdline)
        candidates.append(Assumption(cpu, source, _differing(sets, source)))
    best = min(candidates, key=lambda candidate: candidate.differing)
    others: list[Assumption] = []
    for candidate in candidates:
        if candidate.differing == best.differing and not any(
            _alike(candidate.cpu, known.cpu) for known in (best, *others)
        ):
            others.append(candidate)
    return evolve(best, others=tuple(others))


@lru_cache(maxsize=64)
def _derivation(assumption: Assumption) -> Derivation:
    return assumption.source.explained()[1]


def _alike(cpu: Instance, other: Instance) -> bool:
    """Whether no Xen can tell them apart by CPUID and registers."""
    return cpu.cpu.leaves == other.cpu.leaves and cpu.cpu.msrs == other.cpu.msrs


def _candidates(processor: Processor, revision: int | None) -> Iterator[Instance]:
    """The CPUs of that name with each microcode that changes something; today's first."""
    for cpu in _shipped(processor):
        if revision is not None:
            wishes = [Wish("revision", f"0x{revision:x}", revision=revision)]
        else:
            wishes = [wish.NEWEST, wish.AS_DUMPED, *_revisions(cpu)]
        for candidate in wishes:
            try:
                yield shipped.find(cpu.id, candidate)
            except WishError:
                continue
        if revision is not None:
            yield shipped.find(cpu.id, wish.NEWEST)


def _revisions(cpu: Shipped) -> list[Wish]:
    timeline = microcode.timeline(cpu.cpu.vendor, cpu.cpu.signature)
    if timeline is None or not timeline.lines:
        return []
    changes = updates.events(timeline, timeline.line(cpu.microcode))
    return [
        Wish("revision", f"0x{event.revision:x}", revision=event.revision)
        for event in reversed(changes)
    ]


def _shipped(processor: Processor) -> list[Shipped]:
    """By name, else by signature. Raises UnknownCpu."""
    if processor.modelname != UNKNOWN:
        try:
            return [shipped.find(processor.modelname, wish.AS_DUMPED).shipped]
        except UnknownCpu:
            pass  # a newer part, or one of another clock: its signature may be there
    signature = (processor.vendor, processor.family, processor.model, processor.stepping)
    alike = [cpu for cpu in shipped.every() if _signature(cpu) == signature]
    if not alike:
        raise UnknownCpu(f"no shipped CPU is of {processor.modelname}'s family and model")
    return alike


def _signature(cpu: Shipped) -> tuple[str, ...]:
    return (cpu.cpu.vendor, *map(str, (cpu.cpu.family, cpu.cpu.model, cpu.cpu.stepping)))


def _source(cpu: Instance, xen: Release, cmdline: str) -> Simulated:
    options = options_of({**cpu.params, **({"cmdline": cmdline} if cmdline else {})})
    subject: Subject = other_cpu(cpu.cpu, cpu.notes)
    return Simulated(subject, xen, options)


def _differing(sets: Featuresets, source: Simulated) -> int:
    try:
        derived = source.read().featuresets
    except Error as error:
        raise InputError(str(error)) from error
    count = 0
    for name in _KEPT:
        recorded, simulated = sets.named(name), derived.named(name)
        if recorded is not None and recorded.length and simulated is not None:
            count += (recorded.bits ^ simulated.bits).bit_count()
    return count
