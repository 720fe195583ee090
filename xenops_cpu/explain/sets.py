"""What differs between two featuresets, and what that means."""

from typing import NamedTuple

from ..features import meanings, risks
from ..features.featureset import Featureset
from ..features.release import Release


class SetDifference(NamedTuple):
    """Two featuresets; `release` names the bits. A missing word reads as zero."""

    a: Featureset
    b: Featureset
    release: Release

    @property
    def only_in_a(self) -> Featureset:
        return self.a - self.b

    @property
    def only_in_b(self) -> Featureset:
        return self.b - self.a

    @property
    def same(self) -> bool:
        """The same features; lengths may differ."""
        return self.a.bits == self.b.bits

    def names(self, features: Featureset) -> list[str]:
        return self.release.names(features)


class Group(NamedTuple):
    """Features that differ and mean the same: `title` of the group, `risk` for a VM that has seen
    them and goes where they are missing.
    """

    title: str
    risk: str
    numbers: tuple[int, ...]


def groups(numbers: Featureset, xen: Release) -> tuple[Group, ...]:
    """Features by their group and by what their loss means, in the order of meanings.GROUPS."""
    members_by_title: dict[tuple[str, str], list[int]] = {}
    for group, members in meanings.by_group(xen, numbers).items():
        for number in members:
            members_by_title.setdefault(
                (meanings.GROUPS[group], risks.risk(xen, number)), []
            ).append(number)
    return tuple(
        Group(title, risk, tuple(members)) for (title, risk), members in members_by_title.items()
    )
