"""Wishes for microcode, and the revision each comes to."""

from __future__ import annotations

import pytest

from xenops_cpu.cpus import microcode, shipped, wish
from xenops_cpu.cpus.silicon import Silicon
from xenops_cpu.cpus.wish import Choice, WishError


def chosen(cpu: str, text: str, base: int | None = None) -> Choice:
    silicon = Silicon(shipped.get(cpu).cpu)
    timeline = microcode.timeline(silicon.dumped.vendor, silicon.dumped.signature)
    assert timeline is not None
    return wish.choose(wish.parse(text), silicon, timeline.line(silicon.revision), base)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("newest", "newest"),
        ("As-Dumped", "as-dumped"),
        ("0x5003605", "revision"),
        ("5003605", "revision"),
        ("0x2019", "revision"),
        ("f0", "revision"),
        ("0x20190514", "revision"),
        ("2019", "until"),
        ("2019-05", "until"),
        ("2019-05-14", "until"),
        ("20190514", "until"),
        ("microcode-20190514", "until"),
        ("intel-microcode-20230720-1", "package"),
        ("amd-microcode-20250626-1.1", "package"),
        ("xcp-ng-8.3", "package"),
    ],
)
def test_what_a_text_means(text: str, kind: str) -> None:
    """A word, a revision, a date or a package; digits that can be a date are one."""
    assert wish.parse(text).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "new",
        "0x",
        "0x123456789",
        "123456789",
        "2019-13",
        "2019-05-32",
        "microcode-2019",
        "xcp-ng-7",
    ],
)
def test_what_is_no_wish(text: str) -> None:
    """Anything else is an error that lists what is right."""
    with pytest.raises(WishError, match="right are newest, as-dumped, a revision"):
        wish.parse(text)
    assert not wish.is_wish(text)


@pytest.mark.parametrize(
    ("cpu", "text", "revision"),
    [
        ("xeon-gold-6212u", "newest", 0x5003901),
        ("xeon-gold-6212u", "0x5003605", 0x5003605),
        ("xeon-gold-6212u", "2023-08", 0x5003604),
        ("xeon-gold-6212u", "microcode-20230808", 0x5003604),
        ("xeon-gold-6212u", "intel-microcode-20230720-1", 0x5003604),
        ("xeon-gold-6212u", "xcp-ng-8.3", 0x5003901),
        ("epyc-7763", "newest", 0xA0011DE),
        ("epyc-7763", "xcp-ng-8.2", 0xA0011D5),
        ("epyc-7763", "xcp-ng-8.3", 0xA0011D7),
        ("epyc-7763", "amd-microcode-20220930-2", 0xA0011CE),
        # Made with firmware newer than what is public: never replaced by an older one.
        ("epyc-4124p", "newest", 0xA60120C),
        ("epyc-4124p", "2025-12", 0xA60120A),
        # No public release at all.
        ("xeon-phi-7210", "newest", None),
        ("xeon-gold-6212u", "as-dumped", None),
    ],
)
def test_the_revision_of_a_wish(cpu: str, text: str, revision: int | None) -> None:
    """Each kind of wish leads to the revision that was loaded then and there."""
    assert chosen(cpu, text).revision == revision


@pytest.mark.parametrize(
    ("cpu", "text", "message"),
    [
        ("xeon-gold-6212u", "2018", "public by 2018: the first is 05000021 of 2019-05-14"),
        ("xeon-phi-7210", "2020", "no public microcode of this CPU is known, so none for 2020"),
        ("xeon-gold-6212u", "xcp-ng-8.2", "which microcode xcp-ng-8.2 has for GenuineIntel CPUs"),
        ("epyc-7763", "intel-microcode-20230720-1", "for AuthenticAMD CPUs is not known here"),
        ("xeon-gold-6212u", "intel-microcode-20221013-1", "which public release intel-microcode-2"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled(cpu: str, text: str, message: str) -> None:
    """Too early, or not known: said, and not guessed."""
    with pytest.raises(WishError, match=message):
        chosen(cpu, text)


def test_a_revision_that_nobody_knows_is_said_to_be_one() -> None:
    """It is taken, and not passed off as a release."""
    unknown = chosen("xeon-gold-6212u", "0x5003602")
    assert unknown.release is None
    assert "not among the releases known here" in unknown.how


@pytest.mark.parametrize(
    ("base", "revision", "how"),
    [
        (0x500002C, 0x500002C, "for 05003901 loads only over 05003102 or newer"),
        (0x5003102, 0x5003901, "the newest public"),
        (0x5003FFF, 0x5003FFF, "from firmware, newer than the public 05003901"),
    ],
)
def test_what_firmware_brings_counts(base: int, revision: int, how: str) -> None:
    """Microcode that asks for newer firmware is not loaded, and an older one never."""
    choice = chosen("xeon-gold-6212u", "newest", base)
    assert choice.revision == revision
    assert how in choice.how
