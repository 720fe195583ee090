"""A pool as it is and as it will be, and whom xapi lets VMs go to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property

from attrs import evolve, field, frozen

from ...errors import InputError
from ...features.featureset import Featureset
from ...features.release import Release
from ...hosts.membership import Membership, Version
from ...interface import GuestType
from ..member import Member, release_of_pool

# The keys of Host.software_version in which a target may not be older: since 25.33 (f150a7e57d) all
# of them, before that the first alone.
_KEYS = ("platform_version", "xapi_build", "xen")
_ALL_KEYS_SINCE = (25, 33)
# The first release that can have #7261 (merged after 26.17).
_UPDATED_ONLY_SINCE = (26, 18)
# What xapi compares to tell whether an upgrade is under way (Checks.RPU).
_UPGRADE_KEYS = ("platform_version", "xapi")


class Rule(Enum):
    """Which hosts an evacuation asks: every enabled one, or in an upgrade only the updated ones."""

    ALL = "all"
    UPDATED = "updated"


@frozen
class HostChange:
    """A host before and after its update. `enabled`: as it is now. `changes`: it takes part in the
    update; a host that does not stays as it is, and is not evacuated. `done`: it was updated
    before, as in a run that stopped halfway.
    """

    before: Member
    after: Member
    enabled: bool = True
    coordinator: bool = False
    changes: bool = True
    done: bool = False

    @property
    def name(self) -> str:
        return self.before.name


@frozen(slots=False)  # its cached properties need a place, which attrs gives since 23.2
class PoolUpdate:
    """`upgrade`: xapi sees updated hosts as of a higher version, so that VMs start on them only.

    `levels`: the pool's level now, as xapi has it; of a guest type that is not there it is made of
    the hosts. `guests`: the types whose level is of interest. `untold`: where VMs are whose host is
    not told, as bits; None: on any. Raises InputError for a pool without hosts, or two of one name.
    """

    hosts: tuple[HostChange, ...]
    rule: Rule = Rule.ALL
    upgrade: bool = True
    levels: Mapping[GuestType, Featureset] = field(factory=dict)
    guests: tuple[GuestType, ...] = tuple(GuestType)
    untold: int | None = None

    def __attrs_post_init__(self) -> None:
        names = [host.name for host in self.hosts]
        if not names:
            raise InputError("a pool without hosts: there is nothing to update")
        if len(set(names)) < len(names):
            raise InputError(f"two hosts of one name: {', '.join(sorted(names))}")

    @cached_property
    def every_place(self) -> int:
        """All hosts, as bits."""
        return mask(range(len(self.hosts)))

    @cached_property
    def enabled(self) -> int:
        """The hosts that are enabled, as bits."""
        return mask(n for n, host in enumerate(self.hosts) if host.enabled)

    @cached_property
    def done(self) -> int:
        """The hosts that were updated before."""
        return mask(n for n, host in enumerate(self.hosts) if host.done)

    @cached_property
    def not_older(self) -> tuple[int, ...]:
        """For each host, the others that are not older than it, as they are now."""
        return tuple(
            mask(
                n
                for n, other in enumerate(self.hosts)
                if n != place and _not_older(other.before.membership, host.before.membership)
            )
            for place, host in enumerate(self.hosts)
        )

    @cached_property
    def xen(self) -> Release:
        """Whose names features have: those of the newest release there is or will be."""
        return release_of_pool([each for host in self.hosts for each in (host.before, host.after)])

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The usual order: the coordinator, then the members as they stand; those that change."""
        changing = [n for n, host in enumerate(self.hosts) if host.changes]
        return tuple(sorted(changing, key=lambda n: not self.hosts[n].coordinator))

    def targets(self, place: int, updated: int) -> int:
        """Whom the evacuation of a host asks, when the hosts `updated` are."""
        others = self.enabled & ~(1 << place)
        targets = others & (self.not_older[place] | updated)
        if self.rule is Rule.UPDATED and self.upgrade and updated:
            targets &= updated
        return targets

    def names(self, places: int) -> tuple[str, ...]:
        return tuple(self.hosts[n].name for n in bits(places))

    def member(self, place: int, updated: int) -> Member:
        host = self.hosts[place]
        return host.after if updated >> place & 1 else host.before


def rule_of(version: Version) -> Rule:
    """By the version of the xapi that evacuates; where it is not told, the harder rule."""
    return Rule.UPDATED if version >= _UPDATED_ONLY_SINCE else Rule.ALL


def upgrades(before: Membership, after: Membership) -> bool | None:
    """Whether xapi sees the second as of a higher version; None where the versions are not told."""
    keys = [key for key in _UPGRADE_KEYS if before.version(key) and after.version(key)]
    if not keys:
        return None
    return any(before.version(key) != after.version(key) for key in keys)


def mask(places: Iterable[int]) -> int:
    value = 0
    for place in places:
        value |= 1 << place
    return value


def bits(places: int) -> Iterator[int]:
    """The places in a mask, lowest first."""
    while places:
        low = places & -places
        yield low.bit_length() - 1
        places ^= low


def with_coordinator(hosts: Sequence[HostChange]) -> tuple[HostChange, ...]:
    """The hosts, one of which is the coordinator: the first, if none of them is known to be."""
    if any(host.coordinator for host in hosts):
        return tuple(hosts)
    return tuple(evolve(host, coordinator=not place) for place, host in enumerate(hosts))


def _not_older(target: Membership, source: Membership) -> bool:
    """As Checks.Migration.host_versions_not_decreasing: what is not told counts as equal."""
    xapi = source.version("xapi") or target.version("xapi")
    keys = _KEYS if not xapi or xapi >= _ALL_KEYS_SINCE else _KEYS[:1]
    return all(
        target.version(key) >= source.version(key)
        for key in keys
        if source.version(key) and target.version(key)
    )


__all__ = [
    "HostChange", "PoolUpdate", "Rule", "bits", "mask", "rule_of", "upgrades",
    "with_coordinator",
]  # fmt: skip
