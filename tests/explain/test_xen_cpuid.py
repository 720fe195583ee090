"""xen-cpuid's text: as the genuine tool of each release prints it, and as it reads arguments."""

from __future__ import annotations

import ctypes
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import GOLDEN, ROOT, SHARED
from tests.support.hosts import example, made
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.explain import xen_cpuid
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.features.xen_cpuid_names import tool

PRINTED = GOLDEN / "xen-cpuid"
RECORDS = [json.loads(line) for line in (PRINTED / "records.jsonl").read_text().splitlines()]


def agrees(record: dict[str, Any]) -> None:
    printed, complaints = xen_cpuid.decode(record["args"], release(record["xen"]))
    assert printed == record["stdout"]
    assert "".join(f"{line}\n" for line in complaints) == record["stderr"]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: f"{r['xen']} {r['args'][0][:24]}")
def test_as_the_tool_prints(record: dict[str, Any]) -> None:
    """Text and complaints are those of the genuine tool, byte for byte."""
    agrees(record)


def test_every_recorded_call() -> None:
    """All calls of the larger collection agree as well."""
    file = SHARED / "xen" / "golden" / "xen-cpuid-decode.jsonl"
    if not file.exists():
        pytest.skip("the larger collection of calls is not beside this checkout")
    for line in file.read_text().splitlines():
        agrees(json.loads(line))


@pytest.mark.parametrize(("name", "detail"), [("epyc-xen-4.17", False), ("epyc-xen-4.20", True)])
def test_the_sets_of_a_host(name: str, detail: bool) -> None:
    """The whole output for a host is that of the tool in the Xen it was captured from."""
    file = PRINTED / f"{name}.{'detail' if detail else 'info'}.txt"
    assert xen_cpuid.info(example(name), detail) == file.read_text()


def test_the_sets_of_every_captured_host() -> None:
    """So is that for the other shipped hosts, in both forms."""
    if not (SHARED / "xen-real").exists():
        pytest.skip("the recorded output of booted Xens is not beside this checkout")
    names = {"skylake-server": "Skylake-Server", "ivybridge": "IvyBridge", "epyc": "EPYC"}
    for ours, theirs in names.items():
        host = example(f"{ours}-xen-4.17")
        file = SHARED / "xen-real" / "captures" / f"{theirs}.xen-cpuid"
        assert xen_cpuid.info(host, detail=False) == file.with_suffix(".xen-cpuid.txt").read_text()
        assert xen_cpuid.info(host, True) == Path(f"{file}-d.txt").read_text()
        named = {name: host.policies[ours] for name, ours in xen_cpuid.POLICIES.items()
                 if ours in host.policies}  # fmt: skip
        without_counts = re.compile(r"\d+ leaves, ")
        theirs_text = without_counts.sub("", Path(f"{file}-p.txt").read_text())
        assert without_counts.sub("", xen_cpuid.policies(named)) in theirs_text


def test_a_set_that_there_is_not() -> None:
    """A Xen that has no max sets prints none; a host that tells none is printed so."""
    assert "not supported" not in xen_cpuid.info(made(xen="4.13", max_=None), detail=False)
    assert "PV Max featureset not supported by Xen\n" in xen_cpuid.info(made(max_=None), False)


def test_every_release_has_its_tool() -> None:
    """Names come in whole words, and no word is beyond those of the release."""
    for name in RELEASES:
        xen = release(name)
        printing = tool(xen)
        assert {len(word) for word in printing.names} == {32}
        assert len(printing.names) <= xen.length
        everything = Featureset((1 << 32 * xen.length) - 1, xen.length)
        text = xen_cpuid.one_set("Raw", everything, xen, detail=True)
        assert len(text.splitlines()) == 1 + len(printing.names)


def test_from_4_19_on_the_names_are_those_of_the_features() -> None:
    """The tool's names are then Xen's own, in lower case and with hyphens."""
    for name in ("4.19", "master"):
        xen = release(name)
        for feature in xen.features.values():
            expected = feature.name.lower().replace("_", "-")
            assert tool(xen).name(feature.number) == expected


NUMBERS = st.from_regex(r"[ \t]?[+-]?(0[xX])?[0-9a-fA-F]{0,20}[:g x-]?", fullmatch=True)


@given(NUMBERS)
def test_numbers_as_the_c_library_reads_them(text: str) -> None:
    """Signs, 0x, blanks and numbers that are too large are read as scanf("%x") reads them."""
    libc = ctypes.CDLL(None)
    value, end = ctypes.c_uint(0), ctypes.c_int(0)
    found = libc.sscanf(text.encode(), b"%x%n", ctypes.byref(value), ctypes.byref(end))
    argument = xen_cpuid.read_argument(text, release("4.7"))
    if found == 1:
        assert argument.featureset.words[0] == value.value
    else:
        assert argument.featureset.length == 0


@given(st.text(alphabet="0123456789abcdefx:- g", max_size=80), st.sampled_from(RELEASES))
def test_any_argument_is_read(text: str, name: str) -> None:
    """No argument makes the reading fail, and what is read is within the release's length."""
    argument = xen_cpuid.read_argument(text, release(name))
    assert argument.featureset.length <= release(name).length


def test_the_data_is_what_the_descriptions_say() -> None:
    """Made anew from the descriptions of the releases, the tables are the same."""
    descriptions = SHARED / "xen" / "features"
    if not descriptions.exists():
        pytest.skip("the descriptions of Xen's releases are not beside this checkout")
    importer = runpy.run_path(str(ROOT / "scripts" / "import-features"))
    sources = {
        path.stem.removeprefix("xen-"): json.loads(path.read_text())
        for path in sorted(descriptions.glob("*.json"))
    }
    data = ROOT / "xenops_cpu" / "data"
    table = importer["merged"]({"releases": {}, "names": []}, sources)
    assert importer["tool_names"](table) == (data / "xen_cpuid.json").read_text()
    for name, source in sources.items():
        text = (data / "features" / f"{importer['build_of'](name, source)}.json").read_text()
        assert importer["dump"](importer["compact"](source)) == text


def test_a_release_is_merged_without_touching_others() -> None:
    """A description of one release changes what is known of that one and of no other."""
    importer = runpy.run_path(str(ROOT / "scripts" / "import-features"))
    table = json.loads((ROOT / "xenops_cpu" / "data" / "xen_cpuid.json").read_text())
    one_word = {
        "column_width": 24,
        "separators_accepted": [":", "-"],
        "static_set_names": ["Known"],
        "dynamic_set_names": {"0": "Raw"},
        "words": [{"index": 0, "bits": ["fpu", *[None] * 31]}],
    }
    new = importer["merged"](table, {"4.17": {"xen_cpuid_tool": one_word}})
    assert new["releases"]["4.17"]["static"] == ["Known"]
    assert [row for row in new["names"] if "4.17" in row[1]] == [[0, ["4.17"], "fpu" + " -" * 31]]

    def others(of: dict[str, Any]) -> list[list[Any]]:
        rows = ([i, [r for r in having if r != "4.17"], names] for i, having, names in of["names"])
        return sorted(row for row in rows if row[1])

    assert others(new) == others(table)
    assert new["releases"].keys() == table["releases"].keys()
    assert importer["merged"](new, {"none": {"xen_cpuid_tool": None}}) == new


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("ffffffffffffffff", 0xFFFFFFFF),
        ("1ffffffff00000000", 0xFFFFFFFF),
        ("123456789abcdef01", 0xFFFFFFFF),
        ("123456789abcdef0", 0x9ABCDEF0),
        ("-1", 0xFFFFFFFF),
        ("-123456789abcdef01", 0xFFFFFFFF),
        ("0x", 0),
        ("+0X1f", 0x1F),
    ],
)
def test_numbers_at_the_edges(text: str, word: int) -> None:
    """64 bits are kept to their low half; more than that is all ones, whatever its sign."""
    assert xen_cpuid.read_argument(text, release("4.17")).featureset.words == (word,)


def test_words_beyond_the_last_are_left() -> None:
    """As many words as the release has are read; what follows is said to be ignored."""
    xen = release("4.19")
    text = ":".join(["1"] * (xen.length + 1))
    argument = xen_cpuid.read_argument(text, xen)
    assert argument.featureset == Featureset.of_words([1] * xen.length)
    assert argument.complaints == ("':1' unrecognized - ignoring",)


def test_an_argument_that_is_none() -> None:
    """Old tools print an empty set for it, later ones pass it over and say so."""
    assert xen_cpuid.decode(["what"], release("4.7")) == ("Raw                       ", ())
    assert xen_cpuid.decode(["what"], release("4.19")) == (
        "",
        ("'what' unrecognized - skipping",),
    )


def test_leaves_of_zeros_are_counted_and_not_printed() -> None:
    """As the tool does it: the count is of all, the lines are of those with something in them."""
    policy = Policy({(1, 0): (1, 2, 3, 4), (2, 0): (0, 0, 0, 0)}, {0x10A: 5})
    assert xen_cpuid.policies({"Raw": policy}) == "\n".join(
        [
            "Raw policy: 2 leaves, 1 MSRs",
            " CPUID:",
            "  leaf     subleaf  -> eax      ebx      ecx      edx     ",
            "  00000001:00000000 -> 00000001:00000002:00000003:00000004",
            " MSRs:",
            "  index    -> value           ",
            "  0000010a -> 0000000000000005",
        ]
    )
