"""Answers that say the same are told once, with all the pairs that they are of."""

from __future__ import annotations

from tests.support.hosts import names
from tests.support.pools import HVM, host
from xenops_cpu.interface import Verdict
from xenops_cpu.pools.groups import Group, grouped
from xenops_cpu.pools.verdict import Answer, check
from xenops_cpu.pools.vm import Vm

HOSTS = [
    host("h1", "FPU SSE", "HLE"),
    host("h2", "FPU SSE", "HLE"),
    host("h3", "FPU SSE AVX", "HLE"),
]
SEEN = ["FPU SSE AVX HLE", "FPU SSE AVX HLE", "FPU SSE", "FPU AVX AVX2"]
VMS = [Vm(f"v{number}", HVM, names(text)) for number, text in enumerate(SEEN, 1)]


def test_nothing_is_in_no_group() -> None:
    """No answers, no groups and no features."""
    assert (grouped([]).groups, grouped([]).features) == ((), ())


def test_every_pair_is_in_one_group() -> None:
    """VMs that hear the same of the same hosts are together, in order of first appearance."""
    found = grouped(check(vm, member) for vm in VMS for member in HOSTS)
    assert [(group.vms, group.hosts, group.verdict) for group in found.groups] == [
        (("v1", "v2"), ("h1", "h2"), Verdict.ONLY_BY_FORCE),
        (("v1", "v2"), ("h3",), Verdict.ONLY_BY_MAX),
        (("v3",), ("h1", "h2", "h3"), Verdict.MIGRATES),
        (("v4",), ("h1", "h2"), Verdict.ONLY_BY_FORCE),
        (("v4",), ("h3",), Verdict.ONLY_BY_FORCE),
    ]
    pairs = [(vm, on) for group in found.groups for vm in group.vms for on in group.hosts]
    assert sorted(pairs) == [(vm.name, member.name) for vm in VMS for member in HOSTS]


def test_a_feature_is_told_once() -> None:
    """Groups have the place of each feature in one table, in which answers first named it."""
    answers = [check(vm, member) for vm in VMS for member in HOSTS]
    found = grouped(answers)
    assert len(set(found.features)) == len(found.features)
    by_pair = {(a.vm.name, a.host.name): a for a in answers}
    for group in found.groups:
        for pair in ((vm, on) for vm in group.vms for on in group.hosts):
            answer = by_pair[pair]
            assert tuple(found.features[place] for place in group.missing) == answer.missing
            assert tuple(found.features[place] for place in group.only_by_max) == answer.only_by_max
    first = answers[0]
    assert found.features[: len(first.missing)] == first.missing
    assert found.features[len(first.missing)] == first.only_by_max[0]


def test_a_group_says_all_that_its_answers_say() -> None:
    """What was compared, problems, remedies and notes come through, each at its place."""
    answer = Answer(
        VMS[0], HOSTS[0], Verdict.IMPOSSIBLE, "compared", problems=("problem",),
        remedies=("remedy",), notes=("note",),
    )  # fmt: skip
    assert grouped([answer]).groups == (
        Group(("v1",), ("h1",), Verdict.IMPOSSIBLE, "compared", (), (), ("problem",), ("remedy",),
              ("note",)),
    )  # fmt: skip
