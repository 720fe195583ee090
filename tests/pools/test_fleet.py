"""A fleet as the few crowds that are answered alike."""

from __future__ import annotations

from attrs import evolve

from tests.report.pool import POOL, VMS, both, member
from tests.support.hosts import names
from xenops_cpu.features.release import release
from xenops_cpu.interface import GuestType, Verdict
from xenops_cpu.pools.fleet import Standing, assumed, fleet
from xenops_cpu.pools.grid import VERDICTS, grid
from xenops_cpu.pools.verdict import check
from xenops_cpu.pools.vm import Vm

HVM, PV = GuestType.HVM, GuestType.PV


def test_vms_of_which_the_same_is_said_are_one_crowd() -> None:
    """Whatever they are called and wherever they come from; what they remember may differ, too."""
    same = [evolve(VMS[1], name=f"vm{n}", uuid=f"{n}", source=f"file {n}") for n in range(400)]
    also = evolve(VMS[1], name="also", features=names("FPU TSC MOVBE"))
    (crowd,) = fleet([*same, also], POOL).crowds
    assert [vm.name for vm in crowd.vms] == [*(f"vm{n}" for n in range(400)), "also"]
    assert crowd.standing is Standing.SOMEWHERE
    assert crowd.on(Verdict.MIGRATES) == (1, 2)
    assert crowd.refused == crowd.on(Verdict.ONLY_BY_FORCE) == (0,)


def test_guest_types_are_kept_apart() -> None:
    """PV and HVM guests are two crowds, even where the same is said of them."""
    hosts = [both("a", "FPU", "FPU"), both("b", "FPU", "FPU")]
    crowds = fleet([Vm("x", HVM, names("FPU")), Vm("y", PV, names("FPU"))], hosts).crowds
    assert [crowd.vms[0].guest for crowd in crowds] == [HVM, PV]


def test_every_answer_is_that_of_check() -> None:
    """Verdicts are those of the grid, and the words those that check() has for the same pair."""
    for crowd in fleet(VMS, POOL).crowds:
        (row,) = set(grid(crowd.vms, POOL).rows)
        assert crowd.verdicts == row
        for answer, host in zip(crowd.answers, POOL, strict=True):
            alone = check(crowd.vms[0], host)
            assert (answer.verdict, answer.missing, answer.problems) == (
                alone.verdict, alone.missing, alone.problems,
            )  # fmt: skip
            assert VERDICTS[row[POOL.index(host)]] is answer.verdict


def test_the_worst_come_first() -> None:
    """By standing, then by the number of VMs; findings by verdict, then by the number of VMs."""
    many = [*VMS, evolve(VMS[1], name="modern-2"), evolve(VMS[2], name="tsx-2")]
    found = fleet(many, POOL)
    standings = [crowd.standing for crowd in found.crowds]
    assert standings == sorted(standings)
    assert found.crowds[0].vms[0].name == "foreign"
    codes = [finding.answer.grade.exit_code for finding in found.findings]
    assert codes == sorted(codes, reverse=True)
    assert found.standings() == {
        Standing.NOWHERE: 1,
        Standing.SOMEWHERE: 4,
        Standing.ONLY_BY_MAX: 0,
        Standing.EVERYWHERE: 2,
    }


def test_a_vms_own_host_is_no_place_to_go() -> None:
    """A VM that only its own host takes in can go nowhere; where its home is not told it can."""
    hosts = [evolve(host, uuid=f"host-{place}") for place, host in enumerate(POOL)]
    stuck = Vm("stuck", HVM, names("FPU RTM"), "GenuineIntel", home="host-0")
    (crowd,) = fleet([stuck], hosts).crowds
    assert crowd.standing is Standing.NOWHERE
    (crowd,) = fleet([evolve(stuck, home="")], hosts).crowds
    assert crowd.standing is Standing.SOMEWHERE
    (crowd,) = fleet([stuck], hosts[:1]).crowds
    assert crowd.standing is Standing.ONLY_BY_MAX, "with one host there is but coming back"


def test_a_bound_vm_can_go_nowhere() -> None:
    """What xapi does not migrate stands as badly as what no host takes in, and says why."""
    hosts = [evolve(host, uuid=f"host-{place}") for place, host in enumerate(POOL[1:])]
    free = Vm("free", HVM, names("FPU"), "GenuineIntel", home="host-0")
    bound = evolve(free, name="bound", immobile="nomigrate is set")
    worst, best = fleet([free, bound], hosts).crowds
    assert (worst.vms, worst.standing) == ((bound,), Standing.NOWHERE)
    assert (best.vms, best.standing) == ((free,), Standing.EVERYWHERE)
    (finding,) = fleet([free, bound], hosts).findings
    assert finding.hosts == ("new-2",)
    assert "nomigrate is set" in finding.answer.problems[0]


def test_what_several_crowds_meet_is_one_finding() -> None:
    """Crowds that stand differently and lack the same on the same host share a finding there."""
    hosts = [member("old", "FPU"), member("new", "FPU MOVBE"), member("newer", "FPU MOVBE SMEP")]
    vms = [Vm("a", HVM, names("FPU MOVBE")), Vm("b", HVM, names("FPU MOVBE"), home="x")]
    (finding,) = fleet(vms, hosts).findings
    assert [vm.name for vm in finding.vms] == ["a", "b"]
    assert finding.hosts == ("old",)
    assert [lack.name for lack in finding.answer.missing] == ["MOVBE"]


def test_beyond_the_most_crowds_are_only_counted() -> None:
    """Every VM is counted; words are made for the worst alone."""
    found = fleet(VMS, POOL, most=2)
    assert sum(len(crowd.vms) for crowd in (*found.crowds, *found.counted)) == len(VMS)
    assert len(found.crowds) == 2
    assert all(crowd.answers for crowd in found.crowds)
    assert not any(crowd.answers for crowd in found.counted)
    assert sum(found.standings().values()) == len(VMS)


def test_progress_is_told_the_vms_done() -> None:
    """Up to the number of VMs."""
    told: list[int] = []
    fleet(VMS, POOL, told.append)
    assert told == [1, 2, 3, 4, 5]


def test_vms_as_they_would_be() -> None:
    """One at the level and one of each kind of host, for each guest type that some host runs."""
    hosts = [both("a", "FPU TSC MOVBE", "FPU TSC"), both("b", "FPU TSC", "FPU TSC"), POOL[0]]
    found = assumed(hosts, (HVM, PV))
    assert [(vm.guest, vm.features and vm.features.bits) for vm in found.at_level] == [
        (HVM, names("FPU TSC MD_CLEAR").bits), (PV, names("FPU TSC").bits),
    ]  # fmt: skip
    assert [vm.name for vm in found.alone] == [
        "a VM started on a alone (HVM)",
        "a VM started on b alone (HVM)",
        "a VM started on old alone (HVM)",
        "a VM started on a alone (PV)",
    ]
    assert [vm.guest for vm in found.alone] == [HVM, HVM, HVM, PV]
    assert assumed(hosts[:1], (HVM,)).at_level == ()
    assert [vm.guest for vm in assumed(hosts[:2], (HVM,)).at_level] == [HVM]


def test_vms_as_they_would_be_by_the_rules_of_a_release() -> None:
    """Of the one that is asked for: Xen 4.13 has MD_CLEAR in a level where all hosts have it."""
    hosts = [both("a", "FPU MD_CLEAR", "FPU"), both("b", "FPU", "FPU")]
    for xen, expected in ((None, "FPU MD_CLEAR"), (release("4.13"), "FPU")):
        (vm,) = assumed(hosts, (HVM,), xen).at_level
        assert vm.features is not None
        assert vm.features.bits == names(expected).bits


def test_what_is_said_otherwise_makes_another_crowd() -> None:
    """The same hosts with the same verdicts, for other features; findings by number of VMs."""
    hosts = [member("old", "FPU"), member("new", "FPU MOVBE SMEP")]
    vms = [Vm("a", HVM, names("FPU SMEP")), *(Vm(n, HVM, names("FPU MOVBE")) for n in "bcd")]
    found = fleet(vms, hosts)
    assert found.members == tuple(hosts)
    assert [[vm.name for vm in crowd.vms] for crowd in found.crowds] == [["b", "c", "d"], ["a"]]
    assert [len(finding.vms) for finding in found.findings] == [3, 1]


def test_findings_go_by_the_number_of_vms_of_all_crowds() -> None:
    """Not by the order of crowds: two small ones that meet the same are more than a larger one."""
    hosts = [both("old", "FPU", "FPU"), both("new", "FPU MOVBE SMEP", "FPU MOVBE SMEP")]
    vms = [
        *(Vm(n, HVM, names("FPU SMEP")) for n in "abc"),
        *(Vm(n, HVM, names("FPU MOVBE")) for n in "de"),
        *(Vm(n, PV, names("FPU MOVBE"), notes=("a note",)) for n in "fg"),
    ]
    first, second = fleet(vms, hosts).findings
    assert [vm.name for vm in first.vms] == ["d", "e", "f", "g"]
    assert [vm.name for vm in second.vms] == ["a", "b", "c"]
    assert (first.answer.compared, first.answer.notes) == ("", ())
