"""The state of TSX on a host, in words: docs/tsx.md tells the story behind them.

Read from Xen's sets, and from the derivation where there is one: that TSX is locked off stands in a
register (MCU_OPT_CTRL.RTM_LOCKED) and not in any set.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from ..derivation import Derivation
from ..hosts.host import Host
from ..hosts.offer import Offer, offers
from ..interface import GuestType

PRESENT = "present"
ABSENT = "absent"
HIDDEN = "hidden at boot"
OFFERED = "offered at boot"
ACCEPTED = "accepted in a migration"
REFUSED = "refused in a migration"
ABORTS = "always aborts"
LOCKED = "locked off"

_MCU_OPT_CTRL, _RTM_LOCKED = 0x123, 1 << 2


@frozen
class Tsx:
    """`words`: of the constants above, those that hold. `sentences`: the same for people."""

    words: tuple[str, ...]
    sentences: tuple[str, ...]


def tsx(host: Host, derivation: Derivation | None = None) -> Tsx:
    """TSX on a host. Sets that nobody told say nothing."""
    statements = list(_statements(host, derivation))
    return Tsx(
        tuple(dict.fromkeys(word for word, _ in statements)),
        tuple(dict.fromkeys(sentence for _, sentence in statements)),
    )


def _statements(host: Host, derivation: Derivation | None) -> Iterator[tuple[str, str]]:
    features = host.release.features
    rtm = features["RTM"].number
    raa = features["RTM_ALWAYS_ABORT"].number if "RTM_ALWAYS_ABORT" in features else -1
    sets = host.featuresets
    present = rtm in sets.host or (derivation is not None and bool(derivation.silicon >> rtm & 1))
    if rtm in sets.raw:
        yield PRESENT, "present: the CPU has TSX and shows it"
    elif present:
        yield PRESENT, "present: the CPU has TSX, though its registers hide it from CPUID"
    elif sets.host.length:
        yield ABSENT, "absent: the CPU has no TSX, or does not say so"
    shown = [offer for offer in offers(host) if offer.boot]
    for offer in shown:
        yield from _offered(offer, rtm)
    aborting = raa >= 0 and (
        raa in sets.raw or raa in sets.host or any(raa in offer.boot for offer in shown)
    )
    if aborting:
        yield (
            ABORTS,
            (
                "always aborts: a program may begin a transaction, and none succeeds; that costs "
                "speed, not correctness"
            ),
        )
    if derivation is not None and derivation.cpu.msrs.get(_MCU_OPT_CTRL, 0) & _RTM_LOCKED:
        yield LOCKED, "locked off: SGX holds TSX off until the machine is reset (RTM_LOCKED)"


def _offered(offer: Offer, rtm: int) -> Iterator[tuple[str, str]]:
    guests = "PV guests" if offer.guest is GuestType.PV else "HVM and PVH guests"
    if rtm in offer.boot:
        yield OFFERED, f"offered at boot: new {guests} see it"
    elif rtm in offer.migration:
        yield HIDDEN, f"hidden at boot: new {guests} do not see it"
        yield ACCEPTED, f"accepted in a migration: {guests} that saw it elsewhere may come in"
    else:
        yield REFUSED, f"refused in a migration: {guests} that saw it may not come in"
