"""Whose tables fit what a host or a record says of itself.

The version counts first, then the number of words. XenServer's patched Xen has featuresets of 22
words (23 since 4.17.5-15 of July 2025; 18 on the 8.2 retrofit of April 2023) where upstream has 11
(4.13) and 19 (4.17 on), and says its build: `4.17.6-2`. What had to be assumed is said, and what a
point release lacks of what the newest of its series has.
"""

import re
from functools import cache
from typing import NamedTuple

from .release import (
    LENGTHS,
    LINES,
    NEWEST,
    RELEASES,
    UPSTREAM,
    Release,
    builds,
    nearest_build,
    release,
)

_VERSION = r"(4\.\d+)(?:\.\d+)?"
_BUILD = r"4\.\d+\.\d+-\d+(?:\.\d+)*"


class Fit(NamedTuple):
    """The release whose names, masks and rules are taken. `note`: what had to be assumed for that,
    "" where nothing had. `certain`: the host or record itself says which release it is. `differs`:
    what a point release lacks of the release that is taken, "" where it is the newest.
    """

    release: Release
    note: str = ""
    certain: bool = True
    differs: str = ""


@cache
def fit(version: str, length: int) -> Fit:
    """For a hypervisor that reports `version` ("" or "unknown": it is not known) and featuresets of
    `length` words (0: not known).
    """
    version = version.strip()
    match = re.match(_VERSION, version)
    if match is None:
        return by_length(length)
    minor, build = match[1], re.match(_BUILD, version)
    lines = [line for line in LINES if LINES[line] == minor]
    upstream = release(minor) if minor in RELEASES else None
    if lines and (length > LENGTHS[minor] or (not length and build)):
        return _xenserver(lines, build[0] if build else "", length)
    if upstream is None:
        newer = int(minor.split(".")[1]) > int(UPSTREAM[0].split(".")[1])
        nearest = release(NEWEST if newer else UPSTREAM[0])
        if newer and version.startswith(nearest.version.removesuffix("-unstable")):
            return Fit(nearest, _strange(nearest, length))
        return Fit(nearest, f"Xen {version} is not known here: names are {nearest.title}'s", False)
    from . import point_releases  # only what tells its version needs it

    return Fit(upstream, _strange(upstream, length), differs=point_releases.note(version))


def by_length(length: int, host: Release | None = None) -> Fit:
    """For featuresets of `length` words whose release nobody says, on a host of release `host`.

    The host's own release, unless the sets have more words than it knows. Without a host the newest
    upstream release of that many words; where upstream has none, XenServer's; where nobody has, the
    nearest that has as many words or more, else the longest.
    """
    if host is not None and length <= host.length:
        return Fit(host, certain=False)
    return _of_length(length)


@cache
def _of_length(length: int) -> Fit:
    if not length:
        return Fit(release(NEWEST), certain=False)
    alike = [name for name in RELEASES if LENGTHS[name] == length]
    if not alike:
        lengths = sorted(LENGTHS.values())
        least = next((longer for longer in lengths if longer > length), lengths[-1])
        nearest = release(_newest([name for name in RELEASES if LENGTHS[name] == least]))
        return Fit(nearest, f"no release known here has {length} words: {_taken(nearest)}", False)
    nearest = release(_newest(alike))
    others = f", which {_some(alike)} have" if len(alike) > 1 else ""
    return Fit(nearest, f"the release is not told: by its {length} words{others}, "
               f"{_taken(nearest)}", False)  # fmt: skip


def _xenserver(lines: list[str], build: str, length: int) -> Fit:
    """A build of one of the lines, by its number if it is told, and by the number of words."""
    fitting = [name for line in lines for name in builds(line) if LENGTHS[name] == length]
    if build:
        known = [line for line in lines if builds(line)[0] != line]
        nearest = release(nearest_build(known[-1], build))
        if nearest.length != length and length and fitting:
            nearest = release(fitting[-1])
        if nearest.build == build:
            return Fit(nearest, _strange(nearest, length))
        note = f"of XenServer {build} no table is known here: {_taken(nearest)}"
        return Fit(nearest, "; ".join(filter(None, (note, _strange(nearest, length)))))
    if fitting:
        nearest = release(fitting[-1])
        if len(fitting) == 1 and nearest.name in LINES:
            return Fit(nearest)
        return Fit(nearest, f"the build is not told: by its {length} words, {_taken(nearest)}")
    nearest = release(builds(lines[-1])[-1])
    return Fit(nearest, _strange(nearest, length), certain=False)


def _strange(nearest: Release, length: int) -> str:
    """What to know where the sets have more words than the release: their names are not known."""
    if length <= nearest.length:
        return ""
    return (
        f"featuresets of {length} words are not known of {nearest.title}, which has "
        f"{nearest.length}: bits beyond have no names"
    )


def _newest(names: list[str]) -> str:
    return ([name for name in names if name in UPSTREAM] or names)[-1]


def _taken(nearest: Release) -> str:
    return f"names and rules are those of {nearest.title}"


def _some(names: list[str]) -> str:
    titles = [release(name).title for name in names]
    return f"{titles[0]} to {titles[-1].removeprefix('Xen ')}"
