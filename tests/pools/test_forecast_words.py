"""A forecast in sentences and in commands: what an outcome is called, what is typed for it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from tests.support.updates import vm
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.pools.forecast import Forecast, HostChange, Outcome, PoolUpdate, forecast
from xenops_cpu.pools.forecast import words as said
from xenops_cpu.pools.forecast.commands import of_cycle, of_evacuation, of_forecast
from xenops_cpu.pools.forecast.evacuation import Evacuation
from xenops_cpu.pools.forecast.levels import NoReturn, Trap
from xenops_cpu.pools.forecast.remedies import Way, When
from xenops_cpu.pools.forecast.result import Besides, Change, Cycle, Refusal, Sleeper, Step, Stuck
from xenops_cpu.pools.verdict import check

OWN = Featureset.parse("00000003-00000000")


def outlook(*members: str) -> Forecast:
    """Of hosts that are alike, so that nothing stops: tests put in what they ask about."""
    hosts = [
        HostChange(
            evolve(host(name, "FPU SSE"), uuid=f"uuid-{name}"),
            evolve(host(name, "FPU SSE"), uuid=f"uuid-{name}"),
            coordinator=name == members[0],
        )
        for name in members
    ]
    return forecast(PoolUpdate(tuple(hosts), guests=(HVM,)), [vm("v", names("FPU"))])


def stuck(certain: bool, *guests: str) -> Stuck:
    return Stuck(tuple(vm(name, OWN) for name in guests), certain, ())


def step(*vms: Stuck, changes: Sequence[Change] = ()) -> Step:
    return Step(1, "a", (), vms, tuple(changes))


@pytest.mark.parametrize(
    ("outcome", "stops_at", "certainly_by", "sentence"),
    [
        (Outcome.GOES_THROUGH, None, None, "goes through: 2 steps, nobody is stuck"),
        (Outcome.MAY_STOP, 2, None,
         "may stop at step 2 of 2, evacuating b: it depends on where VMs are put before"),
        (Outcome.STOPS, 1, 1, "stops at step 1 of 2, evacuating a"),
        (Outcome.STOPS, 1, 2, "stops: perhaps at step 1 of 2, evacuating a, and by step 2 whatever "
         "becomes of the VMs before"),
    ],
)  # fmt: skip
def test_the_verdict(
    outcome: Outcome, stops_at: int | None, certainly_by: int | None, sentence: str
) -> None:
    """One sentence: whether it goes through, else where it stops and how sure that is."""
    told = evolve(outlook("a", "b"), outcome=outcome, stops_at=stops_at, certainly_by=certainly_by)
    assert said.verdict(told) == f"the rolling update {sentence}"


def test_the_verdict_that_hangs_on_microcode() -> None:
    """An update that goes through by microcode that nobody told is said to do so only if; one that
    stops stops.
    """
    outcome = outlook("a", "b")
    assert said.verdict(outcome, certain=False) == (
        "the rolling update goes through if the hosts' microcode is new enough, else not"
    )
    stops = evolve(outcome, outcome=Outcome.STOPS, stops_at=1, certainly_by=1)
    assert said.verdict(stops, certain=False) == said.verdict(stops)


@pytest.mark.parametrize(
    ("way", "update", "today"),
    [
        (Way(When.BEFORE, 0, 2), "restart it before the update begins",
         "restart it, so that it has the pool's level"),
        (Way(When.BEFORE, 0, 2, without_own=True),
         "take its own platform:featureset away, and restart it before the update begins",
         "take its own platform:featureset away, and restart it, so that it has the pool's level"),
        (Way(When.AFTER, 1, 3), "restart it after step 1 and before step 3",
         "restart it, so that it has the pool's level"),
        (Way(When.MOVE, 1, 3),
         "shut it down and start it on a host that is updated, after step 1 and before step 3",
         "restart it, so that it has the pool's level"),
        (Way(When.OWN, 0, 2, own=OWN),
         "set platform:featureset=00000003-00000000 and restart it before the update begins",
         "set platform:featureset=00000003-00000000 and restart it"),
        (Way(When.OFF, 1, 3),
         "shut it down before step 3 and start it when that is done, on a host that is updated",
         "shut it down, and start it on another host"),
    ],
)  # fmt: skip
def test_the_ways(way: Way, update: str, today: str) -> None:
    """What to do with a VM that is stuck, in an update and where one host is evacuated today."""
    assert said.way_words(way) == update
    assert said.way_today(way) == today


@pytest.mark.parametrize(
    ("stuck_here", "known", "text"),
    [
        ((), True, "-"),
        ((), False, "-"),
        ((stuck(True, "a", "b"),), True, "2 VMs"),
        ((stuck(False, "a"),), True, "perhaps 1 VM"),
        ((stuck(True, "a"), stuck(False, "b", "c")), True, "1 VM, perhaps 2 VMs"),
        ((stuck(False, "a"), stuck(True, "b")), False, "such VMs"),
        ((stuck(False, "a"),), False, "perhaps such VMs"),
    ],
)
def test_how_many_are_stuck(stuck_here: tuple[Stuck, ...], known: bool, text: str) -> None:
    """Those that are certain and those that may be; no number where no VM was looked at."""
    assert said.stuck_count(step(*stuck_here), known) == text


def test_what_the_level_does() -> None:
    """What it loses and gains by guest type, six features at most."""
    many = tuple(f"F{n}" for n in range(7))
    changes = (
        Change(HVM, OWN, ("AVX",), ("MD_CLEAR",)),
        Change(PV, OWN, many, ()),
    )
    assert said.level_change(step(changes=changes)) == (
        "HVM −AVX +MD_CLEAR; PV −F0 −F1 −F2 −F3 −F4 −F5 and 1 more"
    )
    six = Change(HVM, OWN, many[:6], ())
    assert said.level_change(step(changes=(six,))) == "HVM −F0 −F1 −F2 −F3 −F4 −F5"
    assert said.level_change(step()) == "the same"


def test_what_to_mind() -> None:
    """Restarts in the middle, suspended VMs, and no way back, in this order."""
    answer = check(vm("asleep", names("FPU AVX")), host("z", "FPU"))
    told = evolve(
        outlook("a", "b"),
        traps=(Trap(HVM, 0, ("a",), ("AVX",), ("b",)), Trap(PV, 1, ("a", "b"), ("AVX",), ("c",))),
        sleepers=(
            Sleeper((vm("asleep", OWN),), ("a", "b"), ("a",), answer),
            Sleeper((vm("other", OWN),), ("a",), (), answer),
        ),
        no_return=(NoReturn(HVM, ("a", "b"), ("SBPB",)),),
    )
    assert list(said.cautions(told)) == [
        "who restarts before the update on a (HVM and PVH guests) cannot leave later: b would lack "
        "AVX",
        "who restarts after step 1 on a, b (PV guests) cannot leave later: c would lack AVX",
        "suspended: asleep can be resumed on a only when all is done (z then lacks AVX): resume "
        "and shut down before, or restart",
        "suspended: other can be resumed nowhere when all is done (z then lacks AVX): resume and "
        "shut down before, or restart",
        "no way back: HVM and PVH guests that start when all is done have SBPB, which a, b as now "
        "would not take in",
    ]


def test_who_is_kept_out_by_more_than_features() -> None:
    """A restart that another vendor's CPU makes a trap is told as such, features after it."""
    no_guests = Trap(PV, 0, ("a",), (), ("b",), ("the host runs no PV guests",))
    first = "who restarts before the update on a (PV guests) cannot leave later: b: "
    assert said.trap_words(no_guests) == f"{first}the host runs no PV guests"
    both = evolve(no_guests, missing=("AVX", "ADX"))
    assert said.trap_words(both) == f"{first}the host runs no PV guests; would lack AVX ADX"


def test_lists_of_names_are_cut() -> None:
    """Of VMs and of targets three are named; features are all named, with blanks between them."""
    told = evolve(outlook("a", "b"), steps=(
        evolve(step(stuck(True, "v")), targets=("b", "c", "d", "e", "f")),
        evolve(step(changes=(Change(HVM, OWN, ("AVX",), ()),)), number=2, host="b"),
    ))  # fmt: skip
    assert list(said.rows(told)) == [
        ("1", "a (coordinator)", "b, c, d and 2 more", "1 VM", "the same"),
        ("2", "b", "nobody", "-", "HVM −AVX"),
    ]
    unknown = next(said.rows(evolve(told, vms_looked_at=0)))
    assert unknown[3] == "such VMs"
    assert said.vm_names([vm(name, OWN) for name in "vwxyz"]) == "v, w, x and 2 more"
    gain = NoReturn(HVM, ("a",), ("SBPB", "IBPB_BRTYPE"))
    assert "have SBPB IBPB_BRTYPE, which a as now" in said.no_return(gain)


def test_who_cannot_leave_and_why() -> None:
    """Certain or not, one or several; the hosts that refuse, with problems and what they lack."""
    assert said.stuck_words(stuck(True, "v")) == "v cannot leave"
    assert said.stuck_words(stuck(False, "v")) == "v could not leave, if it is there then"
    assert (
        said.stuck_words(stuck(False, "v", "w")) == "v, w could not leave, if they are there then"
    )
    lacking = check(vm("v", names("FPU AVX")), host("z", "FPU"))
    assert said.refusal_words(Refusal(("y", "z"), lacking)) == "y, z: lacks AVX"
    vendor = check(vm("v", names("FPU"), vendor="AuthenticAMD"), host("z", "FPU"))
    assert said.refusal_words(Refusal(("z",), vendor)) == (
        "z: the VM was started on a CPU of AuthenticAMD, the host has one of GenuineIntel: "
        "xapi refuses that"
    )


def test_what_helps_without_a_power_cycle() -> None:
    """Another order, or hosts that are switched off; whether there may be orders not tried."""
    told = evolve(outlook("a", "b", "c"), other_order=("b", "a", "c"), every_order_tried=True)
    assert list(said.without_cycles(told)) == [
        "another order of the hosts, in which nobody is stuck: b, a, c"
    ]
    off = {1: ("c",), 2: ("c",), 3: ("a",)}
    none = evolve(told, other_order=None, switched_off=off)
    lines = [
        "switch c off as a target (xe host-disable) while a, b are evacuated: nobody is stuck then",
        "switch a off as a target (xe host-disable) while c is evacuated: nobody is stuck then",
    ]
    assert list(said.without_cycles(none)) == lines
    assert list(said.without_cycles(evolve(none, every_order_tried=False))) == [
        "no order without a stop was found; not all were tried", *lines,
    ]  # fmt: skip


def test_what_helps_beside_vms_that_are_bound() -> None:
    """They are shut down, and the others have another order, or hosts that are switched off."""
    bound = evolve(outlook("a", "b", "c"), every_order_tried=True, switched_off=None)
    besides = Besides((vm("pinned", OWN),), ("b", "a", "c"), None)
    assert list(said.without_cycles(evolve(bound, besides=besides))) == [
        "pinned shut down meanwhile, and another order of the hosts, in which nobody else is "
        "stuck: b, a, c"
    ]
    besides = evolve(besides, other_order=None, switched_off={1: ("c",)})
    assert list(said.without_cycles(evolve(bound, besides=besides))) == [
        "pinned shut down meanwhile, and switch c off as a target (xe host-disable) while a is "
        "evacuated: nobody else is stuck then"
    ]


def test_commands_where_no_vm_is_known() -> None:
    """A line for each such VM, marked as one to be repeated; those for hosts stand as they are."""
    cycle = Cycle((vm("stands for many", OWN),), True, (Way(When.OFF, 1, 2),))
    told = evolve(outlook("a", "b"), cycles=(cycle,), vms_looked_at=0)
    assert list(of_forecast(told)) == [
        "# step 1: a (coordinator)",
        "xe host-disable uuid=uuid-a",
        "xe host-evacuate uuid=uuid-a",
        "#   update a, restart it, wait until it is back",
        "xe host-enable uuid=uuid-a",
        "# step 2: b",
        "# each such VM: xe vm-shutdown uuid=UUID",
        "xe host-disable uuid=uuid-b",
        "xe host-evacuate uuid=uuid-b",
        "#   update b, restart it, wait until it is back",
        "xe host-enable uuid=uuid-b",
        "# each such VM: xe vm-start uuid=UUID on=a",
    ]


def test_commands_that_cost_no_vm_anything() -> None:
    """Another order alone, else targets that are switched off for just their step; VMs are left."""
    cycle = Cycle((vm("v", OWN),), True, (Way(When.BEFORE, 0, 2),))
    told = evolve(outlook("a", "b"), cycles=(cycle,), switched_off={2: ("a",)})
    assert list(of_forecast(told))[4:] == [
        "xe host-enable uuid=uuid-a",
        "# step 2: b",
        "xe host-disable uuid=uuid-a",
        "xe host-disable uuid=uuid-b",
        "xe host-evacuate uuid=uuid-b",
        "xe host-enable uuid=uuid-a",
        "#   update b, restart it, wait until it is back",
        "xe host-enable uuid=uuid-b",
    ]
    told = evolve(outlook("a", "b", "c"), cycles=(cycle,), switched_off={2: ("a",)})
    lines = list(of_forecast(evolve(told, other_order=("a", "c", "b"))))
    assert [line for line in lines if line.startswith("# step")] == [
        "# step 1: a (coordinator)",
        "# step 2: c",
        "# step 3: b",
    ]
    assert not any("xe vm-" in line for line in lines)
    assert lines.count("xe host-disable uuid=uuid-a") == 1  # for its own step
    off_only = evolve(told, switched_off=None, other_order=("a", "c", "b"))
    assert list(of_forecast(off_only)) == lines


def test_commands_in_the_middle_of_an_update() -> None:
    """A VM that moves is shut down once the step it waits for is done, and starts on the first."""
    moves = Cycle((vm("m", OWN, uuid="v1"),), True, (Way(When.MOVE, 1, 3),))
    again = Cycle((vm("r", OWN, uuid="v2"),), True, (Way(When.AFTER, 2, 3, without_own=True),))
    told = evolve(outlook("a", "b", "c"), cycles=(moves, again))
    lines = [line for line in of_forecast(told) if "vm-" in line or "step" in line]
    assert lines == [
        "# step 1: a (coordinator)",
        "# step 2: b",
        "xe vm-shutdown uuid=v1",
        "xe vm-start uuid=v1 on=a",
        "# step 3: c",
        "xe vm-param-remove uuid=v2 param-name=platform param-key=featureset",
        "xe vm-reboot uuid=v2",
    ]
    alone = ["xe vm-shutdown uuid=v1", "xe vm-start uuid=v1"]
    assert list(of_cycle(moves, moves.way)) == alone  # wherever there is room


def test_commands_for_hosts_without_uuids() -> None:
    """A host whose UUID is not told is named by its label, as a shell takes it."""
    hosts = (HostChange(host("xs 1", "FPU"), host("xs 1", "FPU"), coordinator=True),)
    told = forecast(PoolUpdate(hosts, guests=(HVM,)), [vm("v", names("FPU"), 9)])
    assert "xe host-evacuate name-label='xs 1'" in list(of_forecast(told))


def test_commands_of_an_evacuation() -> None:
    """A VM that can stay nowhere is shut down first, one with a way is restarted."""
    told = Evacuation(
        host="xs 1", targets=(), stuck=(), vms=(), taken_to_be=(), switched_off=None,
        cycles=(
            Cycle((vm("bound", OWN, uuid="v1"),), True, (Way(When.OFF, 0, 1),)),
            Cycle((vm("own", OWN, uuid="v2"),), True, (Way(When.OWN, 0, 1, own=OWN),)),
        ),
    )  # fmt: skip
    assert list(of_evacuation(told)) == [
        "xe vm-shutdown uuid=v1",
        "xe vm-param-set uuid=v2 platform:featureset=00000003-00000000",
        "xe vm-reboot uuid=v2",
        "xe host-evacuate name-label='xs 1'",
    ]
