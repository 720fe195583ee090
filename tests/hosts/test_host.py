"""One host's sets by guest type and kind, and what is known of its CPU."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.host import (
    DEFAULT,
    MAX,
    SETS,
    TITLES,
    UNKNOWN,
    UNTOLD,
    Featuresets,
    Processor,
    Xen,
    set_name,
)
from xenops_cpu.interface import GuestType

PV, HVM = GuestType.PV, GuestType.HVM
FEATURES = ("FPU", "SSE", "AVX", "AVX2", "HLE", "RTM")
EACH = Featuresets(*(names(name) for name in FEATURES))


@pytest.mark.parametrize(
    ("guest", "kind", "name", "feature"),
    [
        (PV, DEFAULT, "pv_default", "AVX"),
        (HVM, DEFAULT, "hvm_default", "AVX2"),
        (PV, MAX, "pv_max", "HLE"),
        (HVM, MAX, "hvm_max", "RTM"),
    ],
)
def test_a_set_by_guest_type_and_kind(
    guest: GuestType, kind: object, name: str, feature: str
) -> None:
    """No two of the four are mixed up."""
    assert kind in (DEFAULT, MAX)
    chosen = DEFAULT if kind is DEFAULT else MAX
    assert set_name(guest, chosen) == name
    assert EACH.of(guest, chosen) == EACH.named(name) == names(feature)


def test_what_a_new_guest_gets() -> None:
    """The default of its own type."""
    assert EACH.default(PV) == names("AVX")
    assert EACH.default(HVM) == names("AVX2")


def test_every_set_has_a_name_and_a_title() -> None:
    """SETS names the members of Featuresets in their order, and people are told each."""
    assert [EACH.named(name) for name in SETS] == [names(name) for name in FEATURES]
    assert set(TITLES) == set(SETS)
    with pytest.raises(AttributeError):
        EACH.named("pv")


def test_the_length_is_that_of_the_longest_set() -> None:
    """Sets that nobody told have no words; max sets that Xen does not have do not count."""
    assert Featuresets(UNTOLD, UNTOLD, UNTOLD, UNTOLD).length == 0
    assert Featuresets(UNTOLD, names("FPU", "4.13"), UNTOLD, UNTOLD).length == 11
    assert evolve(EACH, hvm_max=Featureset(0, 22)).length == 22


def test_the_vendor_of_a_host() -> None:
    """Empty where it is not known, so that nobody compares with the word for that."""
    assert made().vendor == "GenuineIntel"
    assert evolve(made(), processor=Processor()).vendor == ""
    assert Processor().vendor == UNKNOWN


def test_the_release_of_a_host() -> None:
    """By Xen's version, and by the number of words."""
    host = made(xen="4.18")
    assert host.release is host.fit.release is release("4.18")
    assert evolve(host, xen=Xen(UNKNOWN)).release is release("master")
