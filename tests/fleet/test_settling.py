"""The last step: the level out of a reduction, and reductions that no hosts can have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pools.test_levelling import HOSTS, XENS
from tests.support.fleets import pools
from tests.support.hosts import names
from tests.support.rows import reduction
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import Release
from xenops_cpu.fleet.error import FleetError
from xenops_cpu.fleet.row import rows
from xenops_cpu.fleet.settling import settle
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.levelling import Reduction, level, reduced


@given(HOSTS, XENS, st.integers(0, 6))
def test_reductions_of_parts_add_up(hosts: list[Featureset], xen: Release, cut: int) -> None:
    """Reduced apart and added, or in one go: one reduction, and the level of all hosts."""
    apart = reduced(hosts[:cut]) + reduced(hosts[cut:])
    assert apart == reduced(hosts)
    assert apart.settled(xen) == level(hosts, xen)
    assert Reduction() + apart == apart


def test_made_pools_are_settled_to_their_level() -> None:
    """Whatever their releases, certain or not: words, length and whose rules, as `level` has it."""
    for name, members in pools(150):
        table = [row for member in members for row in rows(member, name, "made")]
        for guest in GuestType:
            row = reduction(table, guest.name.lower())
            found = settle(**{name: row[name] for name in SOUND})
            expected = level_of(members, guest)
            assert (found.featureset, found.release) == (expected.featureset, expected.release)
            assert found.names == expected.names


SOUND: dict[str, Any] = {
    "in_all": [5, 0],
    "in_any": [7, 1],
    "length": 2,
    "count": 2,
    "releases": ["4.17"],
    "assumed": None,
}


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"in_all": [8, 0]}, "in_all has bits that in_any has not"),
        ({"in_any": [7, 1 << 32]}, "in_any, word 1: 4294967296 is not 0 to 4294967295"),
        ({"in_all": [-1, 0]}, "in_all, word 0: -1 is not"),
        ({"length": 1}, "in_any has bits beyond its 1 words"),
        ({"length": 3}, "in_all has 2 words, and the length is 3"),
        ({"length": 65}, "length 65 of 2 hosts"),
        ({"length": -1}, "length -1 of 2 hosts"),
        ({"count": 0}, "length 2 of 0 hosts"),
        ({"length": 0}, "length 0 of 2 hosts"),
        ({"count": 1}, "one host, but in_all and in_any differ"),
        ({"releases": ["3.4"]}, '"3.4" is not a Xen release known here'),
        ({"releases": []}, "2 hosts, and no release"),
    ],
)
def test_reductions_that_no_hosts_can_have(change: dict[str, Any], error: str) -> None:
    """A query that reduced something else is found out, where numbers can tell."""
    assert settle(**SOUND).featureset.length == 2
    with pytest.raises(FleetError, match=error):
        settle(**(SOUND | change))


def test_nothing_of_nobody() -> None:
    """A pool without such guests: NULLs and empty lists, and the featureset without words."""
    assert settle(None, None, None, 0, None).featureset == Featureset()
    assert settle([None], [None], 0, 0, [], ["4.17"]).featureset == Featureset()


def test_the_newest_release_that_is_certain_counts() -> None:
    """As in POOL.*: 4.18 is newer, 4.17 is what a host says; of both that say, the newer one."""
    both = names("FPU VERW_CLEAR", "4.18").words
    one = names("FPU", "4.18").words
    assert settle(one, both, 19, 2, ["4.17"], ["4.18"]).release.name == "4.17"
    assert settle(one, both, 19, 2, ["4.17", "4.18"]).release.name == "4.18"
    assert settle(one, both, 19, 2, [], ["4.17", "4.18"]).release.name == "4.18"
    assert "VERW_CLEAR" in settle(one, both, 19, 2, ["4.18"]).names
