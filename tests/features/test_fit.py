"""Whose tables fit: by version and build, then by the number of words; and what is assumed."""

from __future__ import annotations

import pytest

from xenops_cpu.features.fit import Fit, by_length, fit
from xenops_cpu.features.release import NEWEST, RELEASES, release

XS8, TODAY = "xenserver-8-4.17.3-4", "xenserver-8-4.17.6-2"
XS82 = "xenserver-8.2-4.13.5-9.49"


@pytest.mark.parametrize(
    ("version", "length", "name"),
    [
        ("4.17.7", 19, "4.17"),
        ("4.17.7", 0, "4.17"),
        ("4.17.3-4", 22, XS8),
        ("4.17.6-2", 23, TODAY),
        ("4.17.6-2", 0, TODAY),
        ("4.13.5-9.49", 22, XS82),
        ("4.13.5-9.39", 22, "xenserver-8.2-4.13.5-9.39"),
        ("4.13.5", 18, "xenserver-8.2-retrofit"),
        ("4.13.5", 11, "4.13"),
        ("4.23-unstable", 19, "master"),
    ],
)
def test_what_a_host_says(version: str, length: int, name: str) -> None:
    """Version, build and length that belong together name a release, and nothing is assumed."""
    assert fit(version, length).release.name == name
    assert fit(version, length).certain
    assert fit(version, length).note == ""


@pytest.mark.parametrize(
    ("version", "length", "name", "said"),
    [
        ("4.17.5-13", 22, XS8, "of XenServer 4.17.5-13 no table is known here"),
        ("4.17.9-1", 23, TODAY, "of XenServer 4.17.9-1 no table is known here"),
        ("4.17.3", 22, XS8, "the build is not told: by its 22 words"),
        ("4.13.5", 22, XS82, "the build is not told"),
        ("4.17.6-2", 24, TODAY, "featuresets of 24 words are not known of XenServer 8"),
        ("4.22.1", 22, "4.22", "featuresets of 22 words are not known of Xen 4.22, which has 19"),
        ("4.20.1", 23, "4.20", "bits beyond have no names"),
        ("5.0", 25, "xenserver-8-4.17.6-2", "no release known here has 25 words"),
        ("4.99", 19, NEWEST, "Xen 4.99 is not known here"),
        ("4.6.6", 9, "4.7", "Xen 4.6.6 is not known here"),
        ("what", 19, "master", "which Xen 4.17 to master have"),
        ("", 22, XS8, "the release is not told"),
        ("", 23, TODAY, "by its 23 words"),
        ("", 21, XS8, "no release known here has 21 words"),
        ("", 64, TODAY, "no release known here has 64 words"),
        ("unknown", 10, "4.12", "which Xen 4.7 to 4.12 have"),
    ],
)
def test_what_is_assumed_is_said(version: str, length: int, name: str, said: str) -> None:
    """The version counts before the length, the nearest build at or below is taken; it is said."""
    assert fit(version, length).release.name == name
    assert said in fit(version, length).note


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_fits_itself(name: str) -> None:
    """What a hypervisor of a release says of itself leads back to that release."""
    xen = release(name)
    assert fit(xen.version, xen.length).release is xen


def test_a_length_that_upstream_has_not_is_never_upstreams() -> None:
    """22, 23 and more words are XenServer's, whoever asks."""
    for length in (20, 21, 22, 23, 24, 40):
        assert by_length(length).release.xenserver
        assert by_length(length, release("4.17")).release.xenserver


def test_on_a_host_its_own_tables_count() -> None:
    """The host's own as far as it knows the words; else by the number of words."""
    assert by_length(10, release("4.17")).release.name == "4.17"
    assert by_length(22, release("xenserver-8.2")).release.name == XS82
    assert by_length(18).release.name == "4.16"
    assert by_length(11).release.name == "4.13"
    assert by_length(0).release.name == NEWEST


@pytest.mark.parametrize(
    ("version", "length", "name", "certain", "note"),
    [
        ("4.99", 19, NEWEST, False, "Xen 4.99 is not known here: names are Xen master's"),
        ("4.6.6", 9, "4.7", False, "Xen 4.6.6 is not known here: names are Xen 4.7's"),
        ("4.23.0-rc1", 19, "master", True, ""),
        ("4.23", 22, "master", True, "featuresets of 22 words are not known of Xen master, which "
         "has 19: bits beyond have no names"),
        ("4.17.9-1", 22, XS8, True, "of XenServer 4.17.9-1 no table is known here: names and "
         "rules are those of XenServer 8 (4.17.3-4)"),
        ("4.17.9-1", 25, TODAY, True, "of XenServer 4.17.9-1 no table is known here: names and "
         "rules are those of XenServer 8 (4.17.6-2); featuresets of 25 words are not known of "
         "XenServer 8 (4.17.6-2), which has 23: bits beyond have no names"),
        ("4.13.9-1", 22, XS82, True, "of XenServer 4.13.9-1 no table is known here: names and "
         "rules are those of XenServer 8.2 (4.13.5-9.49)"),
        ("4.17.3", 24, TODAY, False, "featuresets of 24 words are not known of XenServer 8 "
         "(4.17.6-2), which has 23: bits beyond have no names"),
        ("4.13.5", 25, XS82, False, "featuresets of 25 words are not known of XenServer 8.2 "
         "(4.13.5-9.49), which has 22: bits beyond have no names"),
        ("4.13.5", 22, XS82, True, "the build is not told: by its 22 words, names and rules are "
         "those of XenServer 8.2 (4.13.5-9.49)"),
        (" 4.17 ", 19, "4.17", True, ""),
    ],
)  # fmt: skip
def test_the_whole_note(version: str, length: int, name: str, certain: bool, note: str) -> None:
    """Whose tables are taken, why, and whether the host itself says so."""
    found = fit(version, length)
    assert (found.release.name, found.certain, found.note) == (name, certain, note)


@pytest.mark.parametrize(
    ("length", "name", "note"),
    [
        (0, NEWEST, ""),
        (11, "4.13", "the release is not told: by its 11 words, names and rules are those of Xen "
         "4.13"),
        (10, "4.12", "the release is not told: by its 10 words, which Xen 4.7 to 4.12 have, names "
         "and rules are those of Xen 4.12"),
        (23, TODAY, "the release is not told: by its 23 words, names and rules are those of "
         "XenServer 8 (4.17.6-2)"),
        (12, "4.16", "no release known here has 12 words: names and rules are those of Xen 4.16"),
        (9, "4.12", "no release known here has 9 words: names and rules are those of Xen 4.12"),
        (24, TODAY, "no release known here has 24 words: names and rules are those of XenServer 8 "
         "(4.17.6-2)"),
    ],
)  # fmt: skip
def test_by_length_nothing_is_certain(length: int, name: str, note: str) -> None:
    """The newest of that length, else of the next longer one, else the longest; never certain."""
    found = by_length(length)
    assert (found.release.name, found.certain, found.note) == (name, False, note)
    assert by_length(0, release("4.13")) == Fit(release("4.13"), certain=False)


def test_two_releases_of_one_length() -> None:
    """Where just two releases have a length, both are named."""
    alike = [name for name in RELEASES if release(name).length == 18]
    assert alike == ["xenserver-8.2-retrofit", "4.14", "4.15", "4.16"]
    assert "which XenServer 8.2 retrofit to 4.16 have" in by_length(18).note
