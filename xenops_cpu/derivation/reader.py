"""What has been read of a command line so far."""

from __future__ import annotations

from typing import Any, NamedTuple

from attrs import define, field

from ..features.release import Release
from .grammar import parse_bool
from .releases import span


class CpuidItem(NamedTuple):
    """One item of cpuid=: the feature number and whether it is to be shown."""

    number: int
    show: bool
    text: str


@define(eq=False)
class Reader:
    """`values` are by their names in BootOptions; what is not there is not said."""

    release: Release
    values: dict[str, Any] = field(factory=lambda: {"tsx": -1})
    cpuid: list[CpuidItem] = field(factory=list)
    notes: list[str] = field(factory=list)
    malformed: list[str] = field(factory=list)

    def flag(self, key: str, negative: bool, value: str, option: str) -> None:
        wish = not negative
        if value:
            boolean = parse_bool(value)
            if boolean is None:
                self.bad(option, f'"{value}" is neither true nor false')
                return
            wish = wish if boolean else not wish
        self.values[key] = wish

    def bad(self, option: str, why: str) -> None:
        self.malformed.append(f'command line option "{option}": {why}')

    def ignored(self, option: str, why: str) -> None:
        self.notes.append(f'command line option "{option}" is ignored: {why}')

    def in_release(self, releases: str) -> bool:
        return self.release.name in span(releases)
