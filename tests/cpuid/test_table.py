"""A policy as Xen keeps it: slots, what a list of it shows, features in registers."""

from __future__ import annotations

import pytest

from xenops_cpu.cpuid.policy import NO_SUBLEAF, Policy
from xenops_cpu.cpuid.slots import slots
from xenops_cpu.cpuid.table import PolicyTable
from xenops_cpu.features.release import release

XEN = release("4.17")


def table(*leaves: tuple[int, int, int, int, int, int]) -> PolicyTable:
    policy = Policy({(leaf, sub): (a, b, c, d) for leaf, sub, a, b, c, d in leaves})
    return PolicyTable.of(policy, slots(XEN))


@pytest.mark.parametrize(
    ("name", "subleaf", "extended", "entries"),
    [
        ("4.13", 1, 0x8000001C, 14 + 1 + 5 + 1 + 62 + 29 + 2),
        ("4.17", 2, 0x80000021, 14 + 2 + 5 + 1 + 62 + 34 + 2),
        ("xenserver-8-4.17.6-2", 3, 0x80000021, 14 + 3 + 5 + 1 + 62 + 34 + 2),
        ("xenserver-8.2-retrofit", 3, 0x8000001C, 14 + 3 + 5 + 1 + 62 + 29 + 2),
    ],
)
def test_slots_of_releases(name: str, subleaf: int, extended: int, entries: int) -> None:
    """Each release has its own last leaves, and takes no list that is longer than all of them."""
    sizes = slots(release(name))
    assert (sizes.features, sizes.extended, sizes.most_leaves) == (subleaf, extended, entries)


@pytest.mark.parametrize(
    ("key", "there"),
    [
        ((0, NO_SUBLEAF), True),
        ((0, 0), False),
        ((4, 5), True),
        ((4, 6), False),
        ((4, NO_SUBLEAF), False),
        ((0xD, 62), True),
        ((0xD, 63), False),
        ((0xE, NO_SUBLEAF), False),
        ((0x40000000, NO_SUBLEAF), True),
        ((0x40000001, NO_SUBLEAF), False),
        ((0x80000021, NO_SUBLEAF), True),
        ((0x80000022, NO_SUBLEAF), False),
    ],
)
def test_what_has_a_slot(key: tuple[int, int], there: bool) -> None:
    """A leaf without subleaves has none, one with a table of them ends where the table does."""
    assert slots(XEN).has(key) is there


def test_a_list_ends_at_the_limits() -> None:
    """Leaves beyond the highest are kept, and not listed; those of Xen are always there."""
    kept = table((0, NO_SUBLEAF, 1, 1, 2, 3), (2, NO_SUBLEAF, 9, 9, 9, 9))
    listed = kept.policy()
    assert kept.leaf(2) == (9, 9, 9, 9)
    assert list(listed.leaves) == [
        (0, NO_SUBLEAF), (1, NO_SUBLEAF), (0x40000000, NO_SUBLEAF), (0x40000100, NO_SUBLEAF),
        (0x80000000, NO_SUBLEAF),
    ]  # fmt: skip
    assert listed.msrs == {0xCE: 0, 0x10A: 0}


def test_subleaves_in_a_list() -> None:
    """Caches end with the first that is none, state with its highest component, gaps included."""
    kept = table(
        (0, NO_SUBLEAF, 0xD, 1, 2, 3), (4, 0, 0x21, 0, 0, 0), (7, 0, 9, 0, 0, 0),
        (0xD, 0, 0x207, 0, 0, 0), (0xD, 9, 8, 0xA80, 0, 0),
    )  # fmt: skip
    keys = list(kept.policy().leaves)
    assert [sub for leaf, sub in keys if leaf == 4] == [0, 1]
    assert [sub for leaf, sub in keys if leaf == 7] == [0, 1, 2]
    assert [sub for leaf, sub in keys if leaf == 0xB] == [0]
    assert [sub for leaf, sub in keys if leaf == 0xD] == list(range(10))


def test_features_in_and_out() -> None:
    """The words of a featureset are registers, whatever the limits say, and MSR 10ah."""
    kept = table((0, NO_SUBLEAF, 1, 1, 2, 3))
    bits = (1 << XEN.length * 32) - 1
    kept.put_features(XEN, bits)
    assert kept.features(XEN) == bits
    assert kept.leaf(0x80000021)[0] == 0xFFFFFFFF
    assert kept.msrs[0x10A] == 0xFFFFFFFFFFFFFFFF
    kept.put_features(XEN, 0)
    assert kept.features(XEN) == 0
    assert kept.leaves == {(0, NO_SUBLEAF): (1, 1, 2, 3)}
    assert kept.msrs == {}


def test_a_list_read_into_a_table() -> None:
    """Subleaf 0 and none are one; leaves and registers without a slot are left out."""
    policy = Policy(
        {(0, 0): (7, 1, 2, 3), (7, NO_SUBLEAF): (0, 5, 0, 0), (0x1F, 0): (1, 1, 1, 1)},
        {0xCE: 1 << 33 | 1, 0x10: 7},
    )
    kept = PolicyTable.of(policy, slots(XEN))
    assert kept.leaves == {(0, NO_SUBLEAF): (7, 1, 2, 3), (7, 0): (0, 5, 0, 0)}
    assert kept.msrs == {0xCE: 1}
