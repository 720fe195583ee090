"""Feature names, masks and dependencies of every release."""

import json
import pickle
from pathlib import Path

import pytest

from tests import SHARED, needs_shared
from xenops_cpu.features.release import (
    LENGTHS,
    RELEASES,
    ReleaseError,
    Word,
    build_numbers,
    builds,
    nearest_build,
    release,
    release_name,
    spoken_range,
)


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_is_whole(name: str) -> None:
    """Numbers are unique and in bounds; masks, dependencies and names speak of the same words."""
    tables = release(name)
    numbers = [feature.number for feature in tables.features.values()]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < tables.length * 32
    assert {mask.length for mask in tables.masks.values()} == {tables.length}
    for number, dependents in tables.deep_deps.items():
        assert number in tables.masks["deep_features"]
        # The closure is closed: who depends on a dependent depends on the base as well.
        for dependent in dependents:
            assert tables.deep_deps.get(dependent, tables.featureset([])) <= dependents


@pytest.mark.parametrize("name", RELEASES)
def test_default_masks_are_within_max_masks(name: str) -> None:
    """What a release offers at boot it also takes in, for each guest type."""
    masks = release(name).masks
    for kind in ("pv", "hvm_shadow", "hvm_hap"):
        assert masks[f"{kind}_def"] <= masks[f"{kind}_max"]


@pytest.mark.parametrize("name", RELEASES)
def test_annotations_say_what_the_masks_say(name: str) -> None:
    """A is for PV, S for HVM, H for HVM with HAP; a lower-case letter is in max only."""
    tables = release(name)
    for feature in tables.features.values():
        letter = feature.annotation.replace("!", "").replace("|", "")
        expected = {
            "pv_max": letter in ("A", "a"),
            "hvm_shadow_max": letter in ("A", "a", "S", "s"),
            "hvm_hap_max": letter in ("A", "a", "S", "s", "H", "h"),
            "pv_def": letter == "A",
            "hvm_shadow_def": letter in ("A", "S"),
            "hvm_hap_def": letter in ("A", "S", "H"),
        }
        if not tables.has_max:
            expected = {mask: holds for mask, holds in expected.items() if mask.endswith("_def")}
        for mask, holds in expected.items():
            assert (feature.number in tables.masks[mask]) == holds, (feature, mask)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("4.17", "4.17"),
        ("4.17.7", "4.17"),
        ("Xen 4.17", "4.17"),
        ("xen-4.13", "4.13"),
        ("4.17-rc3", "4.17"),
        ("master", "master"),
        ("XenServer 8", "xenserver-8-4.17.6-2"),
        ("xenserver-8.4", "xenserver-8-4.17.6-2"),
        ("XCP-ng 8.3", "xenserver-8-4.17.6-2"),
        ("xcp-ng-8.3.0", "xenserver-8-4.17.6-2"),
        ("xenserver-8.2", "xenserver-8.2-4.13.5-9.49"),
        ("xcp-ng-8.2.1", "xenserver-8.2-4.13.5-9.49"),
        ("xenserver-8-4.17.3-4", "xenserver-8-4.17.3-4"),
        ("xenserver-8-4.17.5-13", "xenserver-8-4.17.3-4"),
        ("xenserver-8-4.17.6-2.xs8", "xenserver-8-4.17.6-2"),
        ("4.17.6-2", "xenserver-8-4.17.6-2"),
        ("4.13.5-9.40", "xenserver-8.2-4.13.5-9.39"),
        ("4.17.3-pre", "4.17"),
    ],
)
def test_releases_go_by_several_names(text: str, name: str) -> None:
    """A version, a patch level and the usual spellings name a release."""
    assert release_name(text) == name
    assert release(text) is release(name)


@pytest.mark.parametrize("text", ["", "4", "4.6", "4.171", "5.0", "debian", "../4.17"])
def test_an_unknown_release_lists_the_known(text: str) -> None:
    """What names no release is refused with a list of what there is."""
    with pytest.raises(ReleaseError, match=r"4\.7, .*master"):
        release(text)


def test_labels() -> None:
    """A bit without a name is labelled by its word and bit, as in libxc."""
    tables = release("4.17")
    hle = tables.features["HLE"]
    assert (hle.word, hle.bit, hle.annotation) == (5, 4, "!a")
    assert tables.names([hle.number, 10, 5000]) == ["HLE", "<0*32+10>", "<156*32+8>"]
    assert tables.feature(10) is None
    assert tables.title == "Xen 4.17"
    assert release("xenserver-8.2-retrofit").title == "XenServer 8.2 retrofit"


def test_words_say_where_they_come_from() -> None:
    """Leaf, subleaf and register, or MSR and half, or reserved."""
    words = release("4.17").words
    assert str(words[0]) == "CPUID 0x00000001.edx"
    assert str(words[5]) == "CPUID 0x00000007:0.ebx"
    assert str(words[16]) == "MSR 0x0000010a.lo"
    assert str(release("xenserver-8").words[20]) == "reserved word 20"
    assert words[4] == Word(4, "Da1", leaf=0xD, subleaf=1, register="eax")


@needs_shared
@pytest.mark.parametrize("name", RELEASES)
def test_the_tables_hold_what_they_were_made_from(name: str) -> None:
    """Every mask, dependency, number and command-line name is as in the reference."""
    folder: Path = SHARED / "xen" / "features"
    file = {
        "xenserver-8-4.17.3-4": "xenserver-8",
        "xenserver-8.2-4.13.5-9.39": "xenserver-8.2",
    }.get(name, name if name.startswith("xenserver") else f"xen-{name}")
    path = folder / f"{file}.json"
    reference = json.loads(path.read_text())
    tables = release(name)
    assert {key: f.number for key, f in tables.features.items()} == {
        feature["name"]: feature["number"] for feature in reference["features"]
    }
    for key, mask in reference["masks"].items():
        if mask is not None:
            assert str(tables.masks[key]) == "-".join(mask)
    for dependencies in reference["deep_deps"].values():
        assert str(tables.deep_deps[dependencies["number"]]) == "-".join(dependencies["mask"])
    cmdline = reference["cpuid_cmdline_names"] or {}
    assert list(tables.cmdline_names) == sorted(cmdline)


def test_lengths_are_those_of_the_tables() -> None:
    """The list of releases has each table's number of words, and names no release without one."""
    for name, length in LENGTHS.items():
        assert release(name).length == length


def test_lines_and_builds() -> None:
    """A line is the builds of one release, in order; upstream releases are lines of their own."""
    assert builds("xenserver-8") == ("xenserver-8-4.17.3-4", "xenserver-8-4.17.6-2")
    today = release("xenserver-8")
    assert (today.line, today.build, today.version) == ("xenserver-8", "4.17.6-2", "4.17.6-2")
    assert today.title == "XenServer 8 (4.17.6-2)"
    assert today.xenserver
    upstream = release("4.17")
    assert (upstream.line, upstream.build, upstream.xenserver) == ("4.17", "", False)
    assert release("master").version == "4.23-unstable"
    assert nearest_build("xenserver-8", "4.17.2-1") == "xenserver-8-4.17.3-4"
    assert [release(name).place for name in RELEASES] == list(range(len(RELEASES)))


def test_max_policies_came_with_4_14() -> None:
    """Upstream from 4.14 on, and XenServer 8, which is built from 4.17."""
    without = {name for name in RELEASES if not release(name).has_max}
    assert without == {
        "4.7", "4.8", "4.9", "4.10", "4.11", "4.12", "4.13", "xenserver-8.2-retrofit",
        "xenserver-8.2-4.13.5-9.39", "xenserver-8.2-4.13.5-9.49",
    }  # fmt: skip
    assert all(release(name).has_max in (True, False) for name in RELEASES)


def test_the_place_of_each_word() -> None:
    """A register of a leaf, with its subleaf where it has some, or half an MSR."""
    words = release("4.17").words
    assert [word.index for word in words] == list(range(19))
    assert [str(words[index]) for index in (0, 2, 5, 16, 17)] == [
        "CPUID 0x00000001.edx", "CPUID 0x80000001.edx", "CPUID 0x00000007:0.ebx",
        "MSR 0x0000010a.lo", "MSR 0x0000010a.hi",
    ]  # fmt: skip
    assert [words[index].name for index in (0, 2, 5, 16)] == ["1d", "e1d", "7b0", "m10Al"]


def test_a_word_that_is_reserved() -> None:
    """XenServer 8.2 has words without a place; they have an index and a name all the same."""
    reserved = [
        word for name in RELEASES for word in release(name).words
        if word.leaf is None and word.msr is None
    ]  # fmt: skip
    assert reserved
    for word in reserved:
        assert str(word) == f"reserved word {word.index}"
        assert word.name
        assert word.name != "None"


def test_names_on_the_command_line() -> None:
    """Lower case, hyphens, in order, for releases whose cpuid= knows names; none before."""
    xen = release("4.17")
    assert xen.cmdline_names["avx512-ifma"] == xen.features["AVX512_IFMA"].number
    assert list(xen.cmdline_names) == sorted(xen.cmdline_names)
    assert release("4.12").cmdline_names == {}
    assert release("xenserver-8.2-retrofit").cmdline_names["doitm"] is None


@pytest.mark.parametrize(
    ("build", "numbers"),
    [
        ("4.17.6-2", (4, 17, 6, 2)),
        ("4.17.6-2.xs8", (4, 17, 6, 2)),
        ("4.13.5-9.49.1.xcpng8.2", (4, 13, 5, 9, 49, 1)),
        ("4.17.5-3.el7", (4, 17, 5, 3)),
    ],
)
def test_the_numbers_of_a_build(build: str, numbers: tuple[int, ...]) -> None:
    """What stands for the distribution at its end does not count."""
    assert build_numbers(build) == numbers


def test_releases_from_one_on() -> None:
    """As people are told which there are: upstream's first and last, the newest, the lines."""
    assert spoken_range("4.13") == "4.13 to 4.22, master, xenserver-8.2, xenserver-8"
    assert spoken_range("4.20") == "4.20 to 4.22, master, xenserver-8.2, xenserver-8"


def test_the_version_of_a_product_alone() -> None:
    """8.3 is XCP-ng's only, 8.2 of two products: the error says how to name them."""
    for text in ("8.3", "7.6", "9"):
        with pytest.raises(ReleaseError) as refused:
            release(text)
        assert str(refused.value).startswith(
            f'"{text}" is not a Xen release known here (a product has its name: XCP-ng 8.3, '
            "XenServer 8); there are 4.7, "
        )
    with pytest.raises(ReleaseError) as refused:
        release("X")
    assert str(refused.value).startswith('"X" is not a Xen release known here; there are ')


def test_what_is_no_release_names_all_there_are() -> None:
    """Releases and lines, then the builds; a build of a Xen without a line is none of them."""
    for text in ("5.1", "4.15.3-2"):
        with pytest.raises(ReleaseError) as refused:
            release(text)
        message = str(refused.value)
        assert message.startswith(f'"{text}" is not a Xen release known here; there are 4.7, 4.8, ')
        assert message.endswith(
            "and of the last ones the builds xenserver-8.2-retrofit, xenserver-8.2-4.13.5-9.39, "
            "xenserver-8.2-4.13.5-9.49, xenserver-8-4.17.3-4, xenserver-8-4.17.6-2"
        )


@pytest.mark.parametrize("name", RELEASES)
def test_another_process_has_its_own_tables(name: str) -> None:
    """A release goes to another process by its name, and is the only one of it there too."""
    text = pickle.dumps(release(name))
    assert len(text) < 200
    assert pickle.loads(text) is release(name)
