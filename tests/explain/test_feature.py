"""A feature explained: what it rests on, where it is on a host, and why."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import EXAMPLES, example
from xenops_cpu.cpus import shipped
from xenops_cpu.cpus.params import options_of
from xenops_cpu.derivation import SETS
from xenops_cpu.derivation.hardware import VMX_ASSUMED
from xenops_cpu.explain.feature import Explanation, Place, explain
from xenops_cpu.explain.reasons import rederive
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.hosts.host import UNTOLD
from xenops_cpu.sources.simulated import Simulated, other_cpu


def of(name: str, host: str = "skylake-server-xen-4.17") -> Explanation:
    captured = example(host)
    return explain(captured.release.features[name].number, captured.release, captured)


def test_dependencies_in_both_directions() -> None:
    """What a feature needs and what needs it."""
    xen = release("4.17")
    found = explain(xen.features["AVX2"].number, xen)
    assert "AVX" in xen.names(found.needs)
    assert "AVX512F" in xen.names(found.needed_by)
    assert found.places == {}


@pytest.mark.parametrize("name", RELEASES)
def test_each_direction_is_the_other_s_inverse(name: str) -> None:
    """A needs B just when B is needed by A."""
    xen = release(name)
    found = {f.number: explain(f.number, xen) for f in xen.features.values()}
    pairs = {(number, base) for number, one in found.items() for base in one.needs}
    inverse = {
        (dependent, base)
        for base, one in found.items()
        for dependent in one.needed_by
        if dependent in found
    }
    assert pairs == inverse


def test_reasons_on_a_captured_host() -> None:
    """CLWB is in silicon, not in host because of GDS, in PV max for who has it already."""
    found = of("CLWB")
    assert [found.places[name].present for name in SETS[:4]] == [True, False, True, False]
    assert found.places["host"].why[-1].step == "host.clwb"
    assert found.places["pv_max"].why[-1].step == "max.clwb"
    assert "made again from the raw CPU policy" in found.notes[0]


def test_notes_are_of_what_bears_on_the_feature() -> None:
    """That VMX's registers were guessed is said of what EPT and they decide on, not of RTM."""
    bare = evolve(shipped.find("xeon-gold-6240").cpu, msrs={})
    host, derivation = Simulated(other_cpu(bare), release("4.17")).explained()
    xen = derivation.release
    assert VMX_ASSUMED in derivation.notes
    about = {
        name
        for name, feature in xen.features.items()
        if VMX_ASSUMED in explain(feature.number, xen, host, derivation).notes
    }
    assert {"INVPCID", "RDTSCP", "PCID"} <= about
    assert not about & {"RTM", "HLE", "AVX512F", "IBRSB", "ARCH_CAPS"}
    notes = explain(xen.features["RTM"].number, xen, host, derivation).notes
    assert "MSR 10a (ARCH_CAPS) is not known: 0, no immunities, is assumed" in notes


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_reason_for_every_bit_of_every_set(name: str) -> None:
    """Made again, the derivation agrees with the booted Xen, but for what an emulator decides."""
    host = example(name)
    derivation, _ = rederive(host)
    assert derivation is not None
    for number in range(host.release.length * 32):
        for key, place in explain(number, host.release, host, derivation).places.items():
            if not place.why:
                assert (key[:3], host.release.label(number)) == ("hvm", "VIRT_SSBD")
            else:
                assert place.why[-1].present == place.present or place.why[-1].feature != number


def test_no_reason_where_the_derivation_differs() -> None:
    """A set that holds what it should not has no reason told for that."""
    host = example("epyc-xen-4.17")
    hle = host.release.features["HLE"].number
    odd = evolve(
        host.featuresets, pv_default=Featureset(host.featuresets.pv_default.bits | 1 << hle, 19)
    )
    found = explain(hle, host.release, evolve(host, featuresets=odd))
    assert found.places["pv_default"].present
    assert not found.places["pv_default"].why
    assert found.places["pv_max"].why


def test_without_a_policy_there_are_no_reasons() -> None:
    """The sets are told, and a note says what reasons would need."""
    host = evolve(example(), policies={})
    found = explain(0, host.release, host)
    assert found.places["raw"].present
    assert not found.places["raw"].why
    assert found.notes == ("no reasons: they need the raw CPU policy, which was not told",)


def test_compatibility_bits_are_labelled() -> None:
    """A bit that XenServer's libxc adds says so."""
    gold = shipped.find("xeon-gold-6240")
    host, derivation = Simulated(
        other_cpu(gold.cpu), release("xenserver-8"), options_of(gold.params)
    ).explained()
    ibs = host.release.features["IBS"].number
    hvm_max = host.featuresets.hvm_max
    assert hvm_max is not None
    with_ibs = Featureset(hvm_max.bits | 1 << ibs, hvm_max.length)
    host = evolve(host, featuresets=evolve(host.featuresets, hvm_max=with_ibs))
    place = explain(ibs, host.release, host, derivation).places["hvm_max"]
    assert place.present
    assert "Xen 4.7 showed it falsely" in place.compatibility


def test_tsx_is_told_with_its_features_only() -> None:
    """RTM brings the state of TSX along; FPU does not."""
    assert of("RTM").tsx is not None
    assert of("FPU").tsx is None


def test_a_set_that_was_not_told() -> None:
    """It says neither yes nor no, and has no reason; the sets that were told do."""
    host = example("epyc-xen-4.17")
    untold = evolve(host, featuresets=evolve(host.featuresets, raw=UNTOLD, pv_max=None))
    places = explain(0, host.release, untold).places
    assert places["raw"] == places["pv_max"] == Place(None)
    assert places["host"].present
