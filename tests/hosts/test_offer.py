"""Boot and migration of a guest type, from Xen's own sets and from a record's."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.host import UNTOLD, Host
from xenops_cpu.hosts.offer import Offer, inconsistencies, offer, offers
from xenops_cpu.interface import GuestType

PV, HVM = GuestType.PV, GuestType.HVM


def different() -> Host:
    """A host whose four guest sets all differ."""
    host = made()
    sets = evolve(
        host.featuresets,
        pv_default=names("FPU"),
        hvm_default=names("SSE"),
        pv_max=names("AVX"),
        hvm_max=names("AVX2"),
    )
    return evolve(host, featuresets=sets)


def test_each_guest_type_has_its_own() -> None:
    """Default is boot, and max is max, of PV and of HVM guests; migration has both."""
    pv, hvm = offers(different())
    assert pv == Offer(PV, names("FPU"), names("AVX"), joined=True, max_from_xen=True)
    assert hvm == Offer(HVM, names("SSE"), names("AVX2"), joined=True, max_from_xen=True)
    assert pv.migration == names("FPU AVX")
    assert hvm.migration == names("SSE AVX2")


def test_a_record_s_migration_set_is_what_it_is() -> None:
    """xapi looks at features_pv alone, so boot is not added; a set that is missing has no words."""
    host = evolve(different(), recorded=True)
    assert offer(host, PV) == Offer(PV, names("FPU"), names("AVX"), joined=False)
    assert offer(host, PV).migration == names("AVX")
    lacking = evolve(host, featuresets=evolve(host.featuresets, hvm_max=None))
    assert offer(lacking, HVM) == Offer(HVM, names("SSE"), UNTOLD, joined=False)
    assert offer(lacking, HVM).migration == UNTOLD


@pytest.mark.parametrize("guest", [PV, HVM])
def test_max_made_where_xen_has_none(guest: GuestType) -> None:
    """Default, with HLE and RTM as the host has them; only for a guest type that runs at all."""
    host = made(default="FPU RTM", max_=None, host="FPU HLE", xen="4.13")
    fpu_rtm, fpu_hle = names("FPU RTM", "4.13"), names("FPU HLE", "4.13")
    assert offer(host, guest) == Offer(guest, fpu_rtm, fpu_hle, max_from_xen=False)
    nothing = Featureset(0, 11)
    none = evolve(host.featuresets, pv_default=nothing, hvm_default=nothing)
    made_none = offer(evolve(host, featuresets=none), guest)
    assert made_none == Offer(guest, nothing, nothing, max_from_xen=False)


def test_an_inconsistency_names_each_feature() -> None:
    """By guest type, names apart; a max that nobody told contradicts nothing."""
    host = made(default="FPU SSE AVX", max_="SSE")
    sets = evolve(host.featuresets, hvm_default=names("SSE"))
    assert list(inconsistencies(evolve(host, featuresets=sets))) == [
        "PV default is not within PV max; default − max: FPU AVX"
    ]
    untold = evolve(host, recorded=True, featuresets=evolve(sets, pv_max=None))
    assert list(inconsistencies(untold)) == []
