"""What holds for several guest types is told once: HVM and PV agree on most."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from attrs import frozen

from ..interface import GuestType

T = TypeVar("T", bound=Hashable)

_SHORT = {GuestType.HVM: "HVM and PVH", GuestType.PV: "PV"}


@frozen
class Shared(Generic[T]):
    """Items that hold for the same guest types. `guests`: in words, "" where there is one type."""

    guests: str
    items: tuple[T, ...]


def shared(items: Mapping[GuestType, Iterable[T]]) -> tuple[Shared[T], ...]:
    """The items of each guest type, those that all have first; each item once."""
    having: dict[T, list[GuestType]] = {}
    for guest, own in items.items():
        for item in dict.fromkeys(own):
            having.setdefault(item, []).append(guest)
    groups: dict[tuple[GuestType, ...], list[T]] = {}
    for item, guests in having.items():
        groups.setdefault(tuple(guests), []).append(item)
    places = {guest: place for place, guest in enumerate(items)}
    ordered = sorted(groups, key=lambda guests: (-len(guests), *(places[g] for g in guests)))
    return tuple(Shared(title(guests, items), tuple(groups[guests])) for guests in ordered)


def title(guests: Sequence[GuestType], among: Iterable[GuestType]) -> str:
    """Which guests, in words; "" where there is but one type to speak of."""
    known = list(among)
    if len(known) < 2:
        return ""
    if len(guests) == len(known):
        return "all guests"
    return " and ".join(_SHORT[guest] for guest in guests)
