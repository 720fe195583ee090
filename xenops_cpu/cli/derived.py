"""Hosts as members of a pool, and the derivation behind them: the reasons, and another Xen."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from attrs import evolve, fields, frozen

from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.host import UNKNOWN, Featuresets, Host
from ..pools.member import Member, explainer, member_of_host
from . import WRONG_USAGE, Failure
from .typed import CPU

if TYPE_CHECKING:
    from ..derivation import Derivation

_NOT_KNOWN = "Xen has decided so; why is not known here"


@frozen
class Found:
    """A host and, where more is known than a featureset, what was read. `cpu`: cpu:NAME@RELEASE
    where it was simulated.
    """

    member: Member
    host: Host | None = None
    cpu: str = ""


def member(host: Host, name: str, xen: Release | None) -> Member:
    made = member_of_host(host, name, reasons(host))
    offers = {guest: offer for guest, offer in made.offers.items() if offer.migration.length}
    told = made.release
    if xen is not None and host.xen.version == UNKNOWN:
        told = xen
    return evolve(
        made,
        release=told,
        vendor="" if made.vendor == UNKNOWN else made.vendor,
        offers=offers,
        # Sets that nobody told say nothing of why a bit is missing.
        sets=made.sets if host.featuresets.raw.length else None,
    )


def reasons(host: Host) -> Callable[[str, int], str] | None:
    """Why a bit is as it is, by deriving the host's sets from its raw policy; None without one.

    A reason is given only for a bit that comes out as the host has it.
    """
    from ..derivation import DERIVED_RELEASES

    if "raw" not in host.policies or host.release.name not in DERIVED_RELEASES:
        return None

    @cache
    def derivation() -> Derivation | None:
        from ..cpuid.cpu import cpu_of
        from ..derivation import DerivationError, Options, derive

        try:
            cpu = cpu_of(host.policies["raw"])
            return derive(cpu, host.release, Options(cmdline=host.xen.commandline))
        except (DerivationError, ValueError):
            return None

    def explain(name: str, number: int) -> str:
        found = derivation()
        derived = found.featuresets[name] if found is not None else None
        had: Featureset | None = getattr(host.featuresets, name)
        if found is None or derived is None or had is None:
            return _NOT_KNOWN
        if (number in derived) != (number in had):
            return _NOT_KNOWN
        return explainer(found)(name, number)

    return explain


def simulated(name: str, text: str, xen: Release | None, cmdline: str | None) -> Found:
    """cpu:NAME@RELEASE with the derivation behind it. Raises Failure."""
    from ..sources import SourceError
    from . import simulation

    cpu, at, wanted = text.removeprefix(CPU).rpartition("@")
    if not at:
        cpu, wanted = wanted, xen.name if xen is not None else ""
    made = argparse.ArgumentParser()
    simulation.add_options(made)
    given = ["--cpu", cpu, *(["--xen", wanted] if wanted else [])]
    if cmdline is not None:
        given += ["--xen-cmdline", cmdline]
    try:
        host, derivation = simulation.source(made.parse_args(given)).explained()
    except SourceError as error:
        raise Failure(str(error)) from error
    return Found(evolve(member(host, name, None), explain=explainer(derivation)), host, text)


def updated(found: Found, xen: Release | None, cmdline: str | None) -> Found:
    """The host as it would be under another release or command line, None for what it has now.

    Raises Failure where its raw CPU policy is not known, or what the release derives is not.
    """
    name, host = found.member.name, found.host
    if found.cpu:
        cpu = found.cpu.rpartition("@")[0] or found.cpu
        return simulated(name, cpu, xen or found.member.release, cmdline)
    if host is None or "raw" not in host.policies:
        raise Failure(
            f"the raw CPU policy of {name} is not known, so what another Xen would make of it "
            "cannot be derived; name what it will be: plan update HOST NEW"
        )
    now, then = _derived(host, host.release, None), _derived(host, xen or host.release, cmdline)
    # What the derivation gets wrong today (it knows no microcode), it gets wrong then.
    kept = {}
    wrong: set[str] = set()
    for field in fields(Featuresets):
        told, derived = getattr(host.featuresets, field.name), getattr(now.featuresets, field.name)
        made = getattr(then.featuresets, field.name)
        if told is not None and derived is not None and made is not None:
            more, less = told - derived, derived - told
            wrong.update(host.release.names(more | less))
            made = ((made | more) - less).cut(made.length)
        kept[field.name] = made
    notes = then.notes
    if wrong:
        notes += (f"as they are now, for why is not known: {' '.join(sorted(wrong))}",)
    then = evolve(then, featuresets=Featuresets(**kept), notes=notes)
    return Found(member(then, name, None), then)


def _derived(host: Host, xen: Release, cmdline: str | None) -> Host:
    from ..cpuid.cpu import cpu_of
    from ..derivation import DERIVED_RELEASES, Options
    from ..sources import SourceError
    from ..sources.simulated import Simulated, Subject

    if xen.name not in DERIVED_RELEASES:
        raise Failure(
            f"what {xen.title} derives is not known; there are {', '.join(DERIVED_RELEASES)}",
            WRONG_USAGE,
        )
    subject = Subject(cpu_of(host.policies["raw"]), host.origin, host.processor, host.topology)
    chosen = Options(cmdline=host.xen.commandline if cmdline is None else cmdline)
    try:
        return Simulated(subject, xen, chosen).read()
    except (SourceError, ValueError) as error:
        raise Failure(str(error)) from error
