"""What an interpreter and a notebook show of records: short, and safe whatever their names."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve

import xenops_cpu
from tests.support.hosts import names
from tests.support.pools import host
from xenops_cpu import HVM, Featureset, KnownHost
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.text import notebook

SKYLAKE = "cpu:xeon-gold-6154@4.17"
HASWELL = "cpu:xeon-e5-2696-v3@4.17"
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e"


def records() -> dict[str, Any]:
    """One of each kind that calls return."""
    known = xenops_cpu.read_host(SKYLAKE)
    started = xenops_cpu.start_vm(known)
    return {
        "known host": known,
        "featureset": known.offers[HVM].boot,
        "level": xenops_cpu.level([SKYLAKE, HASWELL]),
        "answer": xenops_cpu.check(known, HASWELL),
        "difference": xenops_cpu.compare_hosts(known, HASWELL),
        "no difference": xenops_cpu.compare_hosts(known, known),
        "explanation": xenops_cpu.explain_feature("RTM", known),
        "policy": started.domain.policy,
        "start": started,
        "release": known.release,
        "settled": xenops_cpu.settle([5], [7], 1, 2, ["4.17"]),
    }


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("known host", "<KnownHost 'xeon-gold-6154@4.17', Xen 4.17: PV 69 to 77 features, HVM 86 "
         "to 95 features>"),
        ("featureset", "<Featureset 1fcbfbff-f7fa3203-2c100800-…, 19 words, 86 features>"),
        ("level", "<Level of 2 hosts for HVM guests, Xen 4.17: 71 features, 15 lost>"),
        ("answer", "<Answer 'a VM started on xeon-gold-6154@4.17' on 'xeon-e5-2696-v3@4.17': only "
         "by force: 3DNOWPREFETCH XSAVEC XGETBV1 XSAVES RTM …>"),
        ("difference", "<HostDifference in raw, host, pv_boot, pv_migration, hvm_boot, "
         "hvm_migration, policy raw, policy host, policy pv_max, policy pv_default, policy "
         "hvm_max, policy hvm_default, a VM's way to 'xeon-e5-2696-v3@4.17'>"),
        ("no difference", "<HostDifference in nothing>"),
        ("explanation", "<Explanation of RTM, Xen 4.17: raw yes, host yes, pv_max yes, pv_default "
         "yes, hvm_max yes, hvm_default yes>"),
        ("policy", "<Policy of 38 leaves and 2 MSRs>"),
        ("start", "<Start: HVM guest, Xen 4.17>"),
        ("release", "<Release 4.17: 19 words, 232 features>"),
        ("settled", "Settled(featureset=<Featureset 00000005, 1 word, 2 features>, "
         "release=<Release 4.17: 19 words, 232 features>)"),
    ],
)  # fmt: skip
def test_a_record_is_a_line(name: str, shown: str) -> None:
    """What it is of, and how many features."""
    assert repr(records()[name]) == shown


def cells(html: str) -> list[list[str]]:
    """The texts of a table, row by row; the title comes first. Raises ParseError where it is no
    whole piece of markup.
    """
    table = ElementTree.fromstring(html)
    assert table.tag == "table"
    return [["".join(cell.itertext()) for cell in row] or [row.text or ""] for row in table]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("known host", ["HVM and PVH guests", "86 features", "VMX CMP_LEGACY HLE MPX CLWB ITSC "
         "RTM_ALWAYS_ABORT FB_CLEAR RFDS_CLEAR"]),
        ("featureset", ["2", "2c100800", "11 20 26 27 29"]),
        ("level", ["XSAVEC", "not on xeon-e5-2696-v3@4.17 (the CPU does not show it: CPUID "
         "0x0000000d:1.eax bit 1 is 0)"]),
        ("answer", ["RTM", "the CPU does not show it: CPUID 0x00000007:0.ebx bit 11 is 0",
         "programs that begin a transaction stop with an invalid opcode (#UD)"]),
        ("difference", ["pv_boot", "3DNOWPREFETCH XSAVEC XGETBV1 RTM AVX512F "
         "AVX512DQ RDSEED ADX CLFLUSHOPT AVX512CD AVX512BW AVX512VL RSBA", ""]),
        ("policy", ["00000004:1", "fc000122", "01c0003f", "0000003f", "00000000"]),
    ],
)  # fmt: skip
def test_a_notebook_shows_a_table(name: str, row: list[str]) -> None:
    """Whole markup, with what a person looks for in its rows."""
    assert row in cells(records()[name]._repr_html_())


def test_an_explanation_shows_its_reasons_set_by_set() -> None:
    """The steps behind each set, the first cause first."""
    shown = {row[0]: row for row in cells(records()["explanation"]._repr_html_())}
    assert shown["hvm_default"][1] == "yes"
    assert shown["hvm_default"][2].startswith("the CPU has it: CPUID 0x00000007:0.ebx bit 11 is 1")


def hostile() -> list[Any]:
    """Records with a name that tries to be markup, to clear a terminal, and to turn text round."""
    member = evolve(host("host-7", "FPU", "RTM"), name=HOSTILE)
    other = evolve(host("host-8", "FPU"), name="host-8")
    known = KnownHost(member)
    return [
        known,
        xenops_cpu.level([known, KnownHost(other)]),
        xenops_cpu.check(known, KnownHost(other)),
    ]


@pytest.mark.parametrize("kind", range(3))
def test_hostile_names_are_only_text(kind: int) -> None:
    """No element and no control character comes out of a name, in a notebook or a terminal."""
    record = hostile()[kind]
    html = record._repr_html_()
    assert "<script>" not in html
    assert html.replace("\n", "").isprintable()
    assert repr(record).isprintable()
    assert {element.tag for element in ElementTree.fromstring(html).iter()} <= {
        *("table", "caption", "tr", "th", "td")
    }


def test_tables_have_an_end() -> None:
    """Rows and cells beyond what a person reads are counted, or cut."""
    html = notebook.table("many", ("n",), [(number,) for number in range(1000)])
    assert len(cells(html)) == 1 + 1 + 60 + 1
    assert cells(html)[-1] == ["and 940 more"]
    assert len(notebook.text("x" * 10_000)) == 2001


def test_what_has_nothing_in_it_is_shown_too() -> None:
    """No words, no leaves, a set longer than any release's."""
    assert repr(Featureset()) == "<Featureset without words>"
    assert repr(names("FPU").cut(1)) == "<Featureset 00000001, 1 word, 1 feature>"
    assert repr(Policy()) == "<Policy of 0 leaves and 0 MSRs>"
    assert len(cells(Featureset()._repr_html_())) == len(cells(Policy()._repr_html_())) == 2
    longest = cells(Featureset(1, 64)._repr_html_())
    assert longest[2] == ["0", "00000001", "0"]
    assert longest[-1] == ["and 4 more"]
