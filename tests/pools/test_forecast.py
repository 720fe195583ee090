"""xenops_cpu.pools.forecast: worked examples of real CPUs, and what each answer says."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, host, real
from tests.support.updates import AMD, pool, vm
from xenops_cpu.errors import InputError
from xenops_cpu.features.featureset import Featureset
from xenops_cpu.features.release import release
from xenops_cpu.hosts.membership import Membership, numbers
from xenops_cpu.interface import GuestType
from xenops_cpu.pools.forecast import (
    Forecast,
    HostChange,
    Outcome,
    PoolUpdate,
    Rule,
    forecast,
    orders,
)
from xenops_cpu.pools.forecast.cases import takes
from xenops_cpu.pools.forecast.commands import of_evacuation, of_forecast
from xenops_cpu.pools.forecast.evacuation import evacuation
from xenops_cpu.pools.forecast.pool import bits, rule_of, upgrades, with_coordinator
from xenops_cpu.pools.forecast.remedies import When
from xenops_cpu.pools.forecast.words import without_cycles
from xenops_cpu.pools.level import level_of
from xenops_cpu.pools.member import Member

GATHER = {
    *("FMA", "AVX", "F16C", "AVX2", "AVX512F", "AVX512DQ", "AVX512CD", "AVX512BW", "AVX512VL"),
    "AVX512_VNNI",
}
OLD, NEW = "xeon-platinum-8280+2019-11", "xeon-platinum-8280+2023-08"


def missing(told: Forecast, step: int) -> dict[tuple[str, ...], set[str]]:
    """By the hosts that refuse, what VMs lack at a step."""
    return {
        refusal.hosts: {lack.name for lack in refusal.answer.missing}
        for stuck in told.steps[step - 1].stuck
        for refusal in stuck.refusals
    }


def whens(told: Forecast) -> list[When]:
    return [way.when for cycle in told.cycles for way in cycle.ways]


def unlike_hosts() -> PoolUpdate:
    """Ivy Bridge, Haswell, Broadwell, from a build of XenServer 8 to the next."""
    cpus = ("core-i7-4930k", "xeon-e3-1245-v3", "xeon-e5-2696-v4")
    return pool(
        *((cpu, cpu) for cpu in cpus),
        before="xenserver-8-4.17.3-4",
        after="xenserver-8-4.17.6-2",
        upgrade=False,
    )


def test_unlike_hosts_at_the_level() -> None:
    """Example 1: a VM at the level passes each step, in any order."""
    update = unlike_hosts()
    level = level_of([host.before for host in update.hosts], HVM).featureset
    guests = [vm(f"vm-{n}", level, n) for n in (1, 2, 3)]
    for order in (None, ("xs-01", "xs-03", "xs-02")):
        assert forecast(update, guests, order).outcome is Outcome.GOES_THROUGH
    assert forecast(update).outcome is Outcome.GOES_THROUGH  # VMs at the level stand for them


def test_a_vm_from_before_the_old_host_came() -> None:
    """Example 1: it has what Ivy Bridge lacks, so every other host's evacuation stops while that
    one is enabled; a power cycle helps, and so does switching that host off as a target.
    """
    update = unlike_hosts()
    level = level_of([host.before for host in update.hosts[1:]], HVM).featureset
    told = forecast(update, [vm("old", level, 2), vm("newer", level & update.hosts[0].before.boot(
        HVM), 3)])  # fmt: skip
    assert (told.outcome, told.stops_at, told.certainly_by) == (Outcome.STOPS, 2, 2)
    lacking = missing(told, 2)[("xs-01",)]
    assert {"FMA", "MOVBE", "ABM", "TSC_ADJUST", "BMI1", "AVX2", "BMI2", "INVPCID"} <= lacking
    assert [vm.name for vm in told.power_cycle] == ["old"]
    assert told.cycles[0].way.when is When.BEFORE
    assert told.other_order is None
    assert told.every_order_tried
    assert told.switched_off == {2: ("xs-01",), 3: ("xs-01",)}


def test_microcode_that_hides_tsx() -> None:
    """Example 2: default loses RTM, max keeps it: nobody is stuck, the level loses RTM with the
    first host.
    """
    change = ("xeon-platinum-8280+2019-04", "xeon-platinum-8280+2022-05")
    update = pool(change, change, change, upgrade=False)
    told = forecast(update, [vm("web", update.hosts[0].before.boot(HVM), 2)])
    assert told.outcome is Outcome.GOES_THROUGH
    assert "RTM" in told.steps[0].changes[0].lost
    assert all("RTM" not in change.gained for step in told.steps for change in step.changes)


def test_avx_without_microcode() -> None:
    """Example 3: the new coordinator takes no AVX, so step 2 stops; the old level has AVX, so a
    restart before is no help, but one when the coordinator is up again is.
    """
    update = pool((OLD, OLD), (OLD, OLD), (OLD, OLD), before="4.13", after="4.17")
    level = update.hosts[0].before.boot(HVM)
    told = forecast(update, [vm("a", level, 2), vm("b", level, 2), vm("c", level, 3)])
    assert (told.outcome, told.stops_at) == (Outcome.STOPS, 2)
    assert missing(told, 2)[("xs-01",)] == GATHER
    assert len(told.power_cycle) == 3
    assert told.other_order is None
    assert When.BEFORE not in whens(told)
    first = told.cycles[0]
    assert [(way.when, way.step, way.until) for way in first.ways] == [
        (When.MOVE, 1, 2),
        (When.OWN, 0, 2),
        (When.OFF, 1, 2),
    ]
    own = first.ways[1].own
    assert own is not None
    names = release("4.13").names
    assert not GATHER & set(names(own))
    again = forecast(update, [vm("a", own, 2)])
    assert again.outcome is Outcome.GOES_THROUGH


def test_a_stuck_vm_tells_why() -> None:
    """The reason is that of the derivation of the host as it will be."""
    update = pool((OLD, OLD), (OLD, OLD), before="4.13", after="4.17")
    told = forecast(update, [vm("a", update.hosts[0].before.boot(HVM), 2)])
    (stuck,) = told.steps[1].stuck
    assert stuck.certain
    reasons = {lack.name: lack.reason for lack in stuck.refusals[0].answer.missing}
    assert "no microcode protects from GDS" in reasons["AVX"]


@pytest.mark.parametrize("rule", list(Rule))
def test_from_8_2_to_8(rule: Rule) -> None:
    """Example 4: old flags are shorter and fine; the mixed level has NO_LMSL, which an 8.2 host
    does not take in: who restarts on a member that waits stops its step, before #7261.
    """
    update = pool(*((OLD, NEW),) * 3, before="xenserver-8.2", after="xenserver-8", rule=rule)
    told = forecast(update, [vm("web", update.hosts[0].before.boot(HVM), 3)])
    assert told.outcome is Outcome.GOES_THROUGH
    assert "NO_LMSL" in told.steps[0].changes[0].gained
    after_first = [trap for trap in told.traps if trap.after == 1]
    if rule is Rule.UPDATED:
        assert not after_first
    else:
        (trap,) = after_first
        assert (trap.hosts, trap.refusing) == (("xs-02",), ("xs-03",))
        assert trap.missing == ("NO_LMSL",)


def test_a_word_more() -> None:
    """Example 5: a tail of zero words is no matter; a VM with a bit in it is refused by every host
    of fewer words.
    """
    cpu = ("epyc-7763", "epyc-7763")
    update = pool(cpu, cpu, cpu, before="xenserver-8-4.17.3-4", after="xenserver-8-4.17.6-2")
    short, long = (member.boot(HVM).length for member in (update.hosts[0].before,
                                                          update.hosts[0].after))  # fmt: skip
    assert (short, long) == (22, 23)
    level = update.hosts[0].before.boot(HVM)
    padded = vm("padded", level.extended(long), 2, AMD)
    assert forecast(update, [padded]).outcome is Outcome.GOES_THROUGH
    tail = vm("tail", level | Featureset(1 << (22 * 32), 23), 2, AMD)
    told = forecast(update, [tail])
    assert told.stops_at == 2
    assert set(missing(told, 2)) == {("xs-01", "xs-03")}


def test_an_update_that_is_broken_off() -> None:
    """Example 6: what a VM that starts when all is done has, no host as it is now takes in."""
    update = pool(*((OLD, NEW),) * 2, before="xenserver-8.2", after="xenserver-8")
    told = forecast(update)
    (one,) = told.no_return
    assert one.hosts == ("xs-01", "xs-02")
    assert "NO_LMSL" in one.missing


def test_amd_with_microcode_against_tsa() -> None:
    """Example 7: nobody is stuck, and there is no way back."""
    change = ("epyc-7763+as-dumped", "epyc-7763+newest")
    update = pool(change, change, change, before="4.17", after="4.19")
    told = forecast(update, [vm("web", update.hosts[0].before.boot(HVM), 2, AMD)])
    assert told.outcome is Outcome.GOES_THROUGH
    assert {"SBPB", "IBPB_BRTYPE"} & set(told.no_return[0].missing)


def members(*names: str, default: str = "FPU SSE") -> list[HostChange]:
    """Hosts that change nothing, all alike."""
    return [
        HostChange(each, each, coordinator=not n)
        for n, each in enumerate(evolve(host(name, default), uuid=f"uuid-{n + 1}")
                                 for n, name in enumerate(names))
    ]  # fmt: skip


def test_who_is_bound_stops_it() -> None:
    """A VM with nomigrate stops its host's step, whatever it has seen; to shut it down helps."""
    update = PoolUpdate(tuple(members("a", "b", "c")))
    told = forecast(update, [vm("bound", Featureset(), 2, immobile="platform:nomigrate is set")])
    (stuck,) = told.steps[1].stuck
    assert "nomigrate" in stuck.problem
    assert stuck.refusals == ()
    assert whens(told) == [When.MOVE, When.OFF]
    assert told.switched_off is None
    assert told.other_order is None


def test_the_coordinators_own() -> None:
    """Who cannot leave the coordinator is shut down before step 1, and started after it."""
    update = PoolUpdate(tuple(members("a", "b")))
    told = forecast(update, [vm("bound", Featureset(), 1, immobile="it uses nested virt")])
    (way,) = told.cycles[0].ways
    assert (way.when, way.step, way.until) == (When.OFF, 0, 1)
    lines = list(of_forecast(told))
    assert lines.index("xe vm-shutdown name-label=bound") < lines.index(
        "xe host-evacuate uuid=uuid-1"
    )
    assert lines.index("xe host-enable uuid=uuid-1") < lines.index(
        "xe vm-start name-label=bound on=a"
    )


def test_nobody_to_go_to() -> None:
    """A single host, or others that are not enabled: every VM that runs is stuck."""
    one = PoolUpdate(tuple(members("a")))
    assert (
        forecast(one, [vm("v", Featureset(), 1)]).steps[0].stuck[0].problem.startswith("there is")
    )
    hosts = members("a", "b")
    off = PoolUpdate((hosts[0], evolve(hosts[1], enabled=False)))
    told = forecast(off, [vm("v", Featureset(), 1), vm("w", Featureset(), 2)])
    assert told.stops_at == 1
    assert [vm.name for vm in told.power_cycle] == ["v"]


def test_halted_and_suspended_vms_stop_nothing() -> None:
    """They are on no host; of suspended ones it is told where they cannot be resumed any more."""
    update = pool((OLD, OLD), (OLD, OLD), before="4.13", after="4.17")
    level = update.hosts[0].before.boot(HVM)
    told = forecast(update, [vm("off", level, halted=True), vm("asleep", level, suspended=True)])
    assert told.vms_looked_at == 0
    (sleeper,) = told.sleepers
    assert sleeper.vms[0].name == "asleep"
    assert (sleeper.now, sleeper.then) == (("xs-01", "xs-02"), ())
    assert {lack.name for lack in sleeper.answer.missing} == GATHER


def test_a_featureset_of_its_own_comes_back() -> None:
    """A restart helps only once the key is taken away, which the answer and the commands say."""
    update = unlike_hosts()
    level = level_of([host.before for host in update.hosts[1:]], HVM).featureset
    told = forecast(update, [vm("own", level, 2, own=level, uuid="7c3b")])
    way = told.cycles[0].way
    assert (way.when, way.without_own) == (When.BEFORE, True)
    lines = list(of_forecast(evolve(told, switched_off=None)))
    assert lines[1] == "xe vm-param-remove uuid=7c3b param-name=platform param-key=featureset"
    assert lines[2] == "xe vm-reboot uuid=7c3b"


def test_an_order_that_avoids_it() -> None:
    """A member whose max shrinks goes last: then nobody has to go there."""
    hosts = members("a", "b", "c")
    shrinking = evolve(
        hosts[1],
        before=evolve(host("b", "FPU SSE AVX"), uuid="uuid-2"),
        after=evolve(host("b", "FPU SSE"), uuid="uuid-2"),
    )
    rest = [evolve(one, before=evolve(host(one.name, "FPU SSE AVX"), uuid=one.before.uuid),
                   after=evolve(host(one.name, "FPU SSE AVX"), uuid=one.before.uuid))
            for one in (hosts[0], hosts[2])]  # fmt: skip
    update = PoolUpdate((rest[0], shrinking, rest[1]))
    avx = rest[0].before.boot(HVM)
    told = forecast(update, [vm("v", avx, 3)])
    assert told.stops_at == 3
    assert told.other_order == ("a", "c", "b")
    assert forecast(update, [vm("v", avx, 3)], told.other_order).outcome is Outcome.GOES_THROUGH


def test_a_host_to_keep_out_all_along() -> None:
    """In an upgrade only updated hosts are asked; b could not empty itself into a, which no longer
    takes the VM in. Without b as a target it goes to c, which is not updated at all.
    """
    avx, less = host("a", "FPU SSE AVX"), host("a", "FPU SSE")
    a, b, c = members("a", "b", "c", default="FPU SSE AVX")
    a = evolve(a, before=evolve(avx, uuid="uuid-1"), after=evolve(less, uuid="uuid-1"))
    update = PoolUpdate((a, b, evolve(c, changes=False)), Rule.UPDATED)
    told = forecast(update, [vm("v", avx.boot(HVM), 1)])
    assert told.stops_at == 2
    assert told.switched_off == {1: ("b",)}


def test_an_order_that_is_searched_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search has an end: then no order is named, and it is told that not all were tried."""
    update = PoolUpdate(tuple(members("a", "b", "c", "d")))
    bound = vm("bound", Featureset(), 4, immobile="platform:nomigrate is set")
    told = forecast(update, [bound])
    assert (told.other_order, told.every_order_tried) == (None, True)
    monkeypatch.setattr(orders, "MAX_TRIED", 2)
    told = forecast(update, [bound])
    assert (told.other_order, told.every_order_tried) == (None, False)


def test_no_order_at_all() -> None:
    """An order names each host once, the coordinator first."""
    update = PoolUpdate(tuple(members("a", "b")))
    for order in (("a",), ("a", "a"), ("a", "x"), ("b", "a")):
        with pytest.raises(InputError):
            forecast(update, (), order)
    with pytest.raises(InputError, match="without hosts"):
        PoolUpdate(())
    with pytest.raises(InputError, match="two hosts of one name"):
        PoolUpdate(tuple(members("a", "a")))


def test_a_pool_that_stopped_halfway() -> None:
    """Hosts that are done are not evacuated again, and count as updated."""
    change = (OLD, NEW)
    whole = pool(change, change, change, before="xenserver-8.2", after="xenserver-8")
    first = evolve(whole.hosts[0], before=whole.hosts[0].after, changes=False, done=True)
    rest = evolve(whole, hosts=(first, *whole.hosts[1:]))
    told = forecast(rest)
    assert told.order == ("xs-02", "xs-03")
    assert told.steps[0].targets == ("xs-01", "xs-03")
    only = forecast(evolve(rest, rule=Rule.UPDATED))
    assert only.steps[0].targets == ("xs-01",)


def software(host: HostChange, **versions: str) -> HostChange:
    return evolve(host, before=evolve(host.before, membership=Membership(software=versions)))


def test_older_hosts_are_no_targets() -> None:
    """By all three versions where xapi is 25.33 or later, by the platform's alone before that."""
    hosts = members("a", "b")
    for xapi, expected in (("26.1", ()), ("25.30", ("b",))):
        update = PoolUpdate(
            (
                software(hosts[0], platform_version="3.4.0", xen="4.17.6-2", xapi=xapi),
                software(hosts[1], platform_version="3.4.0", xen="4.17.5-13", xapi=xapi),
            )
        )
        assert forecast(update, [vm("v", Featureset(), 1)]).steps[0].targets == expected


def test_versions() -> None:
    """As xapi reads them; the rule of targets by the version of xapi."""
    assert numbers("4.17.6-2.1-x") == (4, 17, 6, 2, 1)
    assert numbers("") == ()
    assert rule_of(numbers("26.17.0")) is Rule.ALL
    assert rule_of(numbers("26.18.0")) is Rule.UPDATED
    assert rule_of(()) is Rule.ALL
    old, new = (Membership(software={"xapi": xapi}) for xapi in ("1.249", "26.1"))
    assert upgrades(old, new) is True
    assert upgrades(new, new) is False
    assert upgrades(old, Membership()) is None
    assert list(bits(0b1011)) == [0, 1, 3]
    assert with_coordinator([evolve(one, coordinator=False) for one in members("a", "b")])[
        0
    ].coordinator


def test_the_level_that_xapi_has() -> None:
    """A stored level counts before the one that the hosts would make."""
    update = PoolUpdate(tuple(members("a", "b")), levels={HVM: Featureset(3, 4)},
                        guests=(HVM,))  # fmt: skip
    told = forecast(update)
    own = level_of([host.before for host in update.hosts], HVM).featureset
    assert told.steps[0].changes[0].level == own
    assert told.outcome is Outcome.STOPS  # such VMs have two bits that no host takes in


def test_both_guest_types() -> None:
    """Without VMs, each type that the pool runs is looked at."""
    told = forecast(PoolUpdate(tuple(members("a", "b"))))
    assert told.outcome is Outcome.GOES_THROUGH
    levels = [change.guest for step in told.steps for change in step.changes]
    assert levels == []
    assert set(GuestType) == set(told.pool.guests)


@pytest.mark.slow
def test_a_large_pool() -> None:
    """64 hosts and 5,000 VMs, each with a home: every VM is accounted for."""
    names = [f"h{n}" for n in range(64)]
    hosts = members(*names, default="FPU SSE AVX")
    update = PoolUpdate(tuple(hosts))
    words = hosts[0].before.boot(HVM)
    guests = [vm(f"v{n}", words, n % 64 + 1) for n in range(5000)]
    beyond = words | Featureset(1 << 5, words.length)
    guests += [vm("odd", beyond, 40)]
    told = forecast(update, guests)
    assert told.vms_looked_at == 5001
    assert told.stops_at == 40
    assert [vm.name for vm in told.power_cycle] == ["odd"]


def test_an_evacuation_today() -> None:
    """One host: who cannot leave, whom to switch off, what to type."""
    update = unlike_hosts()
    hosts = [host.before for host in update.hosts]
    level = level_of(hosts[1:], HVM).featureset
    guests = [vm("old", level, 2, uuid="7c3b"), vm("else", level, 3), vm("off", level, halted=True)]
    told = evacuation(hosts, "xs-02", guests)
    assert not told.allowed
    assert [vm.name for vm in told.vms] == ["old"]
    assert told.switched_off == ("xs-01",)
    assert list(of_evacuation(told)) == [
        "xe host-disable name-label=xs-01",
        "xe host-evacuate name-label=xs-02",
        "xe host-enable name-label=xs-01",
    ]
    alone = evolve(told, switched_off=None)
    assert next(of_evacuation(alone)) == "xe vm-reboot uuid=7c3b"
    assert evacuation(hosts, "xs-03", guests).stuck
    assert evacuation(hosts, "xs-01", guests).allowed
    with pytest.raises(KeyError):
        evacuation(hosts, "xs-09", guests)


def test_an_evacuation_of_vms_of_nobody_knows_where() -> None:
    """They are taken to be on the host, which is said."""
    hosts = [real("xeon-e3-1245-v3"), real("core-i7-4930k")]
    guest = vm("old", hosts[0].boot(HVM))
    told = evacuation(hosts, "xeon-e3-1245-v3", [guest])
    assert not told.allowed
    assert told.taken_to_be == (guest,)


def test_whom_a_host_takes_in() -> None:
    """As xapi's check, but for what binds a VM to its host; a VM that boots needs its type only."""
    member = host("h", "FPU SSE")
    assert takes(member, vm("v", names("FPU"), immobile="platform:nomigrate is set"))
    assert takes(member, evolve(vm("new", names("FPU AVX")), features=None))
    assert not takes(evolve(member, offers={}), evolve(vm("new", names("FPU")), features=None))
    assert not takes(member, vm("v", names("FPU AVX")))
    assert not takes(member, vm("v", names("FPU"), vendor=AMD))
    untold = evolve(member.offers[HVM], max=Featureset(), joined=False)
    assert not takes(evolve(member, offers={HVM: untold}), vm("v", names("")))


def test_hosts_that_run_no_guests_of_a_type_trap_nobody() -> None:
    """A level of PV guests concerns only the hosts that run such."""
    hosts = members("a", "b", "c")
    shrunk = host("c", "FPU")
    changes = (
        hosts[0],
        evolve(hosts[1], before=_only(hosts[1].before), after=_only(hosts[1].after)),
        evolve(hosts[2], after=evolve(shrunk, uuid=hosts[2].before.uuid)),
    )
    told = forecast(PoolUpdate(changes, guests=(HVM, GuestType.PV)), [])
    assert {trap.guest for trap in told.traps} <= {HVM, GuestType.PV}
    assert all("b" not in trap.hosts for trap in told.traps if trap.guest is GuestType.PV)


def _only(member: Member) -> Member:
    return evolve(member, offers={HVM: member.offers[HVM]})


def test_a_bound_vm_does_not_hide_what_helps_the_others() -> None:
    """A VM that may not be migrated has to be shut down, whatever is done; a host that refuses
    another VM is switched off all the same, and that is told apart.
    """
    update = unlike_hosts()
    level = level_of([host.before for host in update.hosts], HVM).featureset
    older = level_of([host.before for host in update.hosts[1:]], HVM).featureset
    pinned = vm("pinned", level, 3, immobile="platform:nomigrate is set")
    alone = forecast(update, [pinned])
    assert alone.besides is None
    told = forecast(update, [vm("old", older, 2), pinned])
    assert (told.other_order, told.switched_off) == (None, None)
    assert told.besides is not None
    assert [each.name for each in told.besides.bound] == ["pinned"]
    assert told.besides.switched_off == {2: ("xs-01",), 3: ("xs-01",)}
    assert list(without_cycles(told)) == [
        "pinned shut down meanwhile, and switch xs-01 off as a target (xe host-disable) while "
        "xs-02, xs-03 are evacuated: nobody else is stuck then"
    ]
    assert forecast(update, [vm("old", older, 2)]).besides is None
