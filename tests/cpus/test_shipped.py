"""xenops_cpu.cpus: the CPUs that are shipped, and how they are found by name."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from types import ModuleType

import pytest

from tests import ROOT, SHARED
from xenops_cpu.cpuid.identity import KNOWN_VENDORS
from xenops_cpu.cpus import shipped
from xenops_cpu.cpus.shipped import UnknownCpu

CORPUS = SHARED / "xen/corpus/dumps.jsonl"


def importer() -> ModuleType:
    """scripts/import-cpus as a module."""
    loader = importlib.machinery.SourceFileLoader(
        "import_cpus", str(ROOT / "scripts" / "import-cpus")
    )
    spec = importlib.util.spec_from_loader("import_cpus", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("xeon-gold-6154", "xeon-gold-6154"),
        ("XEON-GOLD-6154+2019-05", "xeon-gold-6154+2019-05"),
        ("Xeon Gold 6154", "xeon-gold-6154"),
        ("gold 6154", "xeon-gold-6154"),
        ("6154 2019-05", "xeon-gold-6154+2019-05"),
        ("Xeon Gold 6240", "xeon-gold-6212u"),
        ("Intel(R) Xeon(R) Platinum 8280 CPU @ 2.70GHz", "xeon-platinum-8280"),
        ("AMD EPYC 7742 64-Core Processor", "epyc-7742"),
        ("12th Gen Intel(R) Core(TM) i9-12900K", "core-i9-12900k"),
        ("naples", "epyc-7551p"),
        ("Emerald Rapids", "xeon-gold-5520+"),
        ("i7-7700K mismatch", "core-i7-7700k+2021-06-mismatch"),
    ],
)
def test_find(text: str, identity: str) -> None:
    """An id, words of a name in any order and case, or a whole brand string lead to the CPU."""
    assert shipped.find(text).id == identity


@pytest.mark.parametrize("identity", shipped.catalogue())
def test_every_cpu_is_found(identity: str) -> None:
    """Each one by its id, by its title, and by id and title of a variant's own words."""
    found = shipped.get(identity)
    assert shipped.find(identity) == found
    assert shipped.find(found.title).id == (found.of or identity)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("opteron", "fits several shipped CPUs: opteron-165, opteron-2347-he, .*opteron-x3216"),
        ("Xeon Gold 9999", "no shipped CPU is called .*; near are xeon-gold-6154, "),
        ("PowerPC 604", "there are xeon-l5320, .* and 79 more"),
        ("", "there are xeon-l5320"),
    ],
)
def test_a_name_that_is_not_clear(text: str, message: str) -> None:
    """An unknown or ambiguous name is an error that lists candidates."""
    with pytest.raises(UnknownCpu, match=message):
        shipped.find(text)


def test_every_cpu_is_sound() -> None:
    """Each has a vendor that Xen knows, a brand or a title, a source, and is no VM."""
    for cpu in shipped.every():
        assert cpu.cpu.vendor in KNOWN_VENDORS, cpu
        assert cpu.cpu.max_basic >= 1, cpu
        assert cpu.cpu.max_extended >= 0x80000001, cpu
        assert cpu.source.startswith(("InstLatx64 ", "libcpuid ")), cpu
        assert not cpu.cpu.hypervisor, cpu
        assert cpu.notes[0].endswith(cpu.source)


def test_variants_are_the_same_silicon() -> None:
    """A variant has its base's stepping, says what differs, and differs."""
    variants = [cpu for cpu in shipped.every() if cpu.of is not None]
    assert len(variants) >= 20
    for variant in variants:
        assert variant.of is not None
        base = shipped.get(variant.of)
        assert variant.cpu.signature == base.cpu.signature
        assert variant.note in variant.notes[1]
        assert (variant.cpu, variant.params) != (base.cpu, base.params)


@pytest.mark.parametrize(
    ("identity", "facts"),
    [
        # HLE and RTM are CPUID 7.0 EBX[4] and [11], RTM_ALWAYS_ABORT and TSX_FORCE_ABORT EDX[11]
        # and [13].
        ("xeon-gold-6154+2019-05", (True, False, True)),
        ("core-i7-7700k+2021-06", (True, True, True)),
        ("core-i7-7700k+2021-06-hidden", (False, True, True)),
        ("xeon-platinum-8280+2019-11-hidden", (False, False, False)),
    ],
)
def test_the_state_of_tsx(identity: str, facts: tuple[bool, bool, bool]) -> None:
    """Variants around TSX have RTM, RTM_ALWAYS_ABORT and TSX_FORCE_ABORT as their note says."""
    _, ebx, _, edx = shipped.get(identity).cpu.leaf(7)
    assert (bool(ebx >> 11 & 1), bool(edx >> 11 & 1), bool(edx >> 13 & 1)) == facts


def test_the_data_is_small() -> None:
    """All of it is below 250 KB."""
    assert (ROOT / "xenops_cpu" / "data" / "cpus.jsonl").stat().st_size < 250_000


def test_the_documentation_lists_them() -> None:
    """The table of docs/shipped.md is what scripts/import-cpus writes."""
    page = (ROOT / "docs" / "cpus.md").read_text(encoding="utf-8")
    assert importer().table(shipped.every(), page) == page


@pytest.mark.skipif(not CORPUS.exists(), reason="../shared/xen/corpus is not there")
def test_the_data_is_what_the_records_say() -> None:
    """Made anew from the records, the data file is the same."""
    script = importer()
    data = (ROOT / "xenops_cpu" / "data" / "cpus.jsonl").read_text(encoding="utf-8")
    assert script.data(script.read([str(CORPUS)])) == data
