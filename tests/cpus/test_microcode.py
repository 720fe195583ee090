"""The facts about microcode: releases and states, held to the reference data and to dumps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import ROOT, SHARED
from tests.support.scripts import script
from xenops_cpu.cpus import microcode
from xenops_cpu.cpus.corpus import read_record
from xenops_cpu.cpus.silicon import word
from xenops_cpu.cpus.timeline import Confidence, Line, Release, Step

FACTS = SHARED / "xen/microcode"
CORPUS = SHARED / "xen/corpus/dumps.jsonl"
needs_facts = pytest.mark.skipif(not FACTS.exists(), reason="../shared/xen/microcode is not there")


def cascade_lake() -> Line:
    timeline = microcode.timeline("GenuineIntel", 0x50657)
    assert timeline is not None
    return timeline.line()


@needs_facts
def test_the_data_is_what_the_facts_say() -> None:
    """Made anew from the reference data, every file is the same."""
    data = ROOT / "xenops_cpu" / "data" / "microcode"
    for name, text in script("import-microcode").files(FACTS).items():
        assert (data / name).read_text(encoding="utf-8") == text, name


def test_the_data_is_small() -> None:
    """All of it is below 200 KB, and only what is asked for is taken apart."""
    data = ROOT / "xenops_cpu" / "data" / "microcode"
    assert sum(path.stat().st_size for path in data.iterdir()) < 200_000


@needs_facts
def test_the_newest_of_each_platform() -> None:
    """For each platform mask, or a wider one that goes on where it ends, it is the facts' own."""
    narrowed = 0
    for entry in json.loads((FACTS / "microcode.json").read_text())["signatures"]:
        timeline = microcode.timeline(entry["vendor"], int(entry["sig"], 16))
        assert timeline is not None
        newest = entry["newest"]
        for mask, known in newest.items():
            lines = [line for line in timeline.lines if mask in line.masks.split("+")]
            assert lines, (entry["sig"], mask)
            own = {f"{line.public()[-1].revision:08x}" for line in lines if line.public()}
            of_masks = {
                newest[wide].get("public") for line in lines for wide in line.masks.split("+")
            }
            assert own <= of_masks, (entry["sig"], mask)
            narrowed += known.get("public") is not None and known["public"] not in own
    assert narrowed == 12  # masks whose parts a wider file serves by now


@needs_facts
@pytest.mark.skipif(not CORPUS.exists(), reason="../shared/xen/corpus is not there")
def test_dumps_agree_with_their_step() -> None:
    """A dump made at a known revision has the words of that revision, but for four known ones."""
    disagreements = json.loads((FACTS / "evidence.json").read_text())["disagreements"]
    other_parts = {(entry["sig"], entry["ucode"]) for entry in disagreements}
    seen = 0
    for number, row in enumerate(CORPUS.read_text(encoding="utf-8").splitlines(), 1):
        record: dict[str, Any] = json.loads(row)
        cpu = read_record(row, number).cpu
        timeline = microcode.timeline(cpu.vendor, cpu.signature)
        if record.get("derived_from") or timeline is None or cpu.microcode is None:
            continue
        step = timeline.line(cpu.microcode).step(cpu.microcode)
        if step is None or cpu.hypervisor:
            continue
        apart = [
            name
            for name, value in step.words.items()
            if value is not None
            and (name != "10a" or 0x10A in cpu.msrs)
            and word(cpu, name) & timeline.watched[name] != value
        ]
        if (f"{cpu.signature:08x}", f"{cpu.microcode:08x}") not in other_parts:
            assert not apart, record["id"]
        seen += 1
    assert seen > 40


@pytest.mark.parametrize(
    ("vendor", "signature", "revision", "words"),
    [
        # Firecracker's fingerprints on hosts that pass MSR 10a nearly raw.
        ("GenuineIntel", 0x50654, 0x2006F05, {"7d0": 0xBC002400, "10a": 0xC04}),
        ("GenuineIntel", 0x50654, 0x2007006, {"7d0": 0xBC002400, "10a": 0x2000C04}),
        ("GenuineIntel", 0x50657, 0x5003501, {"10a": 0xAACAB}),
        ("GenuineIntel", 0x50657, 0x5003604, {"10a": 0x20AACAB}),
        ("GenuineIntel", 0x606A6, 0xD000390, {"7d2": 1, "10a": 0x2BDEB}),
        ("GenuineIntel", 0x606A6, 0xD0003A5, {"7d2": 1, "10a": 0x202BDEB}),
        # A laptop's T14 fixture; FreeBSD's boot log of an i3-8100T.
        ("GenuineIntel", 0x806C1, 0xBE, {"7d0": 0xBC000600, "7d2": 1, "10a": 0xA005C6B}),
        ("GenuineIntel", 0x906EB, 0xF6, {"7d0": 0xBC002E00, "10a": 0x2000C04}),
        # libvirt: a Platinum 9242 after November 2019, a Xeon 6731E.
        ("GenuineIntel", 0x50657, 0x500002C, {"10a": 0xAB}),
        ("GenuineIntel", 0xA06F3, 0x30003B2, {"7d2": 0x77, "10a": 0x2DA1FD6B}),
        # cpuinfo: no ARCH_CAPS at the last public revisions of Haswell and Broadwell servers.
        ("GenuineIntel", 0x306F2, 0x49, {"7d0": 0x9C000400, "10a": None}),
        ("GenuineIntel", 0x406F1, 0xB000040, {"7d0": 0x9C000400, "10a": None}),
    ],
)
def test_states_of_real_machines(
    vendor: str, signature: int, revision: int, words: dict[str, int | None]
) -> None:
    """What somebody read on a machine with that microcode is what the timeline says."""
    timeline = microcode.timeline(vendor, signature)
    assert timeline is not None
    step = timeline.line(revision).step(revision)
    assert step is not None
    assert {name: step.words[name] for name in words} == words


def test_nothing_is_known_of_a_cpu_that_never_was() -> None:
    """An unknown signature, or a known one of another vendor, has no timeline."""
    assert microcode.timeline("GenuineIntel", 0x12345) is None
    assert microcode.timeline("AuthenticAMD", 0x50657) is None


def test_every_block_can_be_read() -> None:
    """Each signature of the file has a timeline whose effects all have a text of their own."""
    text = (ROOT / "xenops_cpu" / "data" / "microcode" / "signatures.txt").read_text()
    heads = [line.split(" ")[1:3] for line in text.splitlines() if line.startswith("= ")]
    assert len(heads) > 190
    for vendor, signature in heads:
        timeline = microcode.timeline(vendor, int(signature, 16))
        assert timeline is not None
        named = [occurrence.effect for occurrence in timeline.occurrences]
        named += [name for line in timeline.lines for step in line.steps for name in step.effects]
        assert all(microcode.effect(name).title for name in named)
        for line in timeline.lines:
            assert set("".join(release.sources for release in line.releases)) <= set(
                microcode.sources()
            )


def test_what_was_recalled_is_never_the_newest() -> None:
    """The revision of January 2018 was taken back; that of March is the first that stayed."""
    timeline = microcode.timeline("GenuineIntel", 0x50654)
    assert timeline is not None
    assert 0x200003C not in [release.revision for release in timeline.line().public("2018-12")]
    withdrawn = microcode.timeline("AuthenticAMD", 0x830F10)
    assert withdrawn is not None
    public = [release.revision for release in withdrawn.line().public("2019-11")]
    assert public == [0x8301025]
    assert 0x8301025 not in [release.revision for release in withdrawn.line().public("2020")]


@pytest.mark.parametrize(
    ("until", "revision"),
    [("2019-05-13", None), ("2019-05-14", 0x5000021), ("2019-05", 0x5000021), ("2019", 0x500002C)],
)
def test_a_date_counts_to_its_end(until: str, revision: int | None) -> None:
    """A year or month means its last day; the day of a release counts."""
    assert [release.revision for release in cascade_lake().public(until)][-1:] == (
        [] if revision is None else [revision]
    )


def test_the_line_of_a_part() -> None:
    """Xeon Max has revisions of its own: a dump's revision leads to its line, nearest counts."""
    timeline = microcode.timeline("GenuineIntel", 0x806F8)
    assert timeline is not None
    assert timeline.line(0x2C000271).masks == "10"
    assert timeline.line(0x2B000390).masks == timeline.line().masks == "87"
    steps = timeline.line(0x2C000271).steps
    assert [step.first for step in steps[1:]] == [0x2C000271, 0x2C000390, 0x2C0003E0, 0x2C0003F7]


def test_a_step_that_was_seen_confirms_those_before_it() -> None:
    """The weakest of the steps behind a state counts, back to the last that was seen."""
    first, *inferred, seen = (
        Step(number, {}, confidence)
        for number, confidence in enumerate(
            (Confidence.SEEN, Confidence.INFERRED, Confidence.DOCUMENTED, Confidence.SEEN)
        )
    )
    line = Line("1", (Release(0, "2020-01-01", "", "T"),), (first, *inferred, seen))
    assert line.confidence(first) is Confidence.SEEN
    assert [line.confidence(step) for step in inferred] == [Confidence.INFERRED] * 2
    assert line.confidence(seen) is Confidence.SEEN
