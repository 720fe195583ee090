"""decode and diff as a person types them: words, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.explain.test_xen_cpuid import RECORDS
from tests.support.hosts import example, made
from tests.support.reports import XL_INFO
from xenops_cpu.cli.main import main
from xenops_cpu.explain import xen_cpuid
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.features.xen_cpuid_names import tool
from xenops_cpu.hosts import capture

EPYC, OTHER = "example:epyc-xen-4.17", "example:epyc-xen-4.20"


class Shell:
    """Runs commands in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Standard output; the exit code is checked."""
        self.capsys.readouterr()
        found = main(arguments)
        printed = self.capsys.readouterr()
        self.errors = printed.err
        assert found == code, printed.err
        return printed.out

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code))


@pytest.fixture
def sh(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("COLUMNS", "100")
    return Shell(capsys)


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[str, str]:
    """Two hosts as files; a VM of the first has seen HLE, which the second does not take in."""
    paths = []
    for index, host in enumerate(
        (made("FPU SSE HLE", "FPU SSE HLE"), made("FPU SSE", "FPU SSE RTM"))
    ):
        path = tmp_path / f"host-{index}.json"
        path.write_text(capture.dump(host))
        paths.append(str(path))
    return paths[0], paths[1]


# decode


def xl_info(tmp_path: Path, version: str = "4.17.7") -> str:
    """A file of what xl info prints."""
    path = tmp_path / "xl-info.out"
    text = XL_INFO.format(name="xs-01").replace("4.17.7", version)
    path.write_text(text.replace("xen_version            : \n", ""))
    return str(path)


def test_hw_caps_of_xl_info(sh: Shell, tmp_path: Path) -> None:
    """Word by word, in the order of a featureset, with what they are; so in all styles."""
    path = xl_info(tmp_path)
    lines = sh("decode", path).splitlines()
    assert lines[0] == "xs-01: hw_caps: 4 words, 63 features, as Xen 4.17 names them"
    assert lines[1] == "word 0  CPUID 0x00000001.edx       bfebfbff"
    assert "word 3  CPUID 0x80000001.ecx       00000121" in lines
    assert "note: what this Xen uses of the CPU, words 0 to 3 alone" in "\n".join(lines)
    assert "note: what this Xen uses" in sh("decode", "--style", "table", path)
    assert " lahf-lm " in sh("decode", "--style", "xen-cpuid", path)
    (document,) = sh.json("decode", path)["sets"]
    assert document["featureset"] == "bfebfbff-77fef3ff-2c100800-00000121"
    assert document["note"].startswith("what this Xen uses")


@pytest.mark.parametrize("version", ["4.6.1", ""])
def test_hw_caps_of_a_xen_that_is_not_known(sh: Shell, tmp_path: Path, version: str) -> None:
    """Words in an order that nobody tells are not decoded, but under the release that is named."""
    path = xl_info(tmp_path, version)
    for style in ("names", "xen-cpuid"):
        assert sh("decode", "--style", style, path, code=3) == ""
        assert "before 4.7 the words had another order" in sh.errors
    assert "as Xen 4.19 names them" in sh("decode", "--xen", "4.19", path)


def test_hw_caps_are_no_set_of_a_host(sh: Shell, tmp_path: Path) -> None:
    """Who compares is not answered with them, nor that two hosts without sets are the same."""
    path = xl_info(tmp_path)
    for others in ((path, path), (path, "1fc9cbf5-f6f83203"), (EPYC, path)):
        assert sh("diff", *others, code=3) == ""
        assert "no featureset is told" in sh.errors


def test_names_word_by_word(sh: Shell) -> None:
    """Each word with its register, its value and its features."""
    assert sh("decode", "--xen", "4.17", "1fc9cbf5-80000000").splitlines() == [
        "2 words, 21 features, as Xen 4.17 names them",
        "word 0  CPUID 0x00000001.edx       1fc9cbf5",
        "        FPU DE TSC MSR PAE MCE CX8 APIC SEP MCA CMOV PAT CLFLUSH ACPI MMX FXSR SSE SSE2 SS"
        " HTT",
        "word 1  CPUID 0x00000001.ecx       80000000",
        "        HYPERVISOR",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("word 1 of 7ed8320b",),
        ("word", "1", "of", "7ed8320b"),
        ("--word", "1", "7ed8320b"),
        ("--word", "1", "ffffffff-7ed8320b-ffffffff"),
    ],
)
def test_one_word_alone(sh: Shell, arguments: tuple[str, ...]) -> None:
    """However it is said, only that word is decoded."""
    found = sh.json("decode", *arguments)["sets"][0]
    assert [word["index"] for word in found["words"]] == [1]
    assert " ".join(bit["name"] for bit in found["features"]) == (
        "SSE3 PCLMULQDQ MONITOR SSSE3 FMA CX16 SSE4_1 SSE4_2 MOVBE POPCNT AESNI XSAVE OSXSAVE AVX "
        "F16C RDRAND"
    )


def test_the_text_of_a_release_s_tool(sh: Shell) -> None:
    """What xen-cpuid prints, complaints and all, with its exit code."""
    for record in RECORDS[::5]:
        printed = sh("decode", "--style", "xen-cpuid", "--xen", record["xen"], *record["args"])
        assert printed == record["stdout"]
        assert sh.errors == record["stderr"]
    assert sh("decode", "--style", "xen-cpuid", EPYC) == xen_cpuid.info(example(), detail=True)


def test_json_has_names_places_and_aliases(sh: Shell) -> None:
    """One bit with all that is known of it."""
    (bit,) = sh.json("decode", "--xen", "4.17", "--word", "5", "00000010")["sets"][0]["features"]
    assert bit["aliases"]["libvirt"] == ["hle"]
    del bit["aliases"], bit["meaning"], bit["exposure"]
    assert bit == {
        "name": "HLE", "number": 164, "word": 5, "bit": 4, "leaf": "00000007", "subleaf": 0,
        "register": "ebx", "msr": None, "half": None, "annotation": "!a", "since": "4.7",
        "group": "TSX", "xen_cpuid": "hle",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["4.7", "4.13", "4.17", "4.18", "4.19", "master", "xenserver-8"])
def test_json_has_the_names_of_xen_cpuid(sh: Shell, name: str) -> None:
    """For every bit of every word, those that the release's tool prints."""
    xen = release(name)
    everything = Featureset((1 << 32 * xen.length) - 1, xen.length)
    (found,) = sh.json("decode", "--xen", name, str(everything))["sets"]
    lines = xen_cpuid.one_set("Raw", everything, xen, detail=True).splitlines()[1:]
    width = 7 + tool(xen).width
    printed = [word for line in lines for word in line[width:].split()]
    assert [bit["xen_cpuid"] for bit in found["features"]][: len(printed)] == printed


def test_a_host_s_sets(sh: Shell) -> None:
    """A host has six, each under its name."""
    titles = [one["title"] for one in sh.json("decode", EPYC)["sets"]]
    assert titles == [
        f"epyc-xen-4.17: {title}"
        for title in ("raw", "host", "PV default", "HVM default", "PV max", "HVM max")
    ]


def test_table_and_aliases(sh: Shell) -> None:
    """A row for each bit; with --aliases what others call it."""
    rows = sh("decode", "--style", "table", "--xen", "4.17", "--word", "0", "00080000")
    assert rows.splitlines()[-1].split("  ")[0] == "CLFLUSH"
    assert "xl clfsh" in sh("decode", "--aliases", "--word", "0", "00080000")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("1fc9cbf5-12g4",), 2, 'featureset word 1: "12g4" is not 1 to 8 hex digits'),
        (("--xen", "3.4", "hex:1fc9cbf5-1"), 2, '--xen: "3.4" is not a Xen release'),
        (("--word", "7", "hex:1-2-3"), 2, "word 7: this featureset has words 0 to 2"),
        (("--word", "99", "00000001"), 2, "there is no word 99"),
        (("/no/such/file",), 3, "cannot be read"),
    ],
)
def test_mistakes(sh: Shell, arguments: tuple[str, ...], code: int, words: str) -> None:
    """A sentence that says what would be right."""
    assert sh("decode", *arguments, code=code) == ""
    assert words in sh.errors
    assert "Traceback" not in sh.errors


# diff


def test_the_same_and_different(sh: Shell) -> None:
    """0 and 1, as diff has it; a missing word is a word of zeros."""
    assert "the same features" in sh("diff", "hex:1-2", "hex:1-2-0")
    assert "only in A" in sh("diff", "hex:1-3", "hex:1-2", code=1)


def test_one_word_as_the_log_says_it(sh: Shell) -> None:
    """Xen's own complaint is enough; so are two words."""
    found = sh.json("diff", "cap[ 1] is 7ed8320b (expected f6d8320b)", code=1)
    by_word = sh.json("diff", "--word", "1", "7ed8320b", "f6d8320b", code=1)
    for one in (found, by_word):
        assert [bit["name"] for bit in one["only_in_a"]] == ["OSXSAVE"]
        assert [bit["name"] for bit in one["only_in_b"]] == ["HYPERVISOR"]


def test_two_hosts(sh: Shell, hosts: tuple[str, str]) -> None:
    """Sets of a kind with their kind; a VM's way there and back."""
    found = sh.json("diff", *hosts, code=1)
    assert found["kind"] == "hosts"
    assert [bit["name"] for bit in found["sets"]["pv_boot"]["only_in_a"]] == ["HLE"]
    ways = {(way["guest"], way["from"][0]): way["missing"] for way in found["journeys"]}
    assert [bit["name"] for bit in ways["pv", "A"]] == ["HLE"]
    assert ways["pv", "B"] == []
    text = sh("diff", *hosts, code=1)
    assert "PV boot: what a new PV guest gets\n  only in A: HLE\n" in text
    assert "PV guest from A (host-0) to B (host-1): would go only by force" in text
    assert "  1 missing (what it has seen at boot" in text


def test_a_host_with_itself(sh: Shell) -> None:
    """Nothing differs, policies included."""
    assert "resumes or migrates here" in sh("diff", EPYC, EPYC)


def test_policies_of_hosts(sh: Shell) -> None:
    """What keeps a VM out beside features is told; the rest for the asking."""
    brief = sh("diff", "example:ivybridge-xen-4.17", EPYC, code=1)
    full = sh("diff", "example:ivybridge-xen-4.17", EPYC, "--policies", code=1)
    assert "vendor: GenuineIntel → AuthenticAMD" in brief
    assert "more with --policies" in brief
    assert "CPUID 2 eax (cache descriptors)" in full


def test_a_featureset_goes_to_a_host(sh: Shell, hosts: tuple[str, str]) -> None:
    """The featureset that a VM remembers, on either side: may it go there?"""
    seen = str(example().featuresets.pv_default)
    there = sh.json("diff", seen, EPYC)
    assert there["kind"] == "arrival"
    assert [way["missing"] for way in there["journeys"]] == [[], []]
    assert sh.json("diff", EPYC, seen)["same"]
    found = sh.json("diff", seen, hosts[1], code=1)
    assert "AVX" in [bit["name"] for bit in found["journeys"][0]["missing"]]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("hex:1-2",), "B is missing"),
        (("--word", "1", "7ed8320b", EPYC), f'"{EPYC}" is not one word'),
        (("word 1 of 7ed8320b", "word 2 of 7ed8320b"), "word 1 is not word 2"),
        (("hex:1-2", "1fc9cbf5-x"), 'featureset word 1: "x" is not'),
    ],
)
def test_mistakes_of_diff(sh: Shell, arguments: tuple[str, ...], words: str) -> None:
    """Wrong use is told apart from a difference."""
    sh("diff", *arguments, code=2)
    assert words in sh.errors


def test_nothing_to_decode_is_no_success(sh: Shell, tmp_path: Path) -> None:
    """A host of which no set is known gives exit code 3 and what was read instead."""
    text = "host : xs-01\nrelease : 4.19.0+1\nmachine : x86_64\nnr_cpus : 64\n"
    (tmp_path / "xl-info.out").write_text(
        f"{text}xen_version : 4.17.7\nxen_caps : hvm-3.0-x86_64\n"
    )
    for style in ((), ("--json",), ("--style", "table")):
        assert sh("decode", str(tmp_path / "xl-info.out"), *style, code=3) == ""
        assert "there is no featureset to decode" in sh.errors
        assert "xs-01, a host without featuresets" in sh.errors
