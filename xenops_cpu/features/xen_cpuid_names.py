"""What the xen-cpuid of each release calls the bits, and how it prints and reads them.

Facts: xen/tools/misc/xen-cpuid.c of each release. Up to 4.18 the tool has names of its own, from
4.19 on they are generated from Xen's feature names.
"""

import json
from functools import cache
from typing import Any, NamedTuple

from .. import data_files
from .featureset import WORD_BITS
from .release import RELEASES, Release, line_of


class Tool(NamedTuple):
    """The xen-cpuid of one release. `names`: word by word, 32 names or None each; a release may
    have words that its tool has no titles for. `width`: of the column of names and titles.
    `static`, `dynamic`: the sets it prints. `separators`: between the words it reads.
    `complains`: whether it says what it could not read.
    """

    names: tuple[tuple[str | None, ...], ...]
    width: int
    static: tuple[str, ...]
    dynamic: tuple[str, ...]
    separators: str
    complains: bool

    def name(self, number: int) -> str:
        """As the tool prints a bit: its name, or `<bit>` (the bit within its word)."""
        word, bit = divmod(number, WORD_BITS)
        names = self.names[word] if word < len(self.names) else ()
        return (names[bit] if names else None) or f"<{bit}>"


def tool(release: Release) -> Tool:
    """The tool of a release; all builds of a line have the same."""
    return _tool(release.name)


def every_name(number: int) -> tuple[str, ...]:
    """What the tools of all releases call a bit, each name once, the oldest release's first; of a
    bit that none names, nothing.
    """
    word, bit = divmod(number, WORD_BITS)
    names: dict[str, str] = {}
    for index, releases, spelled in _table()["names"]:
        if index == word:
            names |= dict.fromkeys(releases, spelled.split()[bit])
    spellings = (names.get(line_of(name), "-") for name in RELEASES)
    return tuple(name for name in dict.fromkeys(spellings) if name != "-")


def _tool(name: str) -> Tool:
    return _tools()[line_of(name)]


@cache
def _table() -> Any:
    return json.loads(data_files.read_text("xen_cpuid.json"))


@cache
def _tools() -> dict[str, Tool]:
    table = _table()
    names: dict[str, dict[int, tuple[str | None, ...]]] = {name: {} for name in table["releases"]}
    for word, releases, spelled in table["names"]:
        row = tuple(None if name == "-" else name for name in spelled.split())
        for release in releases:
            names[release][word] = row
    return {
        release: Tool(
            names=tuple(names[release][word] for word in range(len(names[release]))),
            width=entry["width"],
            static=tuple(entry["static"]),
            dynamic=tuple(entry["dynamic"]),
            separators=entry["separators"],
            complains=entry["complains"],
        )
        for release, entry in table["releases"].items()
    }
