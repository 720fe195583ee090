"""Words that are no feature: every name in their file is one that exists."""

from __future__ import annotations

import configparser

import pytest

from xenops_cpu import data_files
from xenops_cpu.features import aliases, concepts, meanings
from xenops_cpu.features.aliases import UnknownFeature
from xenops_cpu.features.concepts import Concept
from xenops_cpu.features.release import NEWEST, release

ALL = pytest.mark.parametrize("concept", concepts.concepts(), ids=lambda concept: concept.name)


@ALL
def test_every_feature_exists(concept: Concept) -> None:
    """Under the name that the newest release has for it."""
    assert set(concept.features) <= set(release(NEWEST).features)
    assert set(concept.features) <= set(meanings.meanings())


@ALL
def test_every_concept_is_whole(concept: Concept) -> None:
    """With sentences, a source and a kind; a leak says what tells of it."""
    assert concept.text.endswith(".")
    assert concept.title
    assert concept.sources
    assert concept.kind in concepts.KINDS
    assert set(concept.vendors) <= {"Intel", "AMD"}
    if concept.kind == concepts.LEAK:
        assert concept.safe or concept.helps
        assert any("CVE-" in source for source in concept.sources)
    else:
        assert (concept.safe, concept.helps, concept.needs) == ((), (), ())
        assert concept.commands


@ALL
def test_no_feature_is_called_so(concept: Concept) -> None:
    """A feature's name would win, so a concept's would be out of reach."""
    for name in concept.names:
        assert concepts.find(name) == concept
        with pytest.raises(UnknownFeature):
            aliases.find(name)


def test_every_immunity_belongs_to_a_leak() -> None:
    """Each bit that says that a CPU is immune to something is told of under its leak."""
    known = {name for concept in concepts.concepts() for name in concept.features}
    immune = {
        name for name, meaning in meanings.meanings().items() if meaning.risk.startswith("immune")
    }
    assert immune - known == {"MCDT_NO"}  # a matter of timing, with no word that people ask for


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("zombieload", "MDS"),
        ("avx512", "AVX-512"),
        ("AVX 512", "AVX-512"),
        ("Nested Virtualization", "nested virtualisation"),
        ("downfall", "GDS"),
        ("itlb_multihit", "iTLB multihit"),
    ],
)
def test_names_as_people_write_them(text: str, name: str) -> None:
    """In any case, with blanks, hyphens or neither, and by other names."""
    found = concepts.find(text)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    "text", [data_files.read_text("concepts.ini"), "# a\n[b]\n\nkey = c = d\n# e\nmore = f\n  g\n"]
)
def test_the_file_is_read_as_others_read_it(text: str) -> None:
    """Comments, values with an equals sign, and lines that go on: as Python's configparser."""
    reader = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    reader.read_string(text)
    assert concepts._sections(text) == {name: dict(reader[name]) for name in reader.sections()}


def test_close_names() -> None:
    """A mistyped word is led to the right one; nonsense to none."""
    assert concepts.close("retbled") == ("Retbleed",)
    assert concepts.close("qqqq") == ()


def test_concepts_of_a_feature() -> None:
    """A feature leads to the words that it belongs to."""
    assert [concept.name for concept in concepts.about("RDCL_NO")] == ["Meltdown", "L1TF"]
    assert concepts.about("FPU") == ()
