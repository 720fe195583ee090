"""What a VM risks that goes on without a feature it has seen."""

from __future__ import annotations

import pytest

from xenops_cpu.features.meanings import meanings
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.features.risks import immunities, risk

XEN = release("4.17")
KINDS = {"-", "control", "state", "guest", "topology", "hint"}


def number(name: str) -> int:
    return XEN.features[name].number


def test_every_kind_is_known() -> None:
    """The column beside a meaning has one of the kinds, or names what a CPU is immune to."""
    for name, meaning in meanings().items():
        assert meaning.risk in KINDS or meaning.risk.startswith("immune: "), name


def test_every_immunity_of_the_newest_release_is_known() -> None:
    """A feature called *_NO is an immunity, and the table has it."""
    unsaid = {name for name in release("master").features if name.endswith("_NO")}
    assert unsaid <= set(immunities())


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MDS_NO", "immune to MDS"),
        ("RTM", "begin a transaction"),
        ("HLE", "none but speed"),
        ("RSBA", "as it was told to"),
        ("IF_PSCHANGE_MC_NO", "machine checks"),
        ("LFENCE_DISPATCH", "barriers of LFENCE"),
        ("EIBRS", "no fault, but"),
        ("MD_CLEAR", "needless or without effect"),
        ("IBRSB", "kernel may crash"),
        ("AVX512F", "XSAVE"),
        ("SSE4_2", "invalid opcode"),
        ("ERMS", "speed or behaviour"),
        ("HTT", "counted its CPUs"),
        ("DOITM", "what this bit of a register promises"),
    ],
)
def test_the_risk_in_words(name: str, words: str) -> None:
    """Each kind of feature has its own risk."""
    assert words in risk(XEN, number(name))


def test_the_risk_of_a_bit_without_a_name() -> None:
    """It is said not to be known."""
    assert "not known" in risk(XEN, 10)


def test_every_feature_of_every_release_has_a_risk() -> None:
    """No feature is without a sentence."""
    for name in RELEASES:
        xen = release(name)
        assert all(risk(xen, feature.number) for feature in xen.features.values())


@pytest.mark.parametrize(
    ("bit", "sentence"),
    [
        (number("MDS_NO"), "the guest takes the CPU to be immune to MDS and leaves its protection "
         "off: other software may read its secrets"),
        (64, "little: on AMD it repeats FPU of leaf 1, which guests look at"),
        (10, "not known: this release has no name for the bit"),
        (XEN.length * 32 - 1, "not known: this release has no name for the bit"),
        (XEN.length * 32, "not known: this release has no name for the bit"),
        (16 * 32 + 31, "the guest relies on what this bit of a register promises"),
        (17 * 32 + 31, "the guest relies on what this bit of a register promises"),
        (number("SSE4_2"), "programs or the kernel that use it stop with an invalid opcode (#UD) "
         "or a fault"),
    ],
)  # fmt: skip
def test_the_whole_sentence(bit: int, sentence: str) -> None:
    """Named or not, in a register, beyond the words that a release has: each has its sentence."""
    assert risk(XEN, bit) == sentence


def test_every_kind_of_risk_has_a_sentence_of_its_own() -> None:
    """A feature of each kind is told by that kind, not by what is said of all others."""
    others = risk(XEN, number("SSE4_2"))
    for name, meaning in meanings().items():
        if meaning.risk != "-" and name in XEN.features:
            assert risk(XEN, number(name)) != others, name
