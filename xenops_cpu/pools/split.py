"""The best partition of a pool into sub-pools, when one level costs too much.

What is made least is the sum over all hosts of the features that a host could give and its
sub-pool's level does not have. Hosts of different vendors are never put together, because no VM
could move between them.

Hosts that give the same are one kind. Up to EXACT kinds, every partition is looked at (by subsets,
3^kinds steps). Beyond that, kinds are merged greedily, the cheapest merger first, which is a good
partition and not always the best: `exact` says which it was. That takes kinds^2 * log(kinds) steps,
because what a merger costs is known from sums, without a look at the kinds within it: of the hosts'
features, a level keeps what all hosts have, so that each host keeps as many of those; and beyond
them only features that are OR-ed, of which there are a handful to be counted (_Sum).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from heapq import heapify, heappop, heappush

from attrs import evolve, field, frozen

from ..errors import Error
from ..features.featureset import Featureset
from ..features.release import Release
from ..interface import GuestType
from .levelling import Reduction, level, reduced, rules
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
    pools = []
    given_up = 0
    for group in groups:
        chosen = sorted(host for kind in group for host in kind.hosts)
        given_up += _cost(group, xen)
        pools.append(
            Part(tuple(taking[host].name for host in chosen), _level(group, xen)),
        )
    order = {member.name: index for index, member in enumerate(taking)}
    pools.sort(key=lambda part: order[part.hosts[0]])
    return Split(guest, xen, tuple(pools), given_up, exact)


def _kinds(members: Sequence[Member], guest: GuestType) -> list[_Kind]:
    hosts: dict[tuple[str, Featureset], list[int]] = {}
    for index, member in enumerate(members):
        hosts.setdefault((member.vendor, member.boot(guest)), []).append(index)
    return [_Kind(vendor, boot, tuple(indices)) for (vendor, boot), indices in hosts.items()]


def _level(kinds: Sequence[_Kind], xen: Release) -> Featureset:
    # Twice where two hosts have it: the level of one host alone is what it has, orphans and all.
    return level((kind.featureset for kind in kinds for _ in kind.hosts[:2]), xen)


def _cost(kinds: Sequence[_Kind], xen: Release) -> int:
    """Features given up, counted once for each host; _NEVER for a mixture of vendors."""
    if len({kind.vendor for kind in kinds}) > 1:
        return _NEVER
    common = _level(kinds, xen)
    return sum(len(kind.featureset - common) * len(kind.hosts) for kind in kinds)


def _exactly(kinds: Sequence[_Kind], parts: int, xen: Release) -> list[list[_Kind]]:
    def chosen(mask: int) -> list[_Kind]:
        return [kind for index, kind in enumerate(kinds) if mask >> index & 1]

    costs = [_cost(chosen(mask), xen) for mask in range(1 << len(kinds))]

    @cache
    def best(mask: int, left: int) -> tuple[int, int]:
        """The least cost of `mask` in at most `left` parts, and the part with its lowest kind."""
        if left == 1 or not mask:
            return costs[mask], mask
        lowest = mask & -mask
        parts_with_it = (subset | lowest for subset in _subsets(mask ^ lowest))
        return min((costs[p] + best(mask ^ p, left - 1)[0], p) for p in parts_with_it)

    groups = []
    mask, left = (1 << len(kinds)) - 1, parts
    while mask:
        part = best(mask, left)[1]
        groups.append(chosen(part))
        mask, left = mask ^ part, left - 1
    return groups


def _subsets(mask: int) -> Iterator[int]:
    """Of the bits of a mask: all of them first, none of them last."""
    subset = mask
    while subset:
        yield subset
        subset = (subset - 1) & mask
    yield 0


@frozen
class _Sum:
    """What the cost of a group depends on, added up over its hosts.

    `features`: how many they have together; `brought`: how many hosts have each of the
    bits that a level can have though not every host does.
    """

    reduction: Reduction
    features: int
    brought: tuple[int, ...]

    def __add__(self, other: _Sum) -> _Sum:
        brought = zip(self.brought, other.brought, strict=True)
        return _Sum(
            self.reduction + other.reduction,
            self.features + other.features,
            tuple(mine + theirs for mine, theirs in brought),
        )

    def cost(self, xen: Release, bits: Sequence[int]) -> int:
        """Features given up, as _cost counts them."""
        level, common = self.reduction.settled(xen).bits, self.reduction.in_all
        kept = (level & common).bit_count() * self.reduction.count
        beyond = level & ~common
        kept += sum(n for bit, n in zip(bits, self.brought, strict=True) if bit & beyond)
        return self.features - kept


def _sum(kind: _Kind, bits: Sequence[int]) -> _Sum:
    own, hosts = kind.featureset, len(kind.hosts)
    reduction = evolve(reduced([own]), count=hosts if own.length else 0)
    if not own.length:  # a set without words does not count in a level
        return _Sum(reduction, 0, (0,) * len(bits))
    brought = tuple(hosts if own.bits & bit else 0 for bit in bits)
    return _Sum(reduction, len(own) * hosts, brought)


def _greedily(kinds: Sequence[_Kind], parts: int, xen: Release) -> list[list[_Kind]]:
    known = rules(xen.name)
    extra = known.ored | known.rsba | known.rrsba
    bits = [1 << number for number in range(extra.bit_length()) if extra >> number & 1]
    groups = {index: [kind] for index, kind in enumerate(kinds)}
    sums = {index: _sum(kind, bits) for index, kind in enumerate(kinds)}
    costs = {index: total.cost(xen, bits) for index, total in sums.items()}

    def merger(i: int, j: int) -> tuple[int, int, int]:
        """What merging two groups gives up more than they do, and which they are."""
        return (sums[i] + sums[j]).cost(xen, bits) - costs[i] - costs[j], i, j

    indices = range(len(kinds))
    mergers = [
        merger(i, j)
        for i in indices
        for j in indices[i + 1 :]
        if kinds[i].vendor == kinds[j].vendor
    ]
    heapify(mergers)
    next_index = len(kinds)
    while len(groups) > parts:
        # A group that has been merged is gone from `groups`, and its mergers mean nothing.
        _, i, j = heappop(mergers)
        if i not in groups or j not in groups:
            continue
        merged = groups.pop(i) + groups.pop(j)
        sums[next_index] = sums[i] + sums[j]
        costs[next_index] = sums[next_index].cost(xen, bits)
        for other, group in groups.items():
            if group[0].vendor == merged[0].vendor:
                heappush(mergers, merger(other, next_index))
        groups[next_index] = merged
        next_index += 1
    return list(groups.values())
