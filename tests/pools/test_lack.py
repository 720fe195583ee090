"""Reasons, risks and remedies of single features."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import made, names
from xenops_cpu.features.release import RELEASES, release
from xenops_cpu.pools import lack
from xenops_cpu.pools.lack import missing, only_by_max, risk
from xenops_cpu.pools.member import GuestType, Member, member_of_host
from xenops_cpu.pools.records import member_of_map

XEN = release("4.17")
HVM = GuestType.HVM


def member(raw: str, host: str, max_: str, default: str = "FPU") -> Member:
    sets = made(default, max_, host).featuresets
    return member_of_host(evolve(made(), featuresets=evolve(sets, raw=names(raw))), "h")


def number(name: str) -> int:
    return XEN.features[name].number


def test_every_name_in_the_tables_is_a_feature_of_some_release() -> None:
    """A name that no release knows would never be found."""
    known = {name for xen in RELEASES for name in release(xen).features}
    for table in (lack.IMMUNITIES, lack._CONTROLS, lack._HINTS, lack._TOPOLOGY):
        assert set(table) <= known


def test_every_immunity_of_the_newest_release_is_known() -> None:
    """A feature called *_NO is an immunity, and the table has it."""
    unsaid = {name for name in release("master").features if name.endswith("_NO")}
    assert unsaid <= set(lack.IMMUNITIES)


@pytest.mark.parametrize(
    ("raw", "host", "max_", "reason", "remedy"),
    [
        ("FPU", "FPU", "FPU", "CPU of h or its microcode does not show it", "another CPU"),
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
    told = member_of_map({"features_pv": "1", "features_hvm": str(names("FPU"))}, "h", XEN)
    found = missing(told, HVM, number("AVX"))
    assert found.reason == "the record of h does not have it"
    assert found.remedy == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MDS_NO", "immune to MDS"),
        ("RTM", "begin a transaction"),
        ("HLE", "none but speed"),
        ("RSBA", "none for this VM"),
        ("MD_CLEAR", "needless or without effect"),
        ("IBRSB", "kernel may crash"),
        ("AVX512F", "XSAVE"),
        ("SSE4_2", "invalid opcode"),
        ("ERMS", "speed or behaviour"),
        ("HTT", "counted its CPUs"),
        ("DOITM", "what this bit of a register promises"),
    ],
)
def test_the_risk_in_words(name: str, words: str) -> None:
    """Each kind of feature has its own risk."""
    assert words in risk(XEN, number(name))


def test_the_risk_of_a_bit_without_a_name() -> None:
    """It is said not to be known; and a compatibility bit is no risk."""
    assert "not known" in risk(XEN, 10)
    assert risk(XEN, number("VMX"), "Xen up to 4.14 showed it").startswith("none known")


def test_every_feature_of_every_release_has_a_risk() -> None:
    """No feature is without a sentence."""
    for name in RELEASES:
        xen = release(name)
        assert all(risk(xen, feature.number) for feature in xen.features.values())


def test_only_by_max_has_the_label_of_libxc() -> None:
    """A bit that XenServer's libxc added says so; another has Xen's reason."""
    plain = member("FPU RTM", "FPU RTM", "FPU RTM")
    assert "TSX" in only_by_max(plain, HVM, number("RTM")).reason
    labelled = evolve(plain, labels={HVM: {number("IBS"): "Xen 4.7 showed it falsely"}})
    found = only_by_max(labelled, HVM, number("IBS"))
    assert found.reason == found.compatibility == "Xen 4.7 showed it falsely"
