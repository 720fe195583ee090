"""The names that libxl takes for cpuid=, by release and point release."""

from __future__ import annotations

import pytest

from xenops_cpu.derivation import DERIVED_RELEASES
from xenops_cpu.features import point_releases
from xenops_cpu.features.release import UPSTREAM, Release, release
from xenops_cpu.guests.libxl_names import Flag, early_name_of, name_of, names, since
from xenops_cpu.guests.xl import read, resulting


@pytest.mark.parametrize("xen", ["4.13", "4.14", "4.17", "4.20", "master", "xenserver-8"])
def test_every_name_means_its_bit(xen: str) -> None:
    """What is found for a feature sets that feature and no other when libxl reads it."""
    tables = release(xen)
    for feature in tables.features.values():
        for name in {name_of(tables, feature.number), early_name_of(tables, feature.number)}:
            if name is None:
                continue
            setting = read(f"host,{name}=1", tables)
            assert not setting.complaints
            everything = tables.masks["known"]
            without = everything - tables.featureset([feature.name])
            assert resulting(setting, without, tables) == everything


def test_what_a_line_size_is_not() -> None:
    """clflush is the size of a line: the feature has another name, in every release."""
    for xen in map(release, DERIVED_RELEASES):
        flag = names(xen)["clflush"]
        assert isinstance(flag, Flag)
        assert flag.width == 8
        number = xen.features["CLFLUSH"].number
        assert name_of(xen, number) == early_name_of(xen, number) == "clfsh"


@pytest.mark.parametrize(
    ("xen", "feature", "early", "point"),
    [
        ("4.13", "XSAVEOPT", None, 0),
        ("4.13", "TSC_ADJUST", "tsc_adjust", 0),
        ("4.13", "IBRS", "ibrs", 5),
        ("4.14", "XSAVEOPT", "xsaveopt", 6),
        ("4.15", "RDCL_NO", "rdcl-no", 5),
        ("4.15", "TSXLDTRK", "tsxldtrk", 2),
        ("4.16", "ITSC", "invtsc", 0),
        ("4.17", "SSE4_1", "sse4_1", 0),
        ("4.17", "EIBRS", "eibrs", 2),
        ("4.18", "ITSC", "itsc", 0),
        ("4.19", "VERW_CLEAR", "verw-clear", 3),
        ("xenserver-8", "XSAVEOPT", "xsaveopt", 0),
    ],
)
def test_the_oldest_name(xen: str, feature: str, early: str | None, point: int) -> None:
    """Of several names the one that most point releases take, and since when it is taken."""
    tables = release(xen)
    assert early_name_of(tables, tables.features[feature].number) == early
    assert early is None or since(tables, early) == point


def test_a_name_is_preferred() -> None:
    """Among names equally old."""
    xen = release("4.17")
    number = xen.features["SSE4_1"].number
    assert early_name_of(xen, number, ["sse4.1"]) == "sse4.1"
    assert early_name_of(xen, number, ["sse4-1"]) == "sse4_1"  # that one is later


@pytest.mark.parametrize("series", [name for name in UPSTREAM if name in point_releases.newest()])
def test_the_table_speaks_of_names_that_are_there(series: str) -> None:
    """What came late is known to the newest point release, and came by then."""
    xen: Release = release(series)
    late = {name: since(xen, name) for name in names(xen) if since(xen, name)}
    assert set(late.values()) <= set(range(1, point_releases.newest()[series] + 1))
    assert since(xen, "no such name") == 0


def test_bits_beyond_the_release() -> None:
    """They have no name."""
    xen = release("4.17")
    assert name_of(xen, 30 * 32) is None
    assert early_name_of(xen, 30 * 32) is None
