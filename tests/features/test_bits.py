"""Bits decoded: names, places, exposure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xenops_cpu.features import bits
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.meanings import meaning
from xenops_cpu.features.release import RELEASES, release


@given(st.lists(st.integers(0, 0xFFFFFFFF), max_size=22), st.sampled_from(RELEASES))
def test_a_decoded_featureset_is_the_featureset(words: list[int], name: str) -> None:
    """Numbers, names and words of the bits give the same featureset back."""
    featureset = Featureset.of_words(words)
    decoded = bits.decode(featureset, release(name))
    assert Featureset.of_features((bit.number for bit in decoded), len(words)) == featureset
    assert [bit.name for bit in decoded] == release(name).names(featureset)


def test_one_bit() -> None:
    """Everything that there is to say of HLE in 4.17."""
    bit = bits.describe(5 * 32 + 4, release("4.17"))
    assert (bit.name, bit.annotation, bit.since, bit.group) == ("HLE", "!a", "4.7", "tsx")
    assert bit.place == "CPUID 0x00000007:0.ebx bit 4"
    assert bit.exposure == (
        "offered to PV and HVM guests, not by default: only taken in with a VM that has it, or on "
        "request, by rules of its own"
    )
    assert bit.aliases["xl"] == ("hle",)


def test_a_bit_that_the_release_does_not_know() -> None:
    """Printed as Xen prints it; what a newer release knows of it is told all the same."""
    bit = bits.describe(11 * 32 + 23, release("4.17"))
    assert (bit.name, bit.since) == ("<11*32+23>", "4.22")
    assert bit.exposure == "not known to this release"
    assert bits.describe(40 * 32, release("4.17")).place == "word 40 bit 0"


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("", "offered to no guest"),
        ("!", "offered to no guest but by rules of its own"),
        ("A", "offered to PV and HVM guests"),
        ("S", "offered to HVM guests"),
        ("H", "offered to HVM guests with hardware-assisted paging"),
        ("!A|", "offered to PV and HVM guests, by rules of its own; in a pool's level if any host"),
    ],
)
def test_exposure(annotation: str, words: str) -> None:
    """The header's annotations in words."""
    assert bits.exposure(annotation).startswith(words)


def test_all_that_is_said_of_a_bit() -> None:
    """Its meaning is that of the tables; a bit without a name has no annotation."""
    bit = bits.describe(0, release("4.17"))
    assert bit.meaning == meaning(release("4.17"), 0).text
    assert (bit.annotation, bit.bit, bit.number) == ("A", 0, 0)
    assert bits.describe(10, release("4.17")).annotation == ""


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("", "offered to no guest"),
        ("!", "offered to no guest but by rules of its own"),
        ("|", "offered to no guest; in a pool's level if any host has it"),
        ("a", "offered to PV and HVM guests, not by default: only taken in with a VM that has it, "
         "or on request"),
        ("S", "offered to HVM guests"),
    ],
)  # fmt: skip
def test_exposure_in_full(annotation: str, words: str) -> None:
    """Nothing is said beyond what the letters say."""
    assert bits.exposure(annotation) == words


def test_an_annotation_of_two_letters_is_none() -> None:
    """The header has one letter at most: two would be a mistake in a table."""
    with pytest.raises(KeyError):
        bits.exposure("AS")
