"""Reasons, risks and remedies of single features."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from xenops_cpu.features.meanings import why_only_in_migration
from xenops_cpu.features.release import release
from xenops_cpu.hosts.host import UNTOLD
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.lack import Lack, missing, only_by_max, risk
from xenops_cpu.pools.member import Member, member_of, member_of_record

XEN = release("4.17")
HVM = GuestType.HVM


def member(raw: str, host: str, max_: str, default: str = "FPU") -> Member:
    sets = made(default, max_, host).featuresets
    return member_of(evolve(made(), featuresets=evolve(sets, raw=names(raw))), "h")


def number(name: str) -> int:
    return XEN.features[name].number


@pytest.mark.parametrize(
    ("raw", "host", "max_", "reason", "remedy"),
    [
        ("FPU", "FPU", "FPU", "CPU or its microcode does not show it", "another CPU"),
        ("FPU AVX", "FPU", "FPU", "has it, Xen does not use it", "command line"),
        ("FPU AVX", "FPU AVX", "FPU", "offers it to no HVM guest", "offers it to guests"),
    ],
)
def test_the_reason_by_the_set_that_lost_it(
    raw: str, host: str, max_: str, reason: str, remedy: str
) -> None:
    """Hardware, Xen, or the offer to guests: by the first set of Xen's that has it not."""
    found = missing(member(raw, host, max_), HVM, number("AVX"))
    assert reason in found.reason
    assert remedy in found.remedy


def test_a_derivations_reason_is_preferred() -> None:
    """Where somebody can tell the story, it is told, of the set that was compared."""
    asked = []

    def explain(name: str, feature: int) -> str:
        asked.append((name, feature))
        return "no-avx on the command line"

    telling = evolve(member("FPU AVX", "FPU", "FPU"), explain=explain)
    assert missing(telling, HVM, number("AVX")).reason == "no-avx on the command line"
    assert asked == [("hvm_max", number("AVX"))]


def test_a_reason_where_nobody_told_the_sets() -> None:
    """A host of which no set of Xen's is known can have reasons all the same, of max; else its
    record is all there is.
    """
    untold = evolve(member("FPU", "FPU", "FPU"), sets=None)
    telling = evolve(untold, explain=lambda name, feature: f"{name} lacks {feature}")
    avx = number("AVX")
    assert missing(telling, HVM, avx).reason == f"hvm_max lacks {avx}"
    assert missing(untold, HVM, avx).reason == "the host's record does not have it"


def test_a_host_without_compatibility_bits_of_a_type() -> None:
    """Where libxc adds bits for no guests of that type, the reason is that of the feature."""
    bare = evolve(member("FPU", "FPU", "FPU"), compat_bits={})
    lack = only_by_max(bare, HVM, number("HTT"))
    assert (lack.reason, lack.compatibility) == (why_only_in_migration(XEN, number("HTT")), "")


def test_a_record_alone_knows_no_reason() -> None:
    """Of xapi's record only the absence can be told."""
    told = member_of_record({"features_pv": "1", "features_hvm": str(names("FPU"))}, "h", XEN)
    found = missing(told, HVM, number("AVX"))
    assert found.reason == "the host's record does not have it"
    assert found.remedy == ""


def test_only_by_max_has_the_label_of_libxc() -> None:
    """A bit that XenServer's libxc added says so; another has Xen's reason."""
    plain = member("FPU RTM", "FPU RTM", "FPU RTM")
    assert "TSX" in only_by_max(plain, HVM, number("RTM")).reason
    labelled = evolve(plain, compat_bits={HVM: {number("IBS"): "Xen 4.7 showed it falsely"}})
    found = only_by_max(labelled, HVM, number("IBS"))
    assert found.reason == found.compatibility == "Xen 4.7 showed it falsely"


def test_a_compatibility_bit_is_no_risk() -> None:
    """A bit that old records have for no use cannot have been made use of."""
    assert risk(XEN, number("VMX"), "Xen up to 4.14 showed it").startswith("none known")
    assert "invalid opcode" in risk(XEN, number("SSE4_2"))


@pytest.mark.parametrize(
    ("raw", "host", "max_", "reason", "remedy"),
    [
        ("FPU", "FPU", "FPU", "the CPU or its microcode does not show it",
         "only another CPU, firmware setting or microcode can bring it"),
        ("FPU AVX", "FPU", "FPU", "the CPU has it, Xen does not use it",
         "look at Xen's command line, microcode and release on that host"),
        ("FPU AVX", "FPU AVX", "FPU", "Xen uses it but offers it to no HVM guest",
         "a Xen release or command line that offers it to guests"),
    ],
)  # fmt: skip
def test_all_that_is_said_of_a_lack(
    raw: str, host: str, max_: str, reason: str, remedy: str
) -> None:
    """Number, name, reason, remedy and risk; nothing of compatibility where there is none."""
    avx = number("AVX")
    assert missing(member(raw, host, max_), HVM, avx) == Lack(
        avx, "AVX", reason, risk(XEN, avx), remedy, ""
    )


def test_a_host_that_told_neither_silicon_nor_host() -> None:
    """Where the host set is not known, the record is all there is to say; a story is told still."""
    whole = member("FPU AVX", "FPU", "FPU")
    assert whole.sets is not None
    untold = evolve(whole, sets=evolve(whole.sets, host=UNTOLD))
    found = missing(untold, HVM, number("AVX"))
    assert (found.reason, found.remedy) == ("the host's record does not have it", "")
    telling = evolve(untold, explain=lambda name, feature: f"{name} {feature}")
    assert missing(telling, HVM, 5).reason == "the CPU or its microcode does not show it" or (
        missing(telling, HVM, 5).reason == "hvm_max 5"
    )
    nothing = evolve(whole, sets=evolve(whole.sets, raw=UNTOLD, host=UNTOLD), explain=None)
    assert missing(nothing, HVM, 5).remedy == ""


def test_the_story_is_of_the_set_that_there_is() -> None:
    """Max where the host has told it, else default."""
    whole = member("FPU", "FPU", "FPU")
    assert whole.sets is not None
    asked: list[str] = []

    def explain(name: str, feature: int) -> str:
        asked.append(name)
        return f"because of {feature}"

    for sets in (whole.sets, evolve(whole.sets, hvm_max=None)):
        telling = evolve(whole, sets=sets, explain=explain)
        assert missing(telling, HVM, number("AVX")).reason == f"because of {number('AVX')}"
    assert asked == ["hvm_max", "hvm_default"]


def test_all_that_is_said_of_a_feature_that_is_only_taken_in() -> None:
    """Its number and name and why Xen takes it in; a label, where it has one, is the reason."""
    hle = number("HLE")
    plain = member("FPU HLE", "FPU HLE", "FPU HLE")
    assert only_by_max(plain, HVM, hle) == Lack(hle, "HLE", why_only_in_migration(XEN, hle))
    labelled = evolve(plain, compat_bits={HVM: {hle: "an old bit"}})
    assert only_by_max(labelled, HVM, hle) == Lack(
        hle, "HLE", "an old bit", compatibility="an old bit"
    )
    assert only_by_max(plain, HVM, hle, "of the VM").compatibility == "of the VM"


def test_a_compatibility_bit_word_for_word() -> None:
    """A VM cannot have used what its record has for no use."""
    said = "none known: the VM cannot have made use of it"
    assert risk(XEN, number("VMX"), "an old bit") == said
    assert missing(member("FPU", "FPU", "FPU"), HVM, 7, "old").risk == said
    assert missing(member("FPU", "FPU", "FPU"), HVM, 7, "old").compatibility == "old"
