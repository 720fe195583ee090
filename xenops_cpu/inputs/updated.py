"""A host as it would be under another Xen, with other microcode or boot options, before that is
done.

A host that was read is derived twice, as it is and as it will be: what the derivation gets wrong
today, it gets wrong then, so that is kept as it is now, and said. Where only xapi's record of a
host is known, a shipped CPU is assumed to be its own (assumed.py), and said as well. Sets of an old
Xen often do not show which microcode made them, and the new Xen may tell it apart: AVX without the
microcode against GDS is in every set of 4.13, and in none of 4.17. Such a difference is a Doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from ..cpuid.cpu import Cpu, cpu_of
from ..cpus import updates, wish
from ..cpus.params import options_of
from ..cpus.updates import Update
from ..cpus.wish import Wish, WishError
from ..derivation import Options, derived_release
from ..errors import Error, InputError
from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.host import SETS, Featuresets, Host
from ..hosts.offer import offers
from ..sources.simulated import Simulated, Subject
from .assumed import Assumption, assume
from .value import NamedHost


@frozen
class Target:
    """What a host is to have; None for what it has now. `xen`: a release, `cmdline`: Xen's options,
    `microcode`: a wish of cpus/wish.py.
    """

    xen: Release | None = None
    cmdline: str | None = None
    microcode: Wish | None = None

    def __bool__(self) -> bool:
        return any(value is not None for value in (self.xen, self.cmdline, self.microcode))

    def __or__(self, other: Target) -> Target:
        """This one, and where it says nothing the other."""
        return Target(
            other.xen if self.xen is None else self.xen,
            other.cmdline if self.cmdline is None else self.cmdline,
            other.microcode if self.microcode is None else self.microcode,
        )


@frozen
class Doubt:
    """What a host will be if another CPU or microcode than the assumed one is in it, which its
    record fits as well. `cpu`: that, in words. `missing`: the features that guests could not bring
    there then, of those that they can by the assumption.
    """

    host: NamedHost
    cpu: str
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"its record fits {self.cpu} as well, where it would lack {' '.join(self.missing)}"


@frozen
class Updated:
    """`host`: as it will be. `assumed`: what had to be assumed of it, "" if nothing had. `doubt`:
    the worst that may be instead, None where the assumption does not matter. `microcode`: what the
    update of microcode changes, None without one.
    """

    host: NamedHost
    assumed: str = ""
    microcode: Update | None = None
    doubt: Doubt | None = None


def updated(named: NamedHost, target: Target) -> Updated:
    """The host under a target.

    Raises InputError where it is not known what CPU the host has or what the release derives, and
    for microcode that its CPU has not.
    """
    try:
        if target.xen is not None:
            derived_release(target.xen.name)
        if named.simulated is not None and not named.host.recorded:
            return _simulated(named, named.simulated, target)
        return _read(named, target)
    except InputError:
        raise
    except (Error, ValueError) as error:
        raise InputError(str(error)) from error


def _simulated(named: NamedHost, now: Simulated, target: Target) -> Updated:
    then, update = _with(now, target)
    host = evolve(then.read(), uuid=named.host.uuid, name=named.host.name)
    return Updated(NamedHost(named.name, host, then), microcode=update)


def _read(named: NamedHost, target: Target) -> Updated:
    """A captured or recorded host."""
    host, assumption = named.host, ""
    others: tuple[Assumption, ...] = ()
    if "raw" in host.policies:
        cpu = evolve(cpu_of(host.policies["raw"]), microcode=host.microcode)
        subject = Subject(cpu, host.origin, host.processor, host.topology)
        options = Options(cmdline=host.xen.commandline, microcode=host.microcode)
        now = Simulated(subject, derived_release(host.release.name), options)
    else:
        assumed = assume(host, named.name)
        now, others, assumption = assumed.source, assumed.others, str(assumed)
    then, update = _with(now, target)
    result = _corrected(host, now.read(), then.read())
    doubt = _doubt(named, result, others, target)
    if assumption:
        result = evolve(result, notes=(assumption, *result.notes))
    return Updated(NamedHost(named.name, result, then), assumption, update, doubt)


def _doubt(
    named: NamedHost, expected: Host, others: Sequence[Assumption], target: Target
) -> Doubt | None:
    """The other CPU with which the host takes in least; None where none takes in less.

    Those of which it is known which microcode they have go before dumps that do not tell.
    """
    worst: Doubt | None = None
    revisions = [other for other in others if other.cpu.running.revision is not None]
    for other in revisions or others:
        try:
            then, _ = _with(other.source, target)
        except WishError:
            continue  # that CPU never had this microcode
        host = _corrected(named.host, other.source.read(), then.read())
        missing = expected.release.names(_taken_in(expected) - _taken_in(host))
        if len(missing) > (0 if worst is None else len(worst.missing)):
            worst = Doubt(NamedHost(named.name, host, then), _called(other), tuple(missing))
    return worst


def _called(other: Assumption) -> str:
    running = other.cpu.running
    known = running.revision is not None and running.date
    return f"microcode {running.revision:08x} of {running.date}" if known else f"cpu:{other.cpu.id}"


def _taken_in(host: Host) -> Featureset:
    """By guests of any type."""
    pv, hvm = offers(host)
    return pv.migration | hvm.migration


def _with(now: Simulated, target: Target) -> tuple[Simulated, Update | None]:
    """The same machine under the target; and what its microcode changes."""
    subject, options, update = now.subject, now.options, None
    assert subject is not None or target.microcode is None
    if subject is not None and target.microcode is not None:
        update = updates.changes(subject.cpu, wish.AS_DUMPED, target.microcode)
        subject = evolve(subject, cpu=update.after.cpu, notes=(update.after.basis, *subject.notes))
        options = _options(options, update.after.params, update.after.cpu)
    if target.cmdline is not None:
        options = evolve(options, cmdline=target.cmdline)
    return evolve(now, subject=subject, xen=target.xen or now.xen, options=options), update


def _options(options: Options, params: Mapping[str, Any], cpu: Cpu) -> Options:
    """What Xen is told and finds, with what the new microcode brings (whether SBPB can be set)."""
    machine = evolve(options.machine, sbpb=None) if "sbpb" in params else options.machine
    return options_of(params, evolve(options, machine=machine, microcode=cpu.microcode))


def _corrected(host: Host, now: Host, then: Host) -> Host:
    """`then`, with what `now` gets wrong of the host kept as the host has it."""
    sets: dict[str, Featureset | None] = {}
    wrong: set[str] = set()
    for name in SETS:
        actual, derived = host.featuresets.named(name), now.featuresets.named(name)
        coming = then.featuresets.named(name)
        if actual is not None and actual.length and derived is not None and coming is not None:
            more, less = actual - derived, derived - actual
            wrong.update(host.release.names(more | less))
            coming = ((coming | more) - less).cut(coming.length)
        sets[name] = coming
    notes = then.notes
    if wrong:
        notes += (f"as they are now, for why is not known: {' '.join(sorted(wrong))}",)
    return evolve(
        then,
        featuresets=Featuresets(**sets),  # type: ignore[arg-type]
        notes=notes,
        uuid=host.uuid,
        name=host.name,
        hvm=host.hvm and then.hvm,
    )


__all__ = ["Doubt", "Target", "Updated", "updated"]
