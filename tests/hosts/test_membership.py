"""What xapi says of a host as a member of its pool, and which of two readings is the newer."""

from __future__ import annotations

import pytest

from xenops_cpu.hosts.membership import NO_POOL, Membership, numbers
from xenops_cpu.hosts.moment import UNKNOWN_MOMENT, Moment

WHOLE = Membership("p1", True, False, True, {"xen": "4.17.6-2"})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("4.17.6-2.1", (4, 17, 6, 2, 1)),
        ("4.17.6-2.1-9", (4, 17, 6, 2, 1)),
        (" 3.4.0\n", (3, 4, 0)),
        ("4.17.x-2", (4, 17, 2)),
        ("4.\u00b2", (4,)),
        ("", ()),
        ("unknown", ()),
    ],
)
def test_a_version_as_xapi_reads_it(text: str, version: tuple[int, ...]) -> None:
    """Both halves at their dots, no third; what is no number does not count."""
    assert numbers(text) == version


def test_one_version_of_a_host() -> None:
    """By its key in software_version; none where the host does not tell it."""
    assert WHOLE.version("xen") == (4, 17, 6, 2)
    assert WHOLE.version("xapi") == ()


@pytest.mark.parametrize(
    ("mine", "other", "both"),
    [
        (WHOLE, NO_POOL, WHOLE),
        (NO_POOL, WHOLE, WHOLE),
        (WHOLE, Membership("p2", False, True, False, {"xen": "4.13"}), WHOLE),
        (
            Membership("p1", False, None),
            Membership("p2", True, True, True),
            Membership("p1", False, True),
        ),
        (Membership("", None, False), Membership("p2", True, True), Membership("p2", True, False)),
    ],
)
def test_two_that_tell_of_one_host(mine: Membership, other: Membership, both: Membership) -> None:
    """The first one's word counts, False as well; whether an upgrade runs is with the pool."""
    assert mine | other == both


def test_nothing_told_is_false() -> None:
    """So that a source that says nothing of a pool can be passed over."""
    assert not NO_POOL
    assert not Membership()
    assert Membership(enabled=False)


@pytest.mark.parametrize(
    ("mine", "other", "newer"),
    [
        (Moment(generation=3), Moment(generation=2), True),
        (Moment(generation=2), Moment(generation=3), False),
        (Moment("2026-01-02", 2), Moment("2026-01-01", 3), False),
        (Moment("2026-01-02", 3), Moment("2026-01-01", 3), True),
        (Moment("2026-01-01", 3), Moment("2026-01-02"), False),
        (Moment("2026-01-02"), Moment("2026-01-01", 3), True),
        (Moment("2026-01-01"), Moment("2026-01-01"), None),
        (Moment(generation=3), Moment(generation=3), None),
        (Moment(generation=3), UNKNOWN_MOMENT, None),
        (UNKNOWN_MOMENT, Moment(generation=3), None),
        (Moment("2026-01-01"), UNKNOWN_MOMENT, None),
        (UNKNOWN_MOMENT, Moment("2026-01-01"), None),
    ],
)
def test_which_is_newer(mine: Moment, other: Moment, newer: bool | None) -> None:
    """By the database's count where both have one, else by the clock; else nobody knows."""
    assert mine.newer(other) is newer


def test_a_moment_for_people() -> None:
    """The time before the count; nothing of what is not known."""
    assert str(Moment("2026-01-01T09:30:00Z", 7)) == "2026-01-01T09:30:00Z"
    assert str(Moment(generation=7)) == "generation 7"
    assert str(UNKNOWN_MOMENT) == ""
