"""The best partition of a pool into sub-pools, when one level costs too much.

What is made least is the sum over all hosts of the features that a host could give and its
sub-pool's level does not have. Hosts of different vendors are never put together, because no VM
could move between them.

Hosts that give the same are one kind. Up to EXACT kinds, every partition is looked at (by subsets,
3^kinds steps). Beyond that, kinds are merged greedily, the cheapest merger first, which is a good
partition and not always the best: `exact` says which it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from attrs import field, frozen

from ..errors import Error
from ..features.featureset import Featureset
from ..features.release import Release
from ..interface import GuestType
from .levelling import level
from .member import Member, release_of_pool

EXACT = 10
_NEVER = 1 << 60


class SplitError(Error):
    """There is no such partition; the message says why."""


@frozen
class Part:
    """A sub-pool: its hosts by name, in the order given, and its level."""

    hosts: tuple[str, ...]
    featureset: Featureset


@frozen
class Split:
    """`given_up`: the sum over hosts of the features that they have and their level has not.

    `exact`: no partition into so many parts gives up less.
    """

    guest: GuestType
    release: Release = field(repr=False)
    parts: tuple[Part, ...]
    given_up: int
    exact: bool


@frozen
class _Kind:
    vendor: str
    featureset: Featureset
    hosts: tuple[int, ...]


def split(
    members: Sequence[Member], guest: GuestType, parts: int, xen: Release | None = None
) -> Split:
    """The best partition into at most `parts` sub-pools. Raises SplitError."""
    xen = xen or release_of_pool(members)
    taking = [member for member in members if guest in member.offers]
    kinds = _kinds(taking, guest)
    vendors = sorted({kind.vendor for kind in kinds})
    if parts < 1 or not taking:
        raise SplitError(f"{len(taking)} hosts run {guest.name} guests: no {parts} parts of them")
    if parts < len(vendors):
        raise SplitError(
            f"hosts of {len(vendors)} vendors ({', '.join(vendors)}) cannot be put into "
            f"{parts} {'part' if parts == 1 else 'parts'}"
        )
    exact = len(kinds) <= EXACT
    groups = (_exactly if exact else _greedily)(kinds, parts, xen)
    found = []
    given_up = 0
    for group in groups:
        chosen = sorted(host for kind in group for host in kind.hosts)
        given_up += _cost(group, xen)
        found.append(
            Part(tuple(taking[host].name for host in chosen), _level(group, xen)),
        )
    order = {member.name: index for index, member in enumerate(taking)}
    found.sort(key=lambda part: order[part.hosts[0]])
    return Split(guest, xen, tuple(found), given_up, exact)


def _kinds(members: Sequence[Member], guest: GuestType) -> list[_Kind]:
    hosts: dict[tuple[str, Featureset], list[int]] = {}
    for index, member in enumerate(members):
        hosts.setdefault((member.vendor, member.boot(guest)), []).append(index)
    return [_Kind(vendor, given, tuple(indices)) for (vendor, given), indices in hosts.items()]


def _level(kinds: Sequence[_Kind], xen: Release) -> Featureset:
    # Twice where two hosts have it: the level of one host alone is what it has, orphans and all.
    return level((kind.featureset for kind in kinds for _ in kind.hosts[:2]), xen)


def _cost(kinds: Sequence[_Kind], xen: Release) -> int:
    """Features given up, counted once for each host; _NEVER for a mixture of vendors."""
    if len({kind.vendor for kind in kinds}) > 1:
        return _NEVER
    found = _level(kinds, xen)
    return sum(len(kind.featureset - found) * len(kind.hosts) for kind in kinds)


def _exactly(kinds: Sequence[_Kind], parts: int, xen: Release) -> list[list[_Kind]]:
    def chosen(mask: int) -> list[_Kind]:
        return [kind for index, kind in enumerate(kinds) if mask >> index & 1]

    costs = [0] + [_cost(chosen(mask), xen) for mask in range(1, 1 << len(kinds))]

    @cache
    def best(mask: int, left: int) -> tuple[int, int]:
        """The least cost of `mask` in at most `left` parts, and the part with its lowest kind."""
        if not mask:
            return 0, 0
        if left == 1:
            return costs[mask], mask
        lowest = mask & -mask
        rest = mask ^ lowest
        found = (_NEVER * 2, mask)
        sub = rest
        while True:
            part = sub | lowest
            found = min(found, (costs[part] + best(mask ^ part, left - 1)[0], part))
            if not sub:
                return found
            sub = (sub - 1) & rest

    groups = []
    mask, left = (1 << len(kinds)) - 1, parts
    while mask:
        part = best(mask, left)[1]
        groups.append(chosen(part))
        mask, left = mask ^ part, left - 1
    return groups


def _greedily(kinds: Sequence[_Kind], parts: int, xen: Release) -> list[list[_Kind]]:
    groups = [[kind] for kind in kinds]
    costs = [0] * len(groups)
    mergers = {
        (i, j): _cost(groups[i] + groups[j], xen)
        for i in range(len(groups))
        for j in range(i + 1, len(groups))
    }
    alive = set(range(len(groups)))
    while len(alive) > parts:
        i, j = min(mergers, key=lambda pair: mergers[pair] - costs[pair[0]] - costs[pair[1]])
        costs[i] = mergers[i, j]
        groups[i] = groups[i] + groups[j]
        alive.discard(j)
        mergers = {pair: cost for pair, cost in mergers.items() if j not in pair}
        for other in alive - {i}:
            mergers[min(i, other), max(i, other)] = _cost(groups[i] + groups[other], xen)
    return [groups[index] for index in sorted(alive)]
