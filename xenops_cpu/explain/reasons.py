"""Why a bit of a host is as it is: the one way to a reason.

Reasons are those of a derivation. A simulated host has one; for a captured host it is made again
from its raw policy and its command line, and a reason is told only where that derivation agrees
with what the host's own Xen answered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from ..cpuid.cpu import CpuError, cpu_of
from ..derivation import DERIVED_RELEASES, Derivation, Options, Reason, derive, reasons_of
from ..hosts import compat_bits
from ..hosts.host import Host
from ..pools.member import Explain

NOT_KNOWN = "Xen has decided so; why is not known here"
_ONE_SET = {"pv_max": "pv_default", "hvm_max": "hvm_default"}


def rederive(host: Host) -> tuple[Derivation | None, tuple[str, ...]]:
    """The derivation from a captured host's raw policy, and in notes what it rests on."""
    if "raw" not in host.policies:
        return None, ("no reasons: they need the raw CPU policy, which was not told",)
    if host.release.name not in DERIVED_RELEASES:
        return None, (f"no reasons: what {host.release.title} derives is not known here",)
    try:
        cpu = cpu_of(host.policies["raw"])
        derivation = derive(cpu, host.release, Options(cmdline=host.xen.commandline))
    except (CpuError, ValueError) as error:
        return None, (f"no reasons: {error}",)
    return derivation, (
        "the reasons are those of the derivation made again from the raw CPU policy; where it "
        "differs from what Xen answered, none is told",
        *(note for note in derivation.notes if note not in derivation.options.notes),
    )


def story(derivation: Derivation, name: str, number: int) -> tuple[Reason, ...]:
    """Why a feature is or is not in a set, first cause first; empty for a word that is none.

    A release without max sets has one set a guest type, which is what max is made from.
    """
    if number >= derivation.release.length * 32:
        return ()
    if derivation.featuresets[name] is None:
        name = _ONE_SET[name]
    return reasons_of(derivation, name, number)


def reasons(host: Host, simulated: Callable[[], Derivation] | None = None) -> Explain | None:
    """Why a bit of the host is as it is, as Member wants it; None where nobody can know.

    `simulated`: the derivation behind a simulated host, made when the first reason is asked for.
    """
    if simulated is None and (
        "raw" not in host.policies or host.release.name not in DERIVED_RELEASES
    ):
        return None
    compat = compat_bits.host_labels(host)

    @cache
    def derivation() -> Derivation | None:
        return simulated() if simulated is not None else rederive(host)[0]

    def explain(name: str, number: int) -> str:
        featureset, derived = host.featuresets.named(name), derivation()
        if derived is None:
            return NOT_KNOWN
        if number >= host.release.length * 32:
            return f"{host.release.title} has no word for it"
        own = derived.featuresets[name]
        if own is None:  # what libxc made of the only set of that guest type
            if number in compat.get(name, {}):
                return compat[name][number]
            own = derived.featuresets[_ONE_SET[name]]
        if featureset is None or own is None or (number in own) != (number in featureset):
            return NOT_KNOWN
        return _decisive(story(derived, name, number), number)

    return explain


def _decisive(reasons: tuple[Reason, ...], number: int) -> str:
    """The reason that decided, and what led to it."""
    causes = [reason for reason in reasons if reason.step != "none"]
    own = [index for index, reason in enumerate(causes) if reason.feature == number]
    return "; ".join(reason.text for reason in causes[own[-1] if own else 0 :])
