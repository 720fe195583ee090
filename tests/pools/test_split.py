"""Sub-pools: the best partition, exactly and by the heuristic."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.pools import HVM, host, mixed
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.offer import Offer
from xenops_cpu.pools import split as module
from xenops_cpu.pools.levelling import level, rules
from xenops_cpu.pools.member import Member
from xenops_cpu.pools.split import SplitError, split

XEN = release("4.17")
# Features that depend on nothing, one of them OR-ed: as in real sets, nothing has to be cleared.
NAMES = ["FPU", "POPCNT", "RDRAND", "ADX", "SMEP", "ERMS", "MD_CLEAR"]


def given_up(groups: list[list[Member]]) -> int:
    total = 0
    for group in groups:
        found = level([member.boot(HVM) for member in group], XEN)
        total += sum(len(member.boot(HVM) - found) for member in group)
    return total


def least(members: list[Member], parts: int) -> int:
    """By looking at every assignment of hosts to parts."""
    results = []
    for assignment in product(range(parts), repeat=len(members)):
        groups = [[m for m, p in zip(members, assignment, strict=True) if p == part]
                  for part in range(parts)]  # fmt: skip
        results.append(given_up([group for group in groups if group]))
    return min(results)


POOLS = st.lists(
    st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(" ".join), min_size=1, max_size=5
)


def hosts_of(texts: list[str]) -> list[Member]:
    return [host(str(index), text) for index, text in enumerate(texts)]


@settings(max_examples=60, deadline=None)
@given(POOLS, st.integers(1, 3))
def test_no_partition_gives_up_less(texts: list[str], parts: int) -> None:
    """The exact search is as good as looking at all partitions; every host is in one part."""
    members = hosts_of(texts)
    found = split(members, HVM, parts)
    assert found.exact
    assert found.given_up == least(members, parts)
    hosts = [name for part in found.parts for name in part.hosts]
    assert sorted(hosts) == sorted(member.name for member in members)
    assert len(found.parts) <= parts


@settings(max_examples=60, deadline=None)
@given(POOLS, st.integers(1, 3))
def test_the_heuristic_is_a_partition_and_no_better(texts: list[str], parts: int) -> None:
    """With more kinds than the exact search takes, the answer says that it may not be the best."""
    members = hosts_of(texts)
    limit, module.EXACT = module.EXACT, 0
    try:
        found = split(members, HVM, parts)
    finally:
        module.EXACT = limit
    assert not found.exact
    assert found.given_up >= least(members, parts)
    by_name = {member.name: member for member in members}
    assert found.given_up == given_up([[by_name[n] for n in part.hosts] for part in found.parts])


def test_as_many_parts_as_kinds_give_up_nothing() -> None:
    """Hosts that are alike stay together."""
    members = [host("a", "FPU"), host("b", "FPU SSE"), host("c", "FPU")]
    found = split(members, HVM, 3)
    assert [part.hosts for part in found.parts] == [("a", "c"), ("b",)]
    assert found.given_up == 0


def test_vendors_are_never_mixed() -> None:
    """However alike their features are, and too few parts for the vendors are refused."""
    members = [host("i", "FPU"), host("a", "FPU", vendor="AuthenticAMD"), host("j", "FPU SSE")]
    found = split(members, HVM, 2)
    assert [part.hosts for part in found.parts] == [("i", "j"), ("a",)]
    with pytest.raises(SplitError, match=r"hosts of 2 vendors .* cannot be put into 1 part"):
        split(members, HVM, 1)


@pytest.mark.parametrize(("members", "parts"), [([], 1), ([host("a", "FPU")], 0)])
def test_nothing_to_split(members: list[Member], parts: int) -> None:
    """No hosts, or no parts."""
    with pytest.raises(SplitError, match=f"no {parts} parts"):
        split(members, HVM, parts)


def test_real_hosts() -> None:
    """Of four Xeons, Ice Lake stands apart first, or the one without microcode does."""
    found = split(mixed(), HVM, 2)
    assert found.exact
    assert len(found.parts) == 2
    assert found.given_up < split(mixed(), HVM, 1).given_up


# Features that only a level has, or that it has in another form, or that depend on others.
RSB = ["FPU", "AVX", "XSAVE", "ARCH_CAPS", "RSBA", "RRSBA", "EIBRS", "MD_CLEAR", "FB_CLEAR"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(RSB), unique=True).map(" ".join),
            st.integers(1, 3),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_the_sums_cost_what_the_levels_do(texts: list[tuple[str, int]]) -> None:
    """What a group gives up is the same from its sums as by a look at each host's features."""
    known = rules(XEN.name)
    extra = known.ored | known.rsba | known.rrsba
    bits = [1 << number for number in range(extra.bit_length()) if extra >> number & 1]
    kinds = [
        module._Kind("", host("x", text).boot(HVM), tuple(range(count))) for text, count in texts
    ]
    total = module._sum(kinds[0], bits)
    for kind in kinds[1:]:
        total += module._sum(kind, bits)
    assert total.cost(XEN, bits) == module._cost(kinds, XEN)


def test_many_kinds_take_no_cube_of_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mergers are costed once for each pair of groups that ever was, whatever is in them."""
    costed = 0
    cost = module._Sum.cost

    def counted(total: module._Sum, *known: Any) -> int:
        nonlocal costed
        costed += 1
        return cost(total, *known)

    monkeypatch.setattr(module._Sum, "cost", counted)
    names = [feature.name for feature in XEN.features.values()][:60]
    members = [host(str(index), " ".join(names[: index + 1])) for index in range(60)]
    found = split(members, HVM, 3)
    assert not found.exact
    assert len(found.parts) == 3
    assert costed < 60 * 60 + 200


def test_all_subsets() -> None:
    """Each once, the whole first and nothing last."""
    assert list(module._subsets(0b1011)) == [11, 10, 9, 8, 3, 2, 1, 0]
    assert list(module._subsets(0)) == [0]


def test_a_split_says_what_it_is_of() -> None:
    """The guest type, the rules, and each part's hosts with their level."""
    members = [host("a", "FPU MD_CLEAR"), host("b", "FPU"), host("c", "FPU SSE AVX", xen="4.17")]
    found = split(members, HVM, 2)
    assert (found.guest, found.release.name, found.exact) == (HVM, "4.17", True)
    assert [(part.hosts, XEN.names(part.featureset)) for part in found.parts] == [
        (("a", "b"), ["FPU", "MD_CLEAR"]),
        (("c",), ["FPU", "SSE", "AVX"]),
    ]
    old = split(members, HVM, 2, release("4.13"))
    assert old.release.name == "4.13"


@pytest.mark.parametrize("parts", [1, 2])
def test_too_few_parts_word_for_word(parts: int) -> None:
    """How many vendors there are and which, and one part or several."""
    members = [host(name, "FPU", vendor=name) for name in ("Cyrix", "AuthenticAMD", "GenuineIntel")]
    with pytest.raises(SplitError) as refused:
        split(members, HVM, parts)
    noun = "1 part" if parts == 1 else "2 parts"
    assert str(refused.value) == (
        "hosts of 3 vendors (AuthenticAMD, Cyrix, GenuineIntel) cannot be put into " + noun
    )
    assert len(split(members, HVM, 3).parts) == 3


@pytest.mark.parametrize(("limit", "exact"), [(2, False), (3, True)])
def test_as_many_kinds_as_are_searched(
    monkeypatch: pytest.MonkeyPatch, limit: int, exact: bool
) -> None:
    """Up to the limit the search is exact, beyond it is not."""
    monkeypatch.setattr(module, "EXACT", limit)
    members = [host("a", "FPU"), host("b", "SSE"), host("c", "AVX"), host("d", "FPU")]
    assert split(members, HVM, 2).exact is exact


def test_hosts_that_tell_nothing_cost_nothing() -> None:
    """A set without words does not count in a level, searched or not."""
    silent = evolve(host("s", "FPU"), offers={HVM: Offer(HVM, Featureset(), Featureset())})
    members = [silent, host("a", "FPU ADX"), host("b", "FPU ADX SMEP")]
    for limit in (0, 10):
        module_limit, module.EXACT = module.EXACT, limit
        try:
            found = split(members, HVM, 1)
        finally:
            module.EXACT = module_limit
        assert found.given_up == 1
        assert found.parts[0].hosts == ("s", "a", "b")
    empty = module._sum(module._Kind("", Featureset(), (0,)), [1, 2])
    assert empty.cost(XEN, [1, 2]) == 0
    for features in ("FPU", "FPU MD_CLEAR"):
        alone = module._sum(module._Kind("", host("x", features).boot(HVM), (0,)), [1, 2])
        assert empty + alone == alone


def test_two_hosts_lose_their_orphans() -> None:
    """One host keeps what depends on what it lacks; the level of two that are alike does not."""
    one = module._Kind("", host("x", "FPU AVX").boot(HVM), (0,))
    two = evolve(one, hosts=(0, 1))
    for kind, cost in ((one, 0), (two, 2), (evolve(one, hosts=(0, 1, 2)), 3)):
        assert module._cost([kind], XEN) == module._sum(kind, []).cost(XEN, []) == cost


def test_hosts_of_two_vendors_are_never_one_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the heuristic either, however little a merger would give up."""
    monkeypatch.setattr(module, "EXACT", 0)
    intel = [host(f"i{n}", text) for n, text in enumerate(("FPU", "FPU ADX", "FPU ADX SMEP"))]
    amd = [host(f"a{n}", text, vendor="AuthenticAMD") for n, text in enumerate(("FPU", "FPU ADX"))]
    found = split([*intel, *amd], HVM, 2)
    assert not found.exact
    groups = sorted(sorted(part.hosts) for part in found.parts)
    assert groups == [["a0", "a1"], ["i0", "i1", "i2"]]
