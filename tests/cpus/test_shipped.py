"""xenops_cpu.cpus: the CPUs that are shipped, and how they are found by name."""

from __future__ import annotations

import pytest

from tests import ROOT, SHARED
from tests.support.scripts import script
from xenops_cpu.cpuid.identity import KNOWN_VENDORS
from xenops_cpu.cpus import shipped, wish
from xenops_cpu.cpus.shipped import UnknownCpu
from xenops_cpu.cpus.silicon import word
from xenops_cpu.errors import InputError

CORPUS = SHARED / "xen/corpus/dumps.jsonl"


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("xeon-gold-6154", "xeon-gold-6154"),
        ("XEON-GOLD-6154+2019-05", "xeon-gold-6154+2019-05"),
        ("Xeon Gold 6154", "xeon-gold-6154"),
        ("gold 6154", "xeon-gold-6154"),
        ("gold 6154 + 2019-05", "xeon-gold-6154+2019-05"),
        ("Xeon Gold 6240", "xeon-gold-6212u"),
        ("xeon-gold-6240+as-dumped", "xeon-gold-6212u+as-dumped"),
        ("xeon-gold-6240+newest", "xeon-gold-6212u"),
        ("Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", "xeon-platinum-8280"),
        ("AMD EPYC 7742 64-Core Processor", "epyc-7742"),
        ("12th Gen Intel(R) Core(TM) i9-12900K", "core-i9-12900k"),
        ("naples", "epyc-7551p"),
        ("Emerald Rapids", "xeon-gold-5520+"),
        ("xeon-gold-5520+", "xeon-gold-5520+"),
        ("Xeon Gold 5520+", "xeon-gold-5520+"),
        ("xeon-gold-5520++2024-11", "xeon-gold-5520++2024-11"),
        ("epyc-7742+smt-off+2024", "epyc-7742+2024+smt-off"),
        ("i7-7700K mismatch", "core-i7-7700k+2021-06-mismatch"),
        ("core-i7-7700k+2021-06-hidden+smt-off", "core-i7-7700k+2021-06-hidden+smt-off"),
        ("Sierra Forest", "xeon-6731e"),
        ("Cooper Lake", "xeon-cooper-lake-sample"),
    ],
)
def test_find(text: str, identity: str) -> None:
    """An id, words of a name in any order and case, or a whole brand string lead to the CPU; what
    stands after a + is microcode, firmware, or the rest of a name from before.
    """
    assert shipped.find(text).id == identity


@pytest.mark.parametrize("identity", shipped.catalogue())
def test_every_cpu_is_found(identity: str) -> None:
    """Each one by its id and by its title; as dumped it is what the file has."""
    cpu = shipped.get(identity)
    assert shipped.find(identity).shipped == cpu
    assert shipped.find(cpu.title).id == identity
    dumped = shipped.find(f"{identity}+as-dumped")
    assert dumped.cpu.leaves == cpu.cpu.leaves
    assert dumped.cpu.msrs == cpu.cpu.msrs
    assert dumped.cpu.microcode == cpu.microcode


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("opteron", "fits several shipped CPUs: opteron-165, opteron-2347-he, .*opteron-x3216"),
        ("Xeon Gold 9999", "no shipped CPU is called .*; near are xeon-gold-6154, "),
        ("PowerPC 604", "there are xeon-l5320, .* and 60 more"),
        ("", "there are xeon-l5320"),
        (
            "epyc-7742+avx",
            r"\+avx is neither microcode \(newest, .* nor a firmware setting",
        ),
        ("epyc-7742+2020+2021", "more than one microcode: 2020, 2021"),
        ("core-i7-7700k+2021-06-hidden+newest", "more than one microcode: 2021-06, newest"),
    ],
)
def test_a_name_that_is_not_clear(text: str, message: str) -> None:
    """An unknown or ambiguous name is an error that lists candidates."""
    with pytest.raises(UnknownCpu, match=message):
        shipped.find(text)


def test_microcode_beside_the_name() -> None:
    """A wish of its own counts as one after a +, and two wishes are one too many."""
    dated = wish.parse("2019-11")
    beside = shipped.find("xeon-platinum-8280", dated)
    assert beside.id == "xeon-platinum-8280+2019-11"
    assert beside.cpu == shipped.find("xeon-platinum-8280+2019-11").cpu
    with pytest.raises(UnknownCpu, match="more than one"):
        shipped.find("xeon-platinum-8280+2019-11", dated)


def test_every_cpu_is_sound() -> None:
    """Each has a vendor that Xen knows, a brand or a title, a source, and is no VM."""
    for cpu in shipped.every():
        assert cpu.cpu.vendor in KNOWN_VENDORS, cpu
        assert cpu.cpu.max_basic >= 1, cpu
        assert cpu.cpu.max_extended >= 0x80000001, cpu
        assert cpu.source.startswith(("InstLatx64 ", "libcpuid ", "libvirt ")), cpu
        assert not cpu.cpu.hypervisor, cpu


def test_the_first_note_says_which_microcode() -> None:
    """Revision, date and evidence come first, where the dump is from after."""
    basis, origin, *_ = shipped.find("xeon-gold-6240").notes
    assert basis == (
        "microcode 05003901 of 2025-05-12, the newest public (as of 2026-11-26); "
        "weakest evidence: seen"
    )
    assert origin.endswith(shipped.get("xeon-gold-6212u").source)
    assert (
        shipped.find("xeon-l5320")
        .notes[0]
        .endswith("as dumped, for what updates change on this CPU is not known")
    )


@pytest.mark.parametrize("alias", shipped.aliases())
def test_names_from_before(alias: str) -> None:
    """Each is the CPU it was of, with microcode that is known, and keeps its name."""
    instance = shipped.find(alias)
    means, note = shipped.aliases()[alias]
    assert instance.id == alias
    assert alias.startswith(f"{instance.shipped.id}+")
    same = shipped.find(f"{instance.shipped.id}+{means}") if means else instance
    assert instance.cpu.leaves == same.cpu.leaves
    assert instance.running.release is not None
    assert instance.note == (f"{alias}: {note}" if note else "")


@pytest.mark.parametrize(
    "alias",
    [
        "xeon-gold-6154+2022-05", "xeon-gold-6154+2023-08", "xeon-platinum-8280+2022-05",
        "xeon-platinum-8280+2023-08", "xeon-gold-6336y+2023-08", "xeon-w7-2475x+2023",
        "core-i5-9600k+2020-06", "core-i5-9600k+2022-02", "core-i7-7700k+2021-06-mismatch",
    ],
)  # fmt: skip
def test_what_the_evidence_contradicts_is_noted(alias: str) -> None:
    """Variants that real machines speak against have a note, and are what those machines are."""
    assert shipped.find(alias).note


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        # HLE and RTM are CPUID 7.0 EBX[4] and [11], RTM_ALWAYS_ABORT and TSX_FORCE_ABORT EDX[11]
        # and [13].
        ("xeon-gold-6154+2019-05", (True, False, True)),
        ("core-i7-7700k+2021-06", (True, True, True)),
        ("xeon-e-2226g+2021-06", (False, True, True)),
        ("xeon-platinum-8280+2019-11", (True, False, False)),
        ("xeon-e3-1245-v3+2014-06", (True, False, False)),
        ("xeon-e3-1245-v3+2014-09", (False, False, False)),
    ],
)
def test_the_state_of_tsx(name: str, facts: tuple[bool, bool, bool]) -> None:
    """RTM, RTM_ALWAYS_ABORT and TSX_FORCE_ABORT are as microcode of that time has them."""
    cpu = shipped.find(name).cpu
    ebx, edx = word(cpu, "7b0"), word(cpu, "7d0")
    assert (bool(ebx >> 11 & 1), bool(edx >> 11 & 1), bool(edx >> 13 & 1)) == facts


def test_errors_are_the_packages_own() -> None:
    """Whatever is wrong with a name, callers catch one kind of error."""
    for text in ("Xeon Quartz", "epyc-7742+sgx", "xeon-w7-2475x+2010", "epyc-7742+avx"):
        with pytest.raises(InputError):
            shipped.find(text)


def test_the_data_is_small() -> None:
    """All of it is below 250 KB."""
    assert (ROOT / "xenops_cpu" / "data" / "cpus.jsonl").stat().st_size < 250_000


def test_the_documentation_lists_them() -> None:
    """The tables of docs/cpus.md are what scripts/import-cpus writes."""
    page = (ROOT / "docs" / "cpus.md").read_text(encoding="utf-8")
    assert script("import-cpus").table(shipped.every(), page) == page


@pytest.mark.skipif(not CORPUS.exists(), reason="../shared/xen/corpus is not there")
def test_the_data_is_what_the_records_say() -> None:
    """Made anew from the records, the data file is the same."""
    importer = script("import-cpus")
    data = (ROOT / "xenops_cpu" / "data" / "cpus.jsonl").read_text(encoding="utf-8")
    assert importer.data(importer.read([str(CORPUS)])) == data
