"""Spans of releases: in which Xen releases a step of the derivation, or an option, exists.

A span is words; a new release is in every word that is open:

    "all"  "4.14+"  "4.13-4.21"  "4.17+ xs8"  "xs8/4.17.5-13+"  "xs8/4.17.3-4"

`xs8`, `xs8.2`, `xsr` are XenServer 8, 8.2 and the 8.2 retrofit of April 2023, with all their
builds; behind a slash a build of the line, or with `+` that build and all later ones.
"""

from __future__ import annotations

from functools import cache

from ..errors import Error
from ..features.release import (
    DERIVED_SINCE,
    LENGTHS,
    RELEASES,
    UPSTREAM,
    Release,
    build_numbers,
    builds,
    release,
)

DERIVED_RELEASES = RELEASES[RELEASES.index(DERIVED_SINCE) :]
_UPSTREAM = tuple(name for name in DERIVED_RELEASES if name in UPSTREAM)
XENSERVER = {"xs8": "xenserver-8", "xs8.2": "xenserver-8.2", "xsr": "xenserver-8.2-retrofit"}


class DerivationError(Error):
    """A release whose derivation is not known here."""


def derived_release(text: str) -> Release:
    """The release of a name, if its derivation is known. Raises ReleaseError, DerivationError."""
    xen = release(text)
    if xen.name not in DERIVED_RELEASES:
        raise DerivationError(
            f"what {xen.title} derives is not known; there are {', '.join(DERIVED_RELEASES)}"
        )
    return xen


@cache
def span(text: str) -> frozenset[str]:
    """The release names a span text stands for. Raises ValueError for a release that is none."""
    names: set[str] = set()
    for word in text.split():
        line, _, build = word.partition("/")
        if word == "all":
            names.update(DERIVED_RELEASES)
        elif line in XENSERVER:
            names.update(_builds(XENSERVER[line], build))
        elif word.endswith("+"):
            names.update(_UPSTREAM[_place(text, word[:-1]) :])
        else:
            first, _, last = word.partition("-")
            names.update(_UPSTREAM[_place(text, first) : _place(text, last or first) + 1])
    return frozenset(names)


def _place(text: str, name: str) -> int:
    if name not in _UPSTREAM:
        raise ValueError(f'"{text}": {name} is no release whose derivation is known')
    return _UPSTREAM.index(name)


def _builds(line: str, build: str) -> tuple[str, ...]:
    if not build:
        return builds(line)
    if build.endswith("+"):
        least = build_numbers(build[:-1])
        names = builds(line)  # their tables are not read for it
        return tuple(n for n in names if build_numbers(n.removeprefix(f"{line}-")) >= least)
    name = f"{line}-{build}"
    if name not in LENGTHS:
        raise ValueError(f"{build} is no build of {line} that is known here")
    return (name,)
