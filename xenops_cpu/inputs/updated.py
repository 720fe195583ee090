"""A host as it would be under another Xen or with another command line, before that is done."""

from __future__ import annotations

from attrs import evolve

from ..cpuid.cpu import cpu_of
from ..derivation import Options, derived_release
from ..errors import InputError
from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.host import SETS, Featuresets, Host
from ..sources import SourceError
from ..sources.simulated import Simulated, Subject
from .value import NamedHost


def updated(named: NamedHost, xen: Release | None, cmdline: str | None) -> NamedHost:
    """The host under release `xen` and with Xen's options `cmdline`, None for what it has now.

    A captured host is derived twice, as it is and as it will be: what the derivation gets wrong
    today (a captured host does not tell its microcode), it gets wrong then, so that is kept as it
    is now, and said. Raises InputError where the raw CPU policy is not known, DerivationError where
    what the release derives is not.
    """
    if xen is not None:
        derived_release(xen.name)
    if named.simulated is not None:
        simulated = named.simulated
        options = simulated.options
        if cmdline is not None:
            options = evolve(options, cmdline=cmdline)
        source = evolve(simulated, xen=xen or simulated.xen, options=options)
        return NamedHost(named.name, _read(source), source)
    host = named.host
    if "raw" not in host.policies:
        raise InputError(
            f"the raw CPU policy of {named.name} is not known, so what another Xen would make of "
            "it cannot be derived; name what it will be: plan update HOST NEW"
        )
    now = _derived(host, host.release, host.xen.commandline)
    then = _derived(host, xen or host.release, host.xen.commandline if cmdline is None else cmdline)
    return NamedHost(named.name, _corrected(host, now, then))


def _derived(host: Host, xen: Release, cmdline: str) -> Host:
    subject = Subject(cpu_of(host.policies["raw"]), host.origin, host.processor, host.topology)
    return _read(Simulated(subject, derived_release(xen.name), Options(cmdline=cmdline)))


def _read(source: Simulated) -> Host:
    try:
        return source.read()
    except (SourceError, ValueError) as error:
        raise InputError(str(error)) from error


def _corrected(host: Host, now: Host, then: Host) -> Host:
    """`then`, with what `now` gets wrong of the host kept as the host has it."""
    sets: dict[str, Featureset | None] = {}
    wrong: set[str] = set()
    for name in SETS:
        answered, derived = host.featuresets.named(name), now.featuresets.named(name)
        coming = then.featuresets.named(name)
        if answered is not None and derived is not None and coming is not None:
            more, less = answered - derived, derived - answered
            wrong.update(host.release.names(more | less))
            coming = ((coming | more) - less).cut(coming.length)
        sets[name] = coming
    notes = then.notes
    if wrong:
        notes += (f"as they are now, for why is not known: {' '.join(sorted(wrong))}",)
    return evolve(then, featuresets=Featuresets(**sets), notes=notes, uuid=host.uuid)  # type: ignore[arg-type]
