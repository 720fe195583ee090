"""What point releases changed: told for each version, and nothing where nothing is known."""

from __future__ import annotations

import pytest

from tests import ROOT
from xenops_cpu.features.fit import fit
from xenops_cpu.features.point_releases import changes, later, named, newest, note
from xenops_cpu.features.release import RELEASES, UPSTREAM, release

DATA = ROOT / "xenops_cpu" / "data" / "point_releases.txt"


def test_every_line_is_whole() -> None:
    """A title, a text, and at least one arrival with a commit, in a series whose end is known."""
    titles = [change.title for change in changes()]
    assert len(titles) == len(set(titles))
    for change in changes():
        assert change.text
        assert change.arrivals
        for series, (point, commit) in change.arrivals.items():
            assert 0 < point <= newest()[series], (change.title, series)
            assert len(commit) == 10
            int(commit, 16)


def test_every_series_that_is_derived_has_its_end() -> None:
    """Series from 4.13 on have a newest point release; master has none."""
    assert set(newest()) == set(UPSTREAM[UPSTREAM.index("4.13") :]) - {"master"}


def test_features_are_those_of_some_release() -> None:
    """A feature that a line names exists at the end of each series that the line came to."""
    for change in changes():
        for series in change.arrivals:
            assert set(change.features) <= set(release(series).features), change.title


def test_what_came_later() -> None:
    """In the order of the point releases; nothing after the last one."""
    assert [change.title for change in later("4.17", 5)] == ["ITS", "TSA", "SRSO_US_NO"]
    assert later("4.17", 7) == ()
    assert "GDS" in [change.title for change in later("4.17", 1)]
    assert "GDS" not in [change.title for change in later("4.17", 2)]


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("4.17.5", "of 4.17.7; not yet in it: 4.17.6: ITS, TSA; 4.17.7: SRSO_US_NO"),
        ("4.17.0", "4.17.2: ARCH_CAPS for guests, RSBA and RRSBA, GDS, CLWB, SRSO"),
        ("4.19.5", "Xen 4.19.5: names and rules are those of 4.19.6; no difference is known"),
        ("4.17.9", "those of 4.17.7, the newest known here"),
        ("4.20.5-pre", "those of 4.20.4, the newest known here"),
        ("4.12.3", "names are those of the end of its branch (Xen stable-4.12"),
    ],
)
def test_what_is_said_of_a_version(version: str, said: str) -> None:
    """The tables it is answered with, and by point release what it has not got yet."""
    assert said in note(version)
    assert fit(version, 0).differs == note(version)


@pytest.mark.parametrize("version", ["4.17.7", "4.17", "4.22.0", "master", "", "4.99.1", "4.6.1"])
def test_nothing_to_say(version: str) -> None:
    """Of the newest, of a version without a point release, and of one that is not known here."""
    assert note(version) == ""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("4.17.2", "4.17.2"),
        ("Xen 4.17.2", "4.17.2"),
        ("xen-4.17.2", "4.17.2"),
        ("4.17", ""),
        ("4.17.6-2", ""),
        ("4.13.5-9.49", ""),
        ("xenserver-8", ""),
    ],
)
def test_what_a_person_names(text: str, name: str) -> None:
    """A point release, and neither a series nor a build of XenServer's."""
    assert named(text) == name


def test_builds_are_no_point_releases() -> None:
    """XenServer's builds have tables of their own: nothing is said of them."""
    assert fit("4.17.3-4", 22).differs == ""
    assert fit("4.17.3", 22).differs == ""
    assert all(not note(release(name).version) for name in RELEASES if name not in UPSTREAM[:6]
               and name in UPSTREAM)  # fmt: skip


def test_the_page_has_every_line() -> None:
    """docs/point-releases.md has each change; scripts/document-derivation writes them."""
    page = (ROOT / "docs" / "point-releases.md").read_text()
    for change in changes():
        assert f"| {change.title} | {change.text} |" in page


def test_every_line_of_the_data_is_a_change() -> None:
    """None is skipped; the features of a line are those that it names."""
    lines = [line for line in DATA.read_text().splitlines() if line and not line.startswith("#")]
    assert [change.title for change in changes()] == [line.split(" | ")[0] for line in lines[1:]]
    by_title = {change.title: change for change in changes()}
    assert by_title["CET's names"].features == ("CET_SS", "CET_IBT")
    assert by_title["the last CPUID leaves"].features == ()
    assert by_title["CET's names"].arrivals == {"4.13": (1, "682d71ff85")}
