"""Leaves that one of several hosts lacks: a text that names them could not be used there.

libxc refuses a guest whose strings name a leaf that its host does not list. What such a leaf has
and the level has not goes all the same where a feature goes that it depends on, or where the
highest leaf is set to that of the host that has fewest, which only registers can say.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

from ...cpuid.identity import LeafKey
from ...cpuid.policy import NO_SUBLEAF
from ...cpuid.slots import BASIC, EXTENDED, FEATURES
from ...features.featureset import Featureset
from ...features.release import Release
from ...guests.numbers import numbers
from ...interface import GuestType
from ..member import Member
from .difference import Difference, EmitError, in_leaf, leaf_of, written
from .trial import of_release, unreachable


@frozen
class Reach:
    """`difference`: what can be said on every host. `implied`: of that, features that need not be
    written. `limits`: strings for highest leaves. `hosts`: that lack a leaf, with the leaf.
    """

    difference: Difference
    implied: frozenset[int] = frozenset()
    limits: tuple[str, ...] = ()
    hosts: tuple[tuple[str, LeafKey], ...] = ()


def reach(difference: Difference, hosts: Sequence[Member], guest: GuestType) -> Reach:
    """What of a difference one text can say on all the hosts. Raises EmitError."""
    xen = difference.release
    named = [n for n in written(difference, difference.values) if in_leaf(xen, n)]
    lacking = tuple(
        (host, leaf)
        for leaf in dict.fromkeys(leaf_of(xen, number) for number in named)
        for host in hosts
        if unreachable(host, guest, xen, leaf)
    )
    if not lacking:
        return Reach(difference)
    leaves = {leaf for _, leaf in lacking}
    there = [n for n in difference.values if in_leaf(xen, n) and leaf_of(xen, n) in leaves]
    sayable = difference.without(
        Featureset.of_features((n for n in there if difference.values[n]), xen.length)
    )
    off = [number for number in there if not difference.values[number]]
    alone = [number for number in off if not _follows(number, sayable, leaves)]
    kinds = {_limit(leaf_of(xen, number)) for number in alone}
    limits = tuple(_strings(kinds, hosts, guest, xen)) if kinds else ()
    if len(limits) < len(kinds):
        host, leaf = lacking[0]
        raise EmitError(
            f"no one text fits all of these hosts: {host.name} has no CPUID {shown(leaf)}, which "
            "has features to switch off on another; ask for one text a host (--for HOST)"
        )
    missing = tuple((host.name, leaf) for host, leaf in lacking)
    return Reach(sayable, frozenset(off), limits, missing)


def shown(leaf: LeafKey) -> str:
    number, subleaf = leaf
    return f"{number:x}" + ("" if subleaf == NO_SUBLEAF else f":{subleaf:x}")


def _follows(number: int, difference: Difference, leaves: Iterable[LeafKey]) -> bool:
    """Whether a feature goes with another one that is off in a leaf that all have."""
    xen = difference.release
    return any(
        number in dependents and base in difference.off and leaf_of(xen, base) not in leaves
        for base, dependents in xen.deep_deps.items()
        if in_leaf(xen, base)
    )


def _limit(leaf: LeafKey) -> LeafKey:
    """Where the highest leaf stands that decides whether there is a leaf."""
    if leaf[0] == FEATURES and leaf[1]:
        return FEATURES, 0
    return (EXTENDED if leaf[0] >= EXTENDED else BASIC), NO_SUBLEAF


def _strings(
    places: Iterable[LeafKey], hosts: Sequence[Member], guest: GuestType, xen: Release
) -> Iterable[str]:
    """xend strings for the least of the hosts' limits, where every host's are known."""
    defaults = {}
    for host in hosts:
        hypervisor = of_release(host, xen)
        if hypervisor is None:
            return
        defaults[host.name] = hypervisor.default_lists[guest.name.lower()]
    for number in numbers(defaults):
        place = number.leaf, number.subleaf
        if place in places and not any(unreachable(host, guest, xen, place) for host in hosts):
            yield number.xend
