"""A VM as its toolstack starts it on a host: created, then given its policy by libxc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve, frozen

from . import libxc, setting, toolstacks
from .domain import Domain, Refusal
from .hypervisor import Hypervisor
from .toolstacks import Settings

if TYPE_CHECKING:
    from .resets import Reset


@frozen
class Start:
    """`refusal`: what libxc or Xen said no to; what was set before it stays. `resets`: what xl's
    cpuid= changed without naming it.
    """

    domain: Domain
    refusal: Refusal | None = None
    resets: tuple[Reset, ...] = ()

    def __repr__(self) -> str:
        end = f", refused: {self.refusal}" if self.refusal is not None else ""
        kind = self.domain.config.type.upper()
        return f"<Start: {kind} guest, {self.domain.hypervisor.release.title}{end}>"


def started(xen: Hypervisor, settings: Settings, toolstack: str) -> Start:
    """A start that nothing refused. Raises Refusal, whoever said no."""
    outcome = start(xen, settings, toolstack)
    if outcome.refusal is not None:
        raise outcome.refusal
    return outcome


def start(xen: Hypervisor, settings: Settings, toolstack: str) -> Start:
    """The VM after a start, or a restore of a stream without CPUID data.

    Raises Refusal where Xen does not create such a domain.
    """
    created = setting.create(xen, toolstacks.config(settings, toolstack))
    wishes = toolstacks.wishes(settings, toolstack, xen)
    domain, refusal = libxc.apply(created, wishes)
    if refusal is not None or not wishes.xend:
        return Start(domain, refusal)
    from .resets import resets  # of strings, which few VMs have

    without, _ = libxc.apply(created, evolve(wishes, xend=(), msr=()))
    return Start(domain, None, resets(without, domain, wishes.xend))
