"""The names that libxl of each release knows for cpuid=, and the bits they stand for.

Its own table is data/libxl.txt; after that it looks for Xen's names of features (4.14 on), in
lower case with hyphens. XenServer's libxl is that of the Xen it is built from. Both are those of
the newest point release of each series; data/libxl_since.txt says what came late in a series.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple

from attrs import frozen

from .. import data_files
from ..cpuid.identity import REGISTERS
from ..cpuid.policy import NO_SUBLEAF
from ..cpuid.words import word_key
from ..derivation.releases import span
from ..features.featureset import WORD_BITS
from ..features.release import LINES, Release, release

_XEN_NAMES = "4.14+"
MSR_BITS = 64


class Flag(NamedTuple):
    """`width` bits of a register of CPUID from bit `low` on."""

    name: str
    leaf: int
    subleaf: int
    register: int
    low: int
    width: int


@frozen
class MsrBit:
    """One bit of a register."""

    name: str
    index: int
    bit: int


@cache
def _table() -> tuple[tuple[Flag, str], ...]:
    """libxl's own names, each with the releases that have it."""
    text = data_files.read_text("libxl.txt")
    rows = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, leaf, subleaf, register, low, width, releases = line.split()
            flag = Flag(
                name,
                int(leaf, 16),
                NO_SUBLEAF if subleaf == "-" else int(subleaf),
                REGISTERS.index(register),
                int(low),
                int(width),
            )
            rows.append((flag, releases))
    return tuple(rows)


@cache
def _names(name: str) -> Mapping[str, Flag | MsrBit]:
    names: dict[str, Flag | MsrBit] = {}
    if name in span(_XEN_NAMES):
        xen = release(name)
        for key, number in xen.cmdline_names.items():
            if number is not None:
                bit = _bit(xen, key, number)
                if bit is not None:
                    names[key] = bit
    names.update({flag.name: flag for flag, releases in _table() if name in span(releases)})
    return names


def _bit(xen: Release, name: str, number: int) -> Flag | MsrBit | None:
    if number >= xen.length * WORD_BITS:
        return None
    word, bit = xen.words[number // WORD_BITS], number % WORD_BITS
    if word.msr is not None:
        return MsrBit(name, word.msr, bit + (32 if word.half == "hi" else 0))
    if word.leaf is None or word.register is None:
        return None
    leaf, subleaf = word_key(word)
    return Flag(name, leaf, subleaf, REGISTERS.index(word.register), bit, 1)


def names(xen: Release) -> Mapping[str, Flag | MsrBit]:
    """What each name means to libxl of a release."""
    return _names(LINES.get(xen.line, xen.name))


def name_of(xen: Release, number: int) -> str | None:
    """A name of libxl's for a feature; Xen's own where it takes that. None where there is none."""
    names = _names_of(xen, number)
    own = _own(xen, number)
    return own if own in names else next(iter(names), None)


def since(xen: Release, name: str) -> int:
    """The first point release of its series whose libxl takes a name as it is taken now; 0 for all.

    Of a name that is not known, and of XenServer's builds, 0.
    """
    return _late(xen.name).get(name, 0)


def early_name_of(xen: Release, number: int, prefer: Collection[str] = ()) -> str | None:
    """The name that libxl of most point releases takes for a feature; None where there is none.

    Of names equally old: one to `prefer`, Xen's own, the first of the table.
    """
    own = _own(xen, number)
    return min(
        _names_of(xen, number),
        key=lambda name: (since(xen, name), name not in prefer, name != own),
        default=None,
    )


def _own(xen: Release, number: int) -> str:
    feature = xen.feature(number)
    return feature.name.lower().replace("_", "-") if feature else ""


def _names_of(xen: Release, number: int) -> tuple[str, ...]:
    """All names that mean this bit and no other."""
    flag = _bit(xen, "", number)
    return () if flag is None else _by_bits(LINES.get(xen.line, xen.name)).get(_bits(flag), ())


@cache
def _by_bits(name: str) -> Mapping[tuple[int, ...], tuple[str, ...]]:
    names: dict[tuple[int, ...], tuple[str, ...]] = {}
    for key, flag in _names(name).items():
        names[_bits(flag)] = (*names.get(_bits(flag), ()), key)
    return names


def _bits(flag: Flag | MsrBit) -> tuple[int, ...]:
    """What a name stands for, to compare by."""
    if isinstance(flag, MsrBit):
        return flag.index, flag.bit
    return flag.leaf, flag.subleaf, flag.register, flag.low, flag.width


@cache
def _late(series: str) -> Mapping[str, int]:
    """The names that came to a series after its .0, each with its point release."""
    text = data_files.read_text("libxl_since.txt")
    late: dict[str, int] = {}
    for line in text.splitlines():
        version, *names = line.split()
        of, _, point = version.rpartition(".")
        if of == series:
            late.update(dict.fromkeys(names, int(point)))
    return late
