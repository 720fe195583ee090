"""Reasons, risks and remedies of single features."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from xenops_cpu.features.release import release
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.lack import missing, only_by_max, risk
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
