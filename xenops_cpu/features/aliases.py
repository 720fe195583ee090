"""What others call a feature: xl, libvirt, Linux's /proc/cpuinfo, older releases and their tools.

The names of xl, libvirt and Linux stand in data/aliases.txt, which names its sources; those of
xen-cpuid are in data/xen_cpuid.json. One name can mean different features to different people
(libvirt's `ssb-no` is INTEL_SSB_NO, not SSB_NO), so Xen's own names win, and `libvirt:ssb-no` says
whose name is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain

from .. import data_files
from ..errors import Error
from .featureset import WORD_BITS
from .release import NEWEST, RELEASES, UPSTREAM, Release, release
from .xen_cpuid_names import every_name
from .xen_cpuid_names import tool as tool_of

XL, LIBVIRT, LINUX, XEN_CPUID = "xl", "libvirt", "linux", "xen-cpuid"
SPEAKERS = (XL, LIBVIRT, LINUX, XEN_CPUID)

_NUMBER = r"<?(\d{1,2})\*32\+(\d{1,2})>?"


class UnknownFeature(Error):
    """A name that means no feature; the message says what is close to it."""


def find(text: str, xen: Release | None = None) -> tuple[int, ...]:
    """The numbers of the features that a name means, in any case, `-` or `_` between words.

    Names of the release come first (the newest's where None), then those of any release, then
    others'; `<word*32+bit>` is a number. More than one number where a name means several features
    (`ppin`). Raises UnknownFeature.
    """
    number = _number(text.strip())
    if number is not None:
        return (number,)
    speaker, colon, name = text.strip().rpartition(":")
    key = _key(name)
    if colon:
        if speaker not in SPEAKERS:
            raise UnknownFeature(f'"{speaker}" has no names here; there are {", ".join(SPEAKERS)}')
        numbers = _by_alias().get((speaker, key))
        if numbers:
            return numbers
        raise UnknownFeature(f'{speaker} has no feature "{name}"')
    for tables in chain((xen or release(NEWEST),), map(release, reversed(RELEASES))):
        for feature in tables.features.values():
            if _key(feature.name) == key:
                return (feature.number,)
    features = {number for speaker in SPEAKERS for number in _by_alias().get((speaker, key), ())}
    if features:
        return tuple(sorted(features))
    raise UnknownFeature(_unknown(text))


def aliases(number: int, xen: Release | None = None) -> dict[str, tuple[str, ...]]:
    """What each of SPEAKERS calls the feature; those that have no name for it are left out.

    xen-cpuid's names are the release's own where one is given, else all that it ever had.
    """
    others = _others(release(NEWEST).label(number))
    names_by_speaker = {speaker: names for speaker, names in others.items() if names}
    tool_names = (tool_of(xen).name(number),) if xen else every_name(number)
    own = tuple(name for name in tool_names if not name.startswith("<") and name != "REZ")
    if own:
        names_by_speaker[XEN_CPUID] = own
    return names_by_speaker


def since(number: int) -> str | None:
    """The first upstream release that names the feature; None where no release does.

    A XenServer release is named where upstream has none.
    """
    for name in (*UPSTREAM, *RELEASES):
        if release(name).feature(number) is not None:
            return name
    return None


def _key(name: str) -> str:
    return name.strip().lower().replace("_", "-")


def _number(text: str) -> int | None:
    """Of `<word*32+bit>`; None for what is no number."""
    match = re.fullmatch(_NUMBER, text) if "*" in text else None
    if match is None or int(match[2]) >= WORD_BITS:
        return None
    return int(match[1]) * WORD_BITS + int(match[2])


@cache
def _rows() -> Mapping[str, str]:
    """The columns of data/aliases.txt by Xen's name, of which no release has one that the newest
    has not.
    """
    lines = data_files.read_text("aliases.txt").splitlines()
    rows = (line.partition(" ") for line in lines if line and not line.startswith("#"))
    return {name: columns for name, _, columns in rows}


def _others(name: str) -> Mapping[str, tuple[str, ...]]:
    """What data/aliases.txt has for a feature, by speaker."""
    columns = _rows().get(name)
    if columns is None:
        return {}
    own = {XL: name.lower().replace("_", "-"), LINUX: name.lower()}
    own[LIBVIRT] = own[XL]
    return {
        speaker: () if column == "-" else tuple(
            own[speaker] if part == "=" else part for part in column.split(",")
        )
        for speaker, column in zip((XL, LIBVIRT, LINUX), columns.split(), strict=True)
    }  # fmt: skip


@cache
def _by_alias() -> Mapping[tuple[str, str], tuple[int, ...]]:
    numbers_by_name: dict[tuple[str, str], set[int]] = {}
    for number, speaker, name in _spoken():
        numbers_by_name.setdefault((speaker, _key(name)), set()).add(number)
    return {key: tuple(sorted(numbers)) for key, numbers in numbers_by_name.items()}


def _spoken() -> Iterator[tuple[int, str, str]]:
    newest = release(NEWEST).features
    for own_name in _rows():
        number = _number(own_name)
        for speaker, names in _others(own_name).items():
            for name in names:
                yield newest[own_name].number if number is None else number, speaker, name
    for release_name in RELEASES:
        tool = tool_of(release(release_name))
        for word, spelled in enumerate(tool.names):
            # AMD's copies of leaf 1 in 80000001h bear the names of leaf 1.
            copied = tool.names[0] if word == 2 else (None,) * WORD_BITS
            for bit, own in enumerate(spelled):
                if own not in (None, "REZ", copied[bit]):
                    yield word * WORD_BITS + bit, XEN_CPUID, str(own)


def _unknown(text: str) -> str:
    import difflib

    names = {_key(f.name): f.name for name in RELEASES for f in release(name).features.values()}
    close = difflib.get_close_matches(_key(text), names)
    hint = f"; did you mean {', '.join(names[name] for name in close)}?" if close else ""
    return f'no Xen release has a feature "{text.strip()[:60]}"{hint}'
