"""A concept on a host: a yes only where a feature says so."""

from __future__ import annotations

import pytest

from tests.support.hosts import example, made
from xenops_cpu.explain.concept import PLACES, Standing, on_host
from xenops_cpu.features import concepts
from xenops_cpu.features.concepts import Concept
from xenops_cpu.hosts.host import Host
from xenops_cpu.inputs import resolve


def concept(name: str) -> Concept:
    found = concepts.find(name)
    assert found is not None
    return found


def simulated(text: str) -> Host:
    return resolve(text).hosts[0].host


@pytest.mark.parametrize(
    ("host", "name", "standing"),
    [
        ("cpu:xeon-gold-6154@4.17", "MDS", Standing.HELPED),
        ("cpu:xeon-gold-6240@4.17", "MDS", Standing.NOT_OPEN),
        ("cpu:xeon-gold-6240@4.17", "TAA", Standing.HELPED),
        ("cpu:xeon-e3-1245-v3@4.17", "TAA", Standing.NOTHING_TO_LEAK),
        ("cpu:xeon-gold-6240@4.17", "SRSO", Standing.OTHER_VENDOR),
        ("cpu:epyc-7763@4.17", "MDS", Standing.OTHER_VENDOR),
        ("cpu:epyc-7763@4.17", "Retbleed", Standing.NOT_OPEN),
        ("cpu:epyc-7763@4.17", "Spectre", Standing.HELPED),
        ("cpu:xeon-gold-6154@4.17", "L1TF", Standing.HELPED),
    ],
)
def test_standing(host: str, name: str, standing: Standing) -> None:
    """As the vendors' lists have these CPUs, with today's microcode."""
    assert on_host(concept(name), simulated(host)).standing is standing


def test_a_bit_in_migration_alone_says_nothing() -> None:
    """Xen takes MD_CLEAR in on CPUs without it: that is no help here."""
    answer = on_host(concept("MDS"), made("FPU", "FPU MD_CLEAR"))
    assert answer.standing is Standing.OPEN
    assert answer.places["MD_CLEAR"]["hvm_migration"]
    assert "take it as open: there is no MDS_NO or MD_CLEAR" in answer.sentences[0]


def test_all_of_a_group_are_needed() -> None:
    """MMIO stale data: two of its three bits do not make a CPU safe."""
    two, three = "FPU SBDR_SSDP_NO FBSDP_NO", "FPU SBDR_SSDP_NO FBSDP_NO PSDP_NO"
    assert on_host(concept("MMIO"), made(two, two)).standing is Standing.OPEN
    assert on_host(concept("MMIO"), made(three, three)).standing is Standing.NOT_OPEN


def test_words_that_nobody_told() -> None:
    """Xen 4.13 has no word for RDCL_NO: its host is not called open for that."""
    answer = on_host(concept("Meltdown"), simulated("cpu:xeon-gold-6154@4.13"))
    assert answer.standing is Standing.NOT_TOLD
    assert set(answer.places["RDCL_NO"].values()) == {None}
    assert set(answer.places["RDCL_NO"]) == set(PLACES)


def test_abilities_have_no_standing() -> None:
    """They are there or not, feature by feature; TSX brings its state in words."""
    answer = on_host(concept("TSX"), example())
    assert answer.standing is None
    assert answer.sentences[0].startswith("absent")
