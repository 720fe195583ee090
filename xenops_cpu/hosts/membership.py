"""A host as a member of its pool: what xapi says of it beside its CPU.

The versions are those that xapi compares (ocaml/xapi/helpers.ml, module Checks): a text is split at
its first dash, both halves at their dots, and what is no number does not count.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

Version = tuple[int, ...]


@frozen
class Membership:
    """`pool`: its UUID, "" where it is not told. `coordinator`, `enabled`: None where not told.

    `upgrading`: the pool says that a rolling upgrade is under way. `software`: the map
    Host.software_version (platform_version, xapi, xapi_build, xen, …).
    """

    pool: str = ""
    coordinator: bool | None = None
    enabled: bool | None = None
    upgrading: bool = False
    software: Mapping[str, str] = field(factory=dict)

    def version(self, key: str) -> Version:
        """As xapi reads one of its versions; () where the host does not tell it."""
        return numbers(self.software.get(key, ""))

    def __bool__(self) -> bool:
        return self != NO_POOL

    def __or__(self, other: Membership) -> Membership:
        """Both; where both tell the same thing, this one's word counts."""
        return Membership(
            pool=self.pool or other.pool,
            coordinator=other.coordinator if self.coordinator is None else self.coordinator,
            enabled=other.enabled if self.enabled is None else self.enabled,
            upgrading=self.upgrading if self.pool else other.upgrading,
            software=self.software or other.software,
        )


NO_POOL = Membership()


def numbers(text: str) -> Version:
    """`4.17.6-2.1` is (4, 17, 6, 2, 1); a third part after another dash does not count."""
    parts = text.strip().split("-")[:2]
    return tuple(int(n) for part in parts for n in part.split(".") if n.isascii() and n.isdigit())
