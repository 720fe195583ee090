"""explain and policy as a person types them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests import ROOT
from tests.cli.test_decode import EPYC, Shell, sh
from tests.support.hosts import example, names
from tests.support.world import World, WorldHost, WorldVm, sets_of
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.features import concepts

__all__ = ["sh"]

SKYLAKE = "example:skylake-server-xen-4.17"


# explain


def test_what_a_feature_is(sh: Shell) -> None:
    """Name, place, guests, dependencies, and what others call it."""
    text = sh("explain", "pni", "--xen", "4.17")
    assert text.startswith("SSE3\n  SSE3, horizontal additions")
    assert "CPUID 0x00000001.ecx bit 0 (word 1), named since Xen 4.7" in text
    assert "needed by: SSSE3" in text
    assert "libvirt pni" in text


@pytest.mark.parametrize("words", [("on", SKYLAKE), (SKYLAKE,)])
def test_on_a_host(sh: Shell, words: tuple[str, ...]) -> None:
    """In which sets it is, and why; "on" may be left out."""
    text = sh("explain", "CLWB", *words)
    assert "  raw, what CPUID shows: yes\n" in text
    assert "  host, what Xen uses: no\n" in text
    assert "slow" in text


def test_a_simulated_host_gives_a_reason_for_each_set(sh: Shell) -> None:
    """Both ways of naming a simulated host tell the same."""
    named = sh.json("explain", "RTM", "on", "cpu:xeon-platinum-8280+2019-11@4.17")["features"][0]
    options = sh.json("explain", "RTM", "--cpu", "xeon-platinum-8280+2019-11", "--xen", "4.17")
    assert named == options["features"][0]
    assert all(place["why"] for place in named["sets"].values())
    assert named["tsx"] == [
        "present", "hidden at boot", "accepted in a migration", "always aborts"
    ]  # fmt: skip


def test_several_features(sh: Shell) -> None:
    """With commas; a name of two features means both."""
    found = sh.json("explain", "HLE,ppin")["features"]
    assert [one["name"] for one in found] == ["HLE", "AMD_PPIN", "INTEL_PPIN"]


def test_a_bit_that_only_old_records_have(sh: Shell) -> None:
    """Of IBS it is told where to read why records have it, though no guest is offered it."""
    text = sh("explain", "IBS")
    assert "guests:    no annotation: offered to no guest\n" in text
    assert "see:       explain compatibility bits\n" in text
    text = sh("explain", "compat bits", "on", "cpu:core-i7-4930k@xenserver-8")
    assert "  IBS         no   no    no    HVM\n" in text


def test_reasons_where_only_the_record_is_known(sh: Shell, tmp_path: Path) -> None:
    """Those of a shipped CPU of that name, where they agree with the record; that is said."""
    path = tmp_path / "record.txt"
    path.write_text(sh("info", "cpu:core-i7-4930k@xenserver-8", "--xapi"))
    text = sh("explain", "FMA", "on", str(path))
    assert "PV max, the most a PV guest may arrive with: no\n      - the CPU does not show" in text
    assert "note: reasons as on cpu:core-i7-4930k, assumed, where that agrees" in text


def test_in_a_vm_of_the_hosts_file(sh: Shell, tmp_path: Path) -> None:
    """A VM is looked up in the file of the host, and is on its own host where none is named."""
    path = tmp_path / "pool.xml"
    world = World(
        [WorldHost("old", sets_of(names("FPU SSE"), names("FPU SSE")), uuid="h0", xen="4.17.5"),
         WorldHost("new", sets_of(names("FPU AVX"), names("FPU AVX")), uuid="h1", xen="4.17.5")],
        [WorldVm("db 'main'", {"features": str(names("FPU AVX"))}, uuid="v0", home=1),
         WorldVm("asleep", {"features": str(names("FPU AVX"))}, uuid="v1")],
    )  # fmt: skip
    path.write_text(world.database())
    text = sh("explain", "AVX", "in", "db 'main'", "on", str(path))
    assert "db 'main': yes\n      the host gives it to new HVM guests\n" in text
    assert "pool.xml: new\n" in text
    text = sh("explain", "AVX", "in", "db 'main'", "on", f"{path}#old")
    assert "where such a VM arrives, Xen clears it" in text
    sh("explain", "AVX", "in", "asleep", "on", str(path), code=2)
    assert "has 2 hosts: name one" in sh.errors
    sh("explain", "AVX", "in", "x", "on", str(path), code=3)
    assert "there are db 'main', asleep" in sh.errors


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("hlee",), 2, "did you mean HLE"),
        (("HLE", "on"), 2, "NAME on HOST"),
        (("HLE", "on", "hex:1-2-3"), 2, "is no host but a featureset"),
        (("HLE", "on", SKYLAKE, "--xen", "4.13"), 2, "is a host already"),
        (("HLE", "on", "example:none"), 3, 'no example host "none"'),
        (("HLE", "on", "cpu:none-such"), 3, "none-such"),
    ],
)
def test_mistakes_of_explain(sh: Shell, arguments: tuple[str, ...], code: int, words: str) -> None:
    """A sentence that says what would be right."""
    sh("explain", *arguments, code=code)
    assert words in sh.errors


# policy


@pytest.fixture
def policy_file(tmp_path: Path) -> str:
    path = tmp_path / "host.policy"
    path.write_text(str(example().policies["host"]) + "\n")
    return str(path)


def test_text_of_a_policy(sh: Shell, policy_file: str) -> None:
    """Canonical, and it reads back as the same policy, from a file or from the command line."""
    text = sh("policy", "text", "--set", "host", EPYC).strip()
    assert Policy.parse(text) == example().policies["host"]
    assert sh("policy", "text", policy_file).strip() == text
    assert sh("policy", "text", text.upper().replace("V1:", "")).strip() == text


def test_show(sh: Shell, policy_file: str) -> None:
    """Each leaf with its subject, its fields and its features."""
    text = sh("policy", "show", policy_file)
    assert "vendor AuthenticAMD; highest leaf dh" in text
    assert "ebx: FSGSBASE BMI1 AVX2 SMEP BMI2 ADX SMAP CLFLUSHOPT" in text
    assert "highest subleaf of leaf 7 (max_subleaf) 0" in text


def test_show_as_the_tool_does(sh: Shell) -> None:
    """In the text of xen-cpuid -p."""
    lines = sh("policy", "show", "--style", "xen-cpuid", EPYC).splitlines()
    assert lines[1:3] == [
        " CPUID:",
        "  leaf     subleaf  -> eax      ebx      ecx      edx     ",
    ]
    assert "  000000ce -> 0000000000000000" in lines


def test_featureset_and_what_it_cannot_hold(sh: Shell, policy_file: str) -> None:
    """The words on standard output, what is lost beside it."""
    printed = sh("policy", "featureset", "--xen", "4.17", policy_file)
    assert printed.strip() == str(example().featuresets.host)
    assert "not in a featureset: CPUID 80000002: brand string" in sh.errors
    found = sh.json("policy", "featureset", policy_file)
    assert "CPUID 80000002: brand string" in found["lost"]


def test_a_policy_for_a_featureset(sh: Shell) -> None:
    """A policy that has just these features gives them back."""
    text = sh("policy", "text", "00000011-00000001").strip()
    assert sh("policy", "featureset", text).startswith("00000011-00000001-")


def test_differences_of_policies(sh: Shell, policy_file: str) -> None:
    """In words, with diff's exit codes; JSON has statements."""
    assert "the same" in sh("policy", "diff", "--set", "host", EPYC, policy_file)
    text = sh("policy", "diff", "--set", "host", EPYC, SKYLAKE, code=1)
    assert "  highest extended leaf: 8000001eh → 80000008h\n" in text
    found = sh.json("policy", "diff", "--set", "host", EPYC, SKYLAKE, code=1)
    assert found["statements"][0]["category"] == "leaf limits"
    assert sh.json("diff", policy_file, policy_file)["kind"] == "policies"


def test_policies_of_hosts_are_those_of_new_guests(sh: Shell) -> None:
    """Without --set hvm_default is compared, and that is said; in JSON beside the document."""
    text = sh("policy", "diff", EPYC, SKYLAKE, code=1)
    first, rest = text.split("\n", 1)
    assert first == (
        "HVM Default of each, what a new HVM guest gets (--set raw, host, pv_max, … for another)"
    )
    assert rest == sh("policy", "diff", "--set", "hvm_default", EPYC, SKYLAKE, code=1)
    assert sh.json("policy", "diff", EPYC, SKYLAKE, code=1)["kind"] == "policies"
    assert sh.errors.startswith("HVM Default of each")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("text", EPYC), 2, "choose one: --set raw"),
        (("text", EPYC), 2, "has 6 policies: Raw, Host, PV Max"),
        (("text", "--set", "hvm_max", "cpu:core-i7-4930k@4.13"), 3, "has no CPU policy hvm_max"),
        (("text", "00000001->1/"), 3, 'CPUID entry "00000001->1" is not'),
    ],
)
def test_mistakes_of_policy(sh: Shell, arguments: tuple[str, ...], code: int, words: str) -> None:
    """A sentence that says what would be right."""
    sh("policy", *arguments, code=code)
    assert words in sh.errors


# The JSON of all of them


def members(value: object) -> set[str]:
    """The names of all members, at any depth, that are names and not keys of a table."""
    if isinstance(value, list):
        return {name for item in value for name in members(item)}
    if not isinstance(value, dict):
        return set()
    return set(value) | {name for item in value.values() for name in members(item)}


@pytest.mark.parametrize(
    "arguments",
    [
        ("decode", "1fc9cbf5-f6f83203"),
        ("diff", "hex:1-2", "hex:1-3"),
        ("diff", EPYC, SKYLAKE),
        ("diff", "hex:1-2-0-ffffffff", EPYC),
        ("explain", "RTM,MDS", "on", SKYLAKE),
        ("policy", "featureset", "00000007:00000000->00000000:00000010:00000000:00000000"),
    ],
    ids=" ".join,
)
def test_every_member_is_documented(
    sh: Shell, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """docs/json.md names every member that a program may find."""
    code = 1 if arguments[0] == "diff" else 0
    page = (ROOT / "docs" / "json.md").read_text()
    undocumented = {
        name for name in members(sh.json(*arguments, code=code)) if f"{name}`" not in page
    }
    # Beside documented members there are tables whose keys are Xen's own names of sets.
    sets = {"raw", "host", "pv_max", "pv_default", "hvm_max", "hvm_default"}
    assert undocumented <= sets | {"MDS_NO", "MD_CLEAR"}


# Words that are no feature


def test_what_a_word_means(sh: Shell) -> None:
    """Sentences, its features by what they are to it, what to try, the source."""
    text = sh("explain", "zombieload")
    assert text.startswith("MDS: Microarchitectural data sampling\n")
    assert "not open to it, where it is:\n    MDS_NO " in text
    assert "try:       xenops-cpu explain VERW" in text
    assert "XSA-297" in text


@pytest.mark.parametrize(
    "words",
    [
        ("nested", "virtualisation", "on", SKYLAKE),
        ("nested", "virtualisation", SKYLAKE),
        ("nested virtualisation", "on", SKYLAKE),
        ("nested-virt", SKYLAKE),
    ],
)
def test_words_with_blanks_on_a_host(sh: Shell, words: tuple[str, ...]) -> None:
    """Quoted or not, with "on" or without."""
    assert "  VMX      no   no    no    no\n" in sh("explain", *words)


def test_a_word_beside_features(sh: Shell) -> None:
    """Both kinds of answer in one document; a feature leads to its words."""
    answer = sh.json("explain", "MDS,MD_CLEAR", "on", "cpu:xeon-gold-6154@4.17")
    assert [feature["name"] for feature in answer["features"]] == ["MD_CLEAR"]
    assert answer["concepts"][0]["host"]["standing"] == "something against it is there"
    assert "see:       explain MDS, explain TAA, explain VERW" in sh("explain", "MD_CLEAR")


def test_all_words(sh: Shell) -> None:
    """A list of them, for people and for programs."""
    text, answer = sh("explain", "--list"), sh.json("explain", "--list")
    assert len(answer["concepts"]) > 25
    assert all(concept["name"] in text for concept in answer["concepts"])


@pytest.mark.parametrize(
    "command",
    [line for concept in concepts.concepts() for line in concept.commands],
)
def test_what_is_to_be_tried_works(sh: Shell, command: str) -> None:
    """Each command that a word offers is one that can be run as it stands."""
    program, *words = shlex.split(command)
    assert program == "xenops-cpu"
    assert sh(*words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("retbled",), "there is a word Retbleed"),
        (("featureset", "on", SKYLAKE), "try: xenops-cpu decode"),
        ((), "explain --list"),
        (("MDS", "on", SKYLAKE, "again"), "NAME on HOST"),
    ],
)
def test_mistakes_about_words(sh: Shell, arguments: tuple[str, ...], words: str) -> None:
    """A sentence that says what would be right."""
    sh("explain", *arguments, code=2)
    assert words in sh.errors


def test_a_feature_of_a_shipped_cpu_has_the_microcode_that_it_rests_on(sh: Shell) -> None:
    """Names in any case; the story of each, from what it comes, and first of the notes the
    microcode.
    """
    text = sh("explain", "rtm,rtm-always-abort", "on", "cpu:xeon-platinum-8280+2019-11@4.17")
    assert "[default.rtm]" in text
    assert "\nRTM_ALWAYS_ABORT\n" in text
    assert "\nfrom simulated: what Xen 4.17 would offer" in text
    assert text[text.index("\nnote: ") :].startswith("\nnote: microcode 0500002c of 2019-11")
