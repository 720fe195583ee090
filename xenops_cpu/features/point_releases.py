"""What the point releases of a Xen series changed: 4.17.7 is not 4.17.0.

The tables here, and the steps of the derivation, are those of the newest point release of each
series. data/point_releases.txt has what came after its .0, with the commit of each change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from .. import data_files
from .release import UPSTREAM, release

_POINT = re.compile(r"(4\.\d+)\.(\d+)")
# As a person names one; with a number behind it is a build of XenServer's.
_NAMED = re.compile(r"(?:xen[ _-]*)?(4\.\d+\.\d+)(?!-?\d)", re.IGNORECASE)


class Change(NamedTuple):
    """`features`: by name, whose entry in Xen's header changed; none where only code did. `text`:
    what holds since. `arrivals`: series (`4.17`) -> point release (2) and commit.
    """

    title: str
    features: tuple[str, ...]
    text: str
    arrivals: Mapping[str, tuple[int, str]]


@cache
def changes() -> tuple[Change, ...]:
    """All of them, the oldest first."""
    return tuple(_change(line) for line in _lines()[1:])


@cache
def newest() -> Mapping[str, int]:
    """Series -> the newest point release that is known, whose tables are those here."""
    _, names = _lines()[0].split(" | ")
    return {series: int(point) for series, point in (n.rsplit(".", 1) for n in names.split())}


def later(series: str, point: int) -> tuple[Change, ...]:
    """What came to a series after a point release, in the order in which it came."""
    arrived = [c for c in changes() if series in c.arrivals and c.arrivals[series][0] > point]
    return tuple(sorted(arrived, key=lambda change: change.arrivals[series][0]))


def named(text: str) -> str:
    """The point release that a text names (`Xen 4.17.2`), "" if it names none."""
    match = _NAMED.match(text.strip())
    return match[1] if match else ""


def note(version: str) -> str:
    """How a point release differs from the tables of its series, in a sentence.

    "" for a version that names no point release of a series known here, and for the newest one.
    """
    match = _POINT.match(version)
    if match is None:
        return ""
    series, point = match[1], int(match[2])
    if series not in UPSTREAM:
        return ""
    last = newest().get(series)
    title = f"Xen {series}.{point}"
    if last is None:
        return f"{title}: names are those of the end of its branch ({release(series).source})"
    tables = f"{title}: names and rules are those of {series}.{last}"
    if point > last:
        return f"{tables}, the newest known here"
    if point == last:
        return ""
    lacking = later(series, point)
    if not lacking:
        return f"{tables}; no difference is known"
    by_point: dict[int, list[str]] = {}
    for change in lacking:
        by_point.setdefault(change.arrivals[series][0], []).append(change.title)
    came = "; ".join(f"{series}.{number}: {', '.join(by_point[number])}" for number in by_point)
    return f"{tables}; not yet in it: {came} (docs/point-releases.md)"


def _lines() -> list[str]:
    text = data_files.read_text("point_releases.txt")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def _change(line: str) -> Change:
    title, features, text, arrivals = line.split(" | ")
    named = () if features == "-" else tuple(features.split())
    return Change(title, named, text, dict(_arrival(arrival) for arrival in arrivals.split()))


def _arrival(text: str) -> tuple[str, tuple[int, str]]:
    name, commit = text.split("@")
    series, point = name.rsplit(".", 1)
    return series, (int(point), commit)


__all__ = ["Change", "changes", "later", "named", "newest", "note"]
