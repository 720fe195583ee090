"""xenops_cpu.pools.forecast where hosts and VMs differ: who is told apart, what is said of whom."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from tests.support.updates import AMD, INTEL, change, pool_of, vm
from xenops_cpu.cpuid.limits import LeafLimits
from xenops_cpu.cpuid.policy import Policy
from xenops_cpu.errors import InputError
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.forecast import Forecast, HostChange, Outcome, PoolUpdate, forecast
from xenops_cpu.pools.forecast import words as said
from xenops_cpu.pools.forecast.cases import restarted
from xenops_cpu.pools.forecast.remedies import Way, When
from xenops_cpu.pools.member import Member

AVX, LESS = "FPU XSAVE AVX", "FPU XSAVE"


def both(host: HostChange, **facts: object) -> HostChange:
    """The host with other facts, now and then."""
    before, after = (evolve(each, **facts) for each in (host.before, host.after))  # type: ignore[arg-type]
    return evolve(host, before=before, after=after)


def only(member: Member, guest: GuestType) -> Member:
    return evolve(member, offers={guest: member.offers[guest]})


def refusals(outlook: Forecast, step: int) -> list[tuple[tuple[str, ...], str]]:
    (stuck,) = outlook.steps[step - 1].stuck
    return [(refusal.hosts, refusal.answer.hindrance) for refusal in stuck.refusals]


def test_each_host_has_its_reasons() -> None:
    """Targets that refuse a VM for the same are told together, others apart, as they are then."""
    update = pool_of(
        change("a", AVX, LESS), change("b"), change("c", LESS), change("d", "FPU", "FPU XSAVE AVX")
    )
    outlook = forecast(update, [vm("v", names(AVX), 2)])
    assert refusals(outlook, 2) == [(("a", "c"), "lacks AVX"), (("d",), "lacks XSAVE AVX")]
    assert [step.number for step in outlook.steps] == [1, 2, 3, 4]


def test_hosts_that_were_alike_have_their_reasons() -> None:
    """Two hosts that had the same set and lose different features of it refuse for those."""
    update = pool_of(change("a"), change("b", AVX, LESS), change("c", AVX, "FPU"), change("d"))
    outlook = forecast(update, [vm("v", names(AVX), 4)])
    assert refusals(outlook, 4) == [(("b",), "lacks AVX"), (("c",), "lacks XSAVE AVX")]


def test_a_host_as_it_will_be_is_not_the_one_that_was_like_that() -> None:
    """What a VM lacks on a host is said of that host, though another had the same set before."""
    update = pool_of(change("a", AVX, LESS), change("b", LESS, AVX))
    awake, asleep = vm("awake", names(AVX), 1), vm("asleep", names(AVX), suspended=True)
    outlook = forecast(update, [awake, asleep])
    assert refusals(outlook, 1) == [(("b",), "lacks AVX")]
    (sleeper,) = outlook.sleepers
    assert (sleeper.now, sleeper.then) == (("a",), ("b",))
    assert sleeper.answer.host.name == "a"
    assert sleeper.answer.vm.name == "asleep"
    assert "(a then lacks AVX)" in said.sleeper_words(sleeper)
    assert sleeper.answer.remedies == ()


def test_who_sleeps() -> None:
    """Suspended VMs that lose a host, alike ones together; not who runs, boots or loses none."""
    update = pool_of(change("a"), change("b", AVX, LESS))
    asleep = vm("s1", names(AVX), suspended=True)
    outlook = forecast(update, [
        vm("runs", names(AVX), 2), asleep, evolve(asleep, name="s2"),
        evolve(asleep, name="lacks more", features=names("FPU XSAVE AVX ADX")),
        evolve(asleep, name="of fewer", features=names("FPU AVX")),
        evolve(asleep, name="fine", features=names(LESS)),
        evolve(asleep, name="new", features=None),
    ])  # fmt: skip
    assert [[each.name for each in sleeper.vms] for sleeper in outlook.sleepers] == [
        ["s1", "s2"],
        ["of fewer"],
    ]
    assert {sleeper.answer.host.name for sleeper in outlook.sleepers} == {"b"}
    assert outlook.vms_looked_at == 1


def test_leaves_are_compared_of_whom_brings_them() -> None:
    """Of VMs that have seen the same one is stuck by its highest leaf: Xen 4.13 sends no policy,
    so that of a VM from there no host refuses any.
    """
    most, more = LeafLimits(0xD, 2, 0x80000008), LeafLimits(0x16, 2, 0x80000008)
    update = pool_of(change("a"), both(change("b"), limits={HVM: most}))
    old = vm("old", names(LESS), 1, limits=more, origin="4.13")
    new = evolve(old, name="new", origin="4.17")
    for guests in ([old, new], [new, old]):
        outlook = forecast(update, guests)
        assert [each.name for each in outlook.power_cycle] == ["new"]
    assert forecast(update, [old]).outcome is Outcome.GOES_THROUGH


def test_a_restart_keeps_who_it_is() -> None:
    """Name, home and what it is bound to stay; all that was seen before is gone."""
    own = names(LESS)
    before = vm("v", names(AVX), 1, AMD, uuid="7c3b", stored=names(AVX), limits=LeafLimits(1, 0, 0),
                origin="4.17", own=own, policy=Policy({(1, 0): (1, 0, 0, 0)}))  # fmt: skip
    assert restarted(before, own, INTEL) == vm("v", own, 1, INTEL, uuid="7c3b", own=own)


def test_halted_vms_hide_nobody() -> None:
    """A VM that is shut down stops nothing, and those after it are looked at all the same."""
    update = pool_of(change("a"), change("b", LESS))
    outlook = forecast(update, [vm("off", names(AVX), halted=True), vm("v", names(AVX), 1)])
    assert outlook.vms_looked_at == 1
    assert [each.name for each in outlook.power_cycle] == ["v"]
    assert outlook.cycles[0].certain is True


def test_an_own_featureset_is_another_case() -> None:
    """Of two VMs that have seen the same one has its own platform:featureset to lose first."""
    update = pool_of(change("a"), change("b"), change("c", LESS))
    old = vm("plain", names(AVX), 2)
    outlook = forecast(update, [old, evolve(old, name="own", own=names(AVX))])
    rest = (Way(When.MOVE, 1, 2), Way(When.OFF, 1, 2))
    assert [(cycle.vms[0].name, cycle.ways) for cycle in outlook.cycles] == [
        ("plain", (Way(When.BEFORE, 0, 2), Way(When.AFTER, 1, 2), *rest)),
        ("own", (Way(When.BEFORE, 0, 2, without_own=True), Way(When.AFTER, 1, 2, without_own=True),
                 *rest)),
    ]  # fmt: skip


def test_a_restart_when_the_first_host_is_done() -> None:
    """The coordinator takes no AVX any more, and the level loses it: before that a restart gives
    AVX, afterwards none. A featureset of its own keeps what all take in, ADX here.
    """
    now, then = host("x", "FPU XSAVE AVX ADX"), host("x", LESS, "ADX")
    hosts = [evolve(each, before=evolve(now, name=each.name, uuid=each.before.uuid),
                    after=evolve(then, name=each.name, uuid=each.before.uuid))
             for each in (change("a"), change("b"))]  # fmt: skip
    old = vm("v", names("FPU XSAVE AVX ADX"), 2)
    rest = (Way(When.MOVE, 1, 2), Way(When.OWN, 0, 2, own=names("FPU XSAVE ADX")),
            Way(When.OFF, 1, 2))  # fmt: skip
    outlook = forecast(pool_of(*hosts), [old])
    assert outlook.cycles[0].ways == (Way(When.AFTER, 1, 2), *rest)
    outlook = forecast(pool_of(*hosts), [evolve(old, own=names(AVX))])
    assert outlook.cycles[0].ways == (Way(When.AFTER, 1, 2, without_own=True), *rest)
    (lost,) = outlook.steps[0].changes
    assert (lost.guest, lost.lost, lost.gained) == (HVM, ("AVX", "ADX"), ())


def test_a_restart_where_the_vm_is_by_then() -> None:
    """A VM that had to leave the first host restarts on another, at a level that still has AVX, and
    may be stuck later as before: on its old host it would be safe.
    """
    update = pool_of(change("a"), change("b", AVX, LESS), change("c"))
    outlook = forecast(update, [vm("v", names(AVX), 1)])
    assert (outlook.stops_at, outlook.certainly_by) == (3, None)
    assert [way.when for way in outlook.cycles[0].ways] == [When.MOVE, When.OWN, When.OFF]
    # What the level has by then need not have passed the first step: MD_CLEAR is OR-ed.
    update = pool_of(change("a", "FPU ADX", "FPU MD_CLEAR"), change("b", "FPU ADX"))
    outlook = forecast(update, [vm("v", names("FPU ADX"), 1)])
    assert [way.when for way in outlook.cycles[0].ways] == [
        When.AFTER,
        When.MOVE,
        When.OWN,
        When.OFF,
    ]


def test_vms_without_a_level() -> None:
    """Of a type whose level nobody asks for, a VM that is stuck can move or stay off only."""
    update = pool_of(change("a"), change("b"), change("c", LESS))
    outlook = forecast(update, [evolve(vm("v", names(AVX), 2), guest=PV)])
    assert [way.when for way in outlook.cycles[0].ways] == [When.MOVE, When.OFF]


def test_nobody_to_blame() -> None:
    """Where there is no target no host is said to refuse."""
    (stuck,) = forecast(pool_of(change("a")), [vm("v", names(LESS), 1)]).steps[0].stuck
    assert (stuck.refusals, stuck.problem) == (
        (),
        "there is no host to go to: none other is enabled, and as new",
    )


def test_stand_ins_of_every_vendor() -> None:
    """In a pool of two vendors a VM cannot leave, which VMs at the level stand for too."""
    intel, amd = change("a"), both(change("b"), vendor=AMD)
    outlook = forecast(pool_of(intel, amd))
    assert outlook.outcome is Outcome.STOPS
    assert [(each.name, each.vendor) for each in outlook.power_cycle] == [
        ("a VM started at the present level (HVM)", vendor) for vendor in (INTEL, AMD)
    ]
    assert forecast(pool_of(intel, change("b"))).outcome is Outcome.GOES_THROUGH
    unknown = [both(each, vendor="") for each in (intel, change("b"))]
    outlook = forecast(PoolUpdate(tuple(unknown), levels={HVM: names("ADX")}, guests=(HVM,)))
    assert outlook.outcome is not Outcome.GOES_THROUGH


def test_a_restart_does_not_change_the_vendor() -> None:
    """A VM whose vendor nobody tells has that of its host once it restarts: no restart helps, and
    no featureset of its own.
    """
    update = pool_of(change("a"), both(change("b", LESS), vendor=AMD))
    outlook = forecast(update, [vm("v", names(AVX), 1, vendor="")])
    assert [way.when for way in outlook.cycles[0].ways] == [When.OFF]


def test_a_restart_beside_another_vendor() -> None:
    """It cannot leave its host again for that, which is said with the features it would lack."""
    update = pool_of(change("a"), both(change("b"), vendor=AMD))
    trap = forecast(update).traps[0]
    assert (trap.after, trap.hosts, trap.refusing, trap.missing) == (0, ("a",), ("b",), ())
    assert trap.problems == (
        f"the VM was started on a CPU of {INTEL}, the host has one of {AMD}: xapi refuses that",
    )


def test_hosts_that_run_no_such_guests() -> None:
    """They stop who runs elsewhere, wherever they stand in the pool, and trap nobody themselves."""
    without = change("b")
    without = evolve(without, before=only(without.before, HVM), after=only(without.after, HVM))
    outlook = forecast(PoolUpdate((change("a"), without, change("c"))))
    assert [(trap.guest, trap.after, trap.hosts, trap.refusing, trap.problems)
            for trap in outlook.traps] == [
        (PV, after, hosts, ("b",), ("the host runs no PV guests",))
        for after, hosts in ((0, ("a", "c")), (1, ("c",)), (2, ("c",)))
    ]  # fmt: skip


def test_restarts_that_lack_different_things() -> None:
    """Traps of one step are told apart by what is missing, and together by who refuses."""
    update = PoolUpdate(
        (change("a"), change("b", AVX, LESS), change("c", AVX, LESS), change("d"), change("e")),
        levels={HVM: names(AVX)}, guests=(HVM,),
    )  # fmt: skip
    first = [trap for trap in forecast(update).traps if trap.after == 0]
    assert [(trap.hosts, trap.missing, trap.refusing) for trap in first] == [
        (("a", "b", "c", "d", "e"), ("AVX",), ("b", "c"))
    ]
    hosts = (change("a"), change("b"), change("c", LESS), change("d", "FPU AVX"))
    update = PoolUpdate(hosts, levels={HVM: names(AVX)}, guests=(HVM,))
    first = [trap for trap in forecast(update).traps if trap.after == 0]
    assert [(trap.hosts, trap.missing, trap.refusing) for trap in first] == [
        (("a", "b", "d"), ("AVX",), ("c", "d")),
        (("c",), ("XSAVE",), ("d",)),
    ]


def test_no_way_back_by_type() -> None:
    """What hosts that change would not take in as they are now, of the types that they run."""
    gains, runs_none = change("c", LESS, AVX), change("b", LESS, AVX)
    runs_none = evolve(runs_none, before=only(runs_none.before, PV))
    stays = change("d", "FPU", changes=False)
    outlook = forecast(PoolUpdate((change("a"), runs_none, gains, stays), guests=(HVM,)),
                       [vm("v", names("FPU"), 1)])  # fmt: skip
    assert outlook.no_return == ()  # d keeps AVX out of the level
    outlook = forecast(PoolUpdate((change("a"), runs_none, gains), guests=(HVM,)),
                       [vm("v", names("FPU"), 1)])  # fmt: skip
    assert [(gain.guest, gain.hosts, gain.missing) for gain in outlook.no_return] == [
        (HVM, ("c",), ("AVX",))
    ]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_type_that_a_host_runs_at_one_time(moment: str) -> None:
    """A level of PV guests is made where a host runs such now, or will; elsewhere there is none."""
    some = change("a")
    some = evolve(some, **{moment: only(getattr(some, moment), HVM)})  # type: ignore[arg-type]
    none = evolve(some, before=only(some.before, HVM), after=only(some.after, HVM))
    guests = {change.guest for change in forecast(PoolUpdate((some,))).steps[0].changes}
    assert guests == {PV}
    assert forecast(PoolUpdate((none,))).steps[0].changes == ()
    assert [each.guest for each in forecast(PoolUpdate((none,))).power_cycle] == [HVM]


def test_errors_say_what_would_be_right() -> None:
    """An order that is none, a pool without hosts, two hosts of one name: each in a sentence."""
    update = pool_of(change("a"), change("b"))
    for order, text in (
        (("a",), "an order names each host that is updated once: a, b"),
        (("b", "a"), "a is the coordinator and goes first: xapi keeps a member that is newer than "
         "its coordinator out of the pool"),
    ):  # fmt: skip
        with pytest.raises(InputError) as error:
            forecast(update, (), order)
        assert str(error.value) == text
    with pytest.raises(InputError) as error:
        PoolUpdate(())
    assert str(error.value) == "a pool without hosts: there is nothing to update"
    with pytest.raises(InputError) as error:
        pool_of(change("b"), change("a"), change("b"))
    assert str(error.value) == "two hosts of one name: a, b, b"
