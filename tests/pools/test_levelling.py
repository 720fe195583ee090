"""Levels: what libxc computed, the algebra, and which rules hold for whom."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tests import GOLDEN, SHARED, needs_shared
from tests.support.hosts import names
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import NEWEST, RELEASES, release
from xenops_cpu.features.risks import ORED
from xenops_cpu.pools.levelling import Reduction, combine, level, reduced, rules
from xenops_cpu.pools.ored import ored

OF_POOLS = GOLDEN / "pools"
OF_LIBXC = {"xs8": "xenserver-8-4.17.3-4", "xs8.2": "xenserver-8.2-4.13.5-9.39", "pq417": "4.17"}

# Short sets too, and none: hosts of different age meet in one pool.
SETS = st.lists(st.integers(0, 0xFFFFFFFF), max_size=23).map(Featureset.of_words)
LIKELY = st.integers(0, 0xFFFFFFFF).map(lambda word: word | 0x7FFFFFFF)
DENSE = st.lists(LIKELY, min_size=9, max_size=22).map(Featureset.of_words)
HOSTS = st.lists(st.one_of(SETS, DENSE), max_size=6)
XENS = st.sampled_from(RELEASES).map(release)


def records(name: str) -> Iterator[dict[str, Any]]:
    for line in (OF_POOLS / name).read_text().splitlines():
        yield json.loads(line)


def of_words(words: list[str]) -> Featureset:
    return Featureset.of_words(int(word, 16) for word in words)


def test_every_chosen_vector_of_libxc() -> None:
    """combine gives what XenServer's libxc gave, words and all."""
    for record in records("combine.jsonl"):
        left, right = Featureset.parse(record["left"]), Featureset.parse(record["right"])
        assert str(combine(left, right, release(record["release"]))) == record["level"]
        assert str(combine(right, left, release(record["release"]))) == record["level"]


@needs_shared
def test_every_vector_of_libxc() -> None:
    """The same for all that there are."""
    for line in (SHARED / "xen" / "golden" / "combine.jsonl").read_text().splitlines():
        record = json.loads(line)
        left, right = of_words(record["in_a"]), of_words(record["in_b"])
        assert combine(left, right, release(OF_LIBXC[record["libxc"]])) == of_words(record["out"])


def test_reductions_of_parts_add_up() -> None:
    """AND, OR, the longest, and how many: of two parts as of all; none is neutral."""
    hosts = [Featureset.of_words(words) for words in ([7], [3, 1], [], [6, 3, 1])]
    whole = reduced(hosts)
    assert whole == Reduction(2, 7 | 3 << 32 | 1 << 64, 3, 3)
    assert reduced(hosts[:2]) + reduced(hosts[2:]) == whole
    assert reduced(hosts[3:]) + reduced(hosts[:3]) == whole
    assert reduced([]) + whole == whole == whole + Reduction()


@pytest.mark.parametrize("name", RELEASES)
def test_a_level_has_no_more_than_what_its_rules_bring(name: str) -> None:
    """What one host lacks is in no level but for what is OR-ed and RSBA, RRSBA: FPU is not, though
    old releases know no RSBA.
    """
    arch_caps = {"ARCH_CAPS"} & set(release(name).features)
    sets = [release(name).featureset({"FPU", *arch_caps}), release(name).featureset(arch_caps)]
    assert level(sets, release(name)) == release(name).featureset(arch_caps)


@given(HOSTS, XENS, st.randoms(use_true_random=False))
def test_order_and_grouping_do_not_count(hosts: list[Featureset], xen: Any, random: Any) -> None:
    """Any order of the hosts, any grouping of them, and all in one go: one level."""
    shuffled = list(hosts)
    random.shuffle(shuffled)
    whole = level(hosts, xen)
    assert level(shuffled, xen) == whole
    groups = [[host] for host in shuffled]
    while len(groups) > 1:
        group = groups.pop(random.randrange(len(groups)))
        groups[random.randrange(len(groups))] += group
        assert level([level(group, xen) for group in groups], xen) == whole


@given(HOSTS, XENS, st.randoms(use_true_random=False))
def test_folding_with_combine_is_independent_of_order(
    hosts: list[Featureset], xen: Any, random: Any
) -> None:
    """xapi's fold, from the empty set on, ends the same whatever the order of the hosts."""
    results = set()
    for _ in range(3):
        total = Featureset()
        for host in hosts:
            total = combine(total, host, xen)
        results.add(total)
        random.shuffle(hosts)
    assert len(results) == 1


@given(HOSTS, XENS)
def test_level_and_combine_differ_in_verw_clear_only(hosts: list[Featureset], xen: Any) -> None:
    """On 4.17 and 4.18, level OR-s VERW_CLEAR, which libxc's list has not; else they agree."""
    folded = Featureset()
    for host in hosts:
        folded = combine(folded, host, xen)
    difference = folded ^ level(hosts, xen)
    allowed = {"VERW_CLEAR"} if xen.name in ("4.17", "4.18") else set()
    assert set(xen.names(difference)) <= allowed


@given(SETS, XENS)
def test_the_empty_set_is_neutral_and_one_host_its_own_level(host: Featureset, xen: Any) -> None:
    """Nothing is cleared of one host's set: it is what that host gives."""
    assert combine(Featureset(), host, xen) == combine(host, Featureset(), xen) == host
    assert level([host], xen) == level([Featureset(), host], xen) == host
    assert level([], xen) == Featureset()


@given(st.lists(DENSE, min_size=2, max_size=5), XENS)
def test_a_level_has_no_orphans_and_nothing_made_up(hosts: list[Featureset], xen: Any) -> None:
    """No feature without what it depends on; all from every host, or OR-ed, or RSBA and RRSBA."""
    found = level(hosts, xen)
    for base, dependents in xen.deep_deps.items():
        assert base in found or not found & dependents
    every = hosts[0]
    for host in hosts[1:]:
        every &= host
    assert set(xen.names(found - every)) <= {*ored(xen), "RSBA", "RRSBA"}


@pytest.mark.parametrize("xen", [name for name in RELEASES if "RSBA" in release(name).features])
@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("RSBA", "", "RSBA"),
        ("RRSBA EIBRS", "EIBRS", "RRSBA EIBRS"),
        ("RRSBA EIBRS", "RSBA", "RSBA"),
        ("RRSBA EIBRS", "", "RSBA"),
        ("", "", ""),
    ],
)
def test_rsba_and_rrsba_are_made_anew(xen: str, left: str, right: str, expected: str) -> None:
    """With ARCH_CAPS: RRSBA beside EIBRS, RSBA without, if any host has either."""
    tables = release(xen)
    common = "FPU MSR APIC IBRSB ARCH_CAPS "
    one, other = names(common + left, xen), names(common + right, xen)
    interesting = tables.featureset(["RSBA", "RRSBA", "EIBRS"])
    assert level([one, other], tables) & interesting == names(expected, xen)
    assert combine(one, other, tables) & interesting == names(expected, xen)


def test_without_arch_caps_there_is_no_rsba() -> None:
    """One host without ARCH_CAPS takes the whole register away, FB_CLEAR too, MD_CLEAR not."""
    with_caps = names("FPU MSR ARCH_CAPS RSBA FB_CLEAR MD_CLEAR")
    found = level([with_caps, names("FPU MSR")], release("4.17"))
    assert release("4.17").names(found) == ["FPU", "MSR", "MD_CLEAR"]


def test_what_is_ored_in_each_release() -> None:
    """The release's mask, or the list with its reason; nothing where no host would take it in."""
    verw = ("MD_CLEAR", "FB_CLEAR", "RFDS_CLEAR")
    assert ored(release("4.13")) == ored(release("4.14")) == ()
    assert ored(release("4.15")) == ored(release("xenserver-8.2")) == verw
    assert ored(release("xenserver-8")) == ored(release("4.16")) == ("NO_LMSL", *verw)
    assert ored(release("4.17")) == ("NO_LMSL", "MD_CLEAR", "VERW_CLEAR", "FB_CLEAR", "RFDS_CLEAR")
    assert set(ored(release(NEWEST))) == set(ORED)


@pytest.mark.parametrize("xen", RELEASES)
def test_no_ored_feature_has_dependents(xen: str) -> None:
    """What makes clearing early and late the same: nothing depends on a feature that is OR-ed."""
    tables = release(xen)
    assert not [name for name in ored(tables) if tables.features[name].number in tables.deep_deps]


@pytest.mark.parametrize("xen", [name for name in RELEASES if ored(release(name))])
def test_ored_features_are_taken_in_by_hosts_that_lack_them(xen: str) -> None:
    """An OR-ed bit is special in its release (`!`), or only ever said to HVM guests (`S`)."""
    tables = release(xen)
    for name in ored(tables):
        annotation = tables.features[name].annotation
        assert "!" in annotation or "|" in annotation or "S" in annotation


def test_xapis_own_examples_stay() -> None:
    """Sets of fewer than four words are of no Xen: plain AND, as xapi's tests have it."""
    examples = [
        ("1fc9cbf5-f6f83203-00000001", "17cbfbff-f7fa3223", "17c9cbf5-f6f83203-00000000"),
        ("01230123-5a5a5a5a", "ffff1111-a5a56666", "01230101-00004242"),
        ("ffffffff", "ffffffff-ffffffff", "ffffffff-00000000"),
        ("deadbeef-deadbeef", "01230123-5a5a5a5a", "00210023-5a081a4a"),
    ]
    for left, right, expected in examples:
        found = combine(Featureset.parse(left), Featureset.parse(right))
        assert str(found) == expected


def test_with_four_words_the_same_set_loses_its_orphans() -> None:
    """The fourth word makes it XenServer 6's, and libxc's rules clear what lacks LM (CX16, …)."""
    left = Featureset.parse("1fc9cbf5-f6f83203-00000001-00000000")
    right = Featureset.parse("17cbfbff-f7fa3223")
    lost = (left & right) - combine(left, right)
    assert "CX16" in release(NEWEST).names(lost)


def test_never_both_of_rsba_and_rrsba() -> None:
    """Where every host has RRSBA and one has no EIBRS, the level has RSBA and not RRSBA as well."""
    xen = release("4.17")

    def levelled(*hosts: str) -> list[str]:
        sets = [xen.featureset(["IBRSB", "ARCH_CAPS", *host.split()]) for host in hosts]
        return xen.names(level(sets, xen))

    assert levelled("RRSBA EIBRS", "RRSBA") == ["IBRSB", "ARCH_CAPS", "RSBA"]
    assert levelled("RRSBA EIBRS", "RRSBA EIBRS") == ["IBRSB", "ARCH_CAPS", "EIBRS", "RRSBA"]
    assert levelled("RSBA RRSBA EIBRS", "EIBRS") == ["IBRSB", "ARCH_CAPS", "EIBRS", "RRSBA"]
    assert levelled("RSBA RRSBA EIBRS", "RSBA RRSBA") == ["IBRSB", "ARCH_CAPS", "RSBA"]
    both = "RSBA RRSBA EIBRS"
    assert levelled(both, both) == ["IBRSB", "ARCH_CAPS", "EIBRS", "RRSBA"]


@pytest.mark.parametrize("eibrs", [False, True])
def test_rsba_and_rrsba_are_never_both_whatever_depends_on_what(eibrs: bool) -> None:
    """Tables that do not tie RRSBA to EIBRS change nothing: both go, and the right one comes."""
    untied = evolve(rules(NEWEST), bases=())
    either = untied.rsba | untied.rrsba
    bits = untied.arch_caps | either | (untied.eibrs if eibrs else 0)
    settled = untied.settle(bits, bits, release(NEWEST).length)
    assert settled & either == (untied.rrsba if eibrs else untied.rsba)


def test_combine_knows_libxcs_list_and_the_length() -> None:
    """On 4.17 it OR-s what libxc's list has, without VERW_CLEAR; rules go by the longer set."""
    xen = release("4.17")
    late, none = xen.featureset(["VERW_CLEAR", "MD_CLEAR"]), xen.featureset([])
    assert xen.names(combine(late, none, xen)) == ["MD_CLEAR"]
    assert xen.names(level([late, none], xen)) == ["MD_CLEAR", "VERW_CLEAR"]
    old = release("4.13").featureset(["MD_CLEAR"])
    assert combine(old, release("4.13").featureset([])) == Featureset(0, 11)
