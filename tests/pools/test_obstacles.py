"""xenops_cpu.pools.obstacles: what keeps a VM out of a host beside features."""

from __future__ import annotations

from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from tests.support.updates import AMD, INTEL, vm
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.pools.obstacles import impossible, of_stream, refusals


def test_who_is_bound_stays_at_home() -> None:
    """A VM that may not be migrated is kept out of every host but the one it is on."""
    at_home, other = (evolve(host("a", "FPU"), uuid=f"uuid-{n}") for n in (1, 2))
    bound = vm("v", names("FPU"), 1, immobile="it uses nested virtualisation")
    assert impossible(bound, at_home) == []
    assert impossible(bound, other) == [
        "xapi lets it go nowhere while it runs: it uses nested virtualisation"
    ]
    assert impossible(evolve(bound, halted=True), other) == []


def test_who_refuses_another_vendor() -> None:
    """Xen itself from 4.22 on; before that xapi, and Xen would take the VM."""
    amd = vm("v", names("FPU"), vendor=AMD)
    for release, who in (("4.21", "xapi"), ("4.22", "Xen")):
        assert impossible(amd, host("h", "FPU", xen=release)) == [
            f"the VM was started on a CPU of {AMD}, the host has one of {INTEL}: {who} refuses that"
        ]


def test_a_featureset_of_its_own_that_is_too_long() -> None:
    """A VM that boots with bits in words that the host does not have cannot be built; by the words
    of its own guest type.
    """
    member = host("h", "FPU")
    pv = Offer(PV, names("FPU").cut(4), names("FPU").cut(4))
    short = evolve(member, offers={HVM: member.offers[HVM], PV: pv})
    own = names("FPU RDSEED ADX")  # in word 5
    booting = evolve(vm("v", names("FPU")), features=None, own=own)
    assert impossible(booting, short) == []
    assert impossible(evolve(booting, guest=PV), short) == [
        "its platform:featureset has features beyond the host's 4 words (RDSEED ADX): the domain "
        "cannot be built"
    ]
    assert impossible(evolve(booting, guest=PV, own=None), short) == []
    assert impossible(evolve(booting, guest=PV, own=own.cut(3)), short) == []


def test_a_host_without_sets_of_that_type() -> None:
    """A record without a migration set is refused, whatever the VM has seen; by its own type."""
    bare = evolve(host("h", "FPU"), offers={HVM: Offer(HVM, names("FPU"), Featureset(), False)})
    assert refusals(vm("v", names("")), bare) == [
        "the host's record has no features_hvm: xapi says that it does not have new leveling "
        "feature keys, and refuses"
    ]
    assert refusals(vm("v", names("FPU")), host("h", "FPU")) == []


def test_streams_between_releases() -> None:
    """Before 4.14 a stream has no policy, and what has one is not read there."""
    guest = vm("v", names("FPU"))
    old, new = host("o", "FPU", xen="4.13"), host("n", "FPU")
    assert list(of_stream(guest, old)) == []
    assert list(of_stream(evolve(guest, origin="4.17"), new)) == []
    assert list(of_stream(evolve(guest, origin="4.13"), new)) == [
        "Xen 4.13 sends no CPU policy: the host makes the VM a new one, with its own highest CPUID "
        "leaves"
    ]
    assert list(of_stream(evolve(guest, origin="4.17"), old)) == [
        "the libxc of Xen 4.13 reads no stream of Xen 4.17: no VM goes back"
    ]
