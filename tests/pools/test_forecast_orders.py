"""xenops_cpu.pools.forecast: who is asked, in which order hosts go, whom to switch off."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.updates import change, pool_of, vm
from xenops_cpu.hosts.membership import Membership, numbers
from xenops_cpu.pools.forecast import HostChange, PoolUpdate, Rule, forecast, orders
from xenops_cpu.pools.forecast.cases import Cases
from xenops_cpu.pools.forecast.pool import rule_of, with_coordinator
from xenops_cpu.pools.vm import Vm

MORE, AVX, LESS = "FPU XSAVE AVX ADX", "FPU XSAVE AVX", "FPU XSAVE"


def searched(update: PoolUpdate, *vms: Vm) -> orders.Search:
    return orders.search(update, Cases(update).group(vms))


def with_software(member: HostChange, software: dict[str, str]) -> HostChange:
    return evolve(member, before=evolve(member.before, membership=Membership(software=software)))


def test_who_takes_in_less_goes_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two orders that would do, that in which the host that loses AVX is the last; it is found
    by trying each host once, and no more are tried than may be.
    """
    update = pool_of(change("a"), change("b", AVX, LESS), change("c"), change("d", enabled=False))
    expected = orders.Search((0, 2, 3, 1), True)
    assert searched(update, vm("v", names(AVX), 3)) == expected
    monkeypatch.setattr(orders, "MAX_TRIED", 4)
    assert searched(update, vm("v", names(AVX), 3)) == expected
    monkeypatch.setattr(orders, "MAX_TRIED", 3)
    assert searched(update, vm("v", names(AVX), 3)) == orders.Search(None, False)


def test_what_was_tried_in_vain_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets of hosts are looked at, not their orders: of seven members 64 sets do not have the one
    that is stuck, of 1,957 orders.
    """
    update = pool_of(*(change(name) for name in "abcdefgh"))
    bound = vm("bound", names(LESS), 8, immobile="platform:nomigrate is set")
    monkeypatch.setattr(orders, "MAX_TRIED", 400)
    assert searched(update, bound) == orders.Search(None, True)


def test_a_pool_whose_coordinator_is_done() -> None:
    """Then any host may be the first."""
    done = change("a", changes=False, done=True)
    update = pool_of(done, change("b", AVX, LESS), change("c"))
    assert searched(update, vm("v", names(AVX), 3)).order == (2, 1)


def test_the_coordinator_is_first_wherever_it_stands() -> None:
    """It goes before the members that stand before it, in the usual order and in any other."""
    hosts = (change("b", AVX, LESS), change("c"), change("a"))
    assert pool_of(*hosts).order == (2, 0, 1)
    assert forecast(pool_of(*hosts)).order == ("a", "b", "c")
    assert searched(pool_of(*hosts), vm("v", names(AVX), 3)).order == (2, 1, 0)
    gains = (change("b"), change("c"), change("a", LESS, AVX))
    assert searched(pool_of(*gains), vm("v", names(AVX), 3)).order == (2, 0, 1)
    (first, *rest) = with_coordinator([evolve(each, coordinator=False) for each in hosts])
    assert (first.coordinator, [each.coordinator for each in rest]) == (True, [False, False])
    assert with_coordinator(hosts) == hosts


def test_who_has_left_is_not_in_the_way() -> None:
    """A VM that went to the coordinator, the only enabled host, is not looked for elsewhere."""
    update = pool_of(change("a"), change("b", AVX, LESS), change("c", MORE, LESS, enabled=False))
    assert searched(update, vm("v", names(AVX), 2)).order == (0, 1, 2)


def test_who_may_be_anywhere_is_looked_for_everywhere() -> None:
    """A VM of which nobody knows where it is may be on a host that is no target: it has to leave
    that while b still takes it in.
    """
    update = pool_of(change("a"), change("b", AVX, LESS), change("c", MORE, LESS, enabled=False))
    assert searched(update, vm("v", names(AVX))).order == (0, 2, 1)


def test_targets_that_refuse_are_switched_off_for_their_step_only() -> None:
    """Nobody is on b or d, so nothing is switched off for their steps."""
    update = pool_of(change("a"), change("b", LESS), change("c"), change("d", LESS))
    assert forecast(update, [vm("v", names(AVX), 1)]).switched_off == {
        1: ("b", "d"),
        3: ("b", "d"),
    }
    assert forecast(update, [vm("v", names(AVX), 3)]).switched_off == {3: ("b", "d")}


def asked(source: dict[str, str], target: dict[str, str], rule: Rule = Rule.ALL) -> tuple[str, ...]:
    hosts = (with_software(change("a"), source), with_software(change("b"), target))
    return forecast(PoolUpdate(hosts, rule), [vm("v", names(LESS), 1)]).steps[0].targets


@pytest.mark.parametrize(
    ("source", "target", "keys"),
    [
        ("25.32.9", "26.1", ("platform_version",)),
        ("25.30", "", ("platform_version",)),
        ("", "25.30", ("platform_version",)),
        ("25.33.0", "", ("platform_version", "xapi_build", "xen")),
        ("25.33", "25.30", ("platform_version", "xapi_build", "xen")),
        ("", "", ("platform_version", "xapi_build", "xen")),
    ],
)
def test_which_versions_make_a_host_older(source: str, target: str, keys: Iterable[str]) -> None:
    """From xapi 25.33 on the platform, xapi's build and Xen; before that the platform alone. The
    xapi of the host that VMs leave counts; where none is told, the harder rule.
    """
    for key in ("platform_version", "xapi_build", "xen"):
        versions = {"xapi": source, key: "2.0"}, {"xapi": target, key: "1.9"}
        assert asked(*versions) == (() if key in keys else ("b",)), key
    untold = {"xapi": source, "xen": "2.0"}, {"xapi": target, "platform_version": "1.0"}
    assert asked(*untold) == ("b",)


def test_the_rule_of_targets_by_version() -> None:
    """The first xapi that can ask updated hosts only is 26.18."""
    versions = ("", "25.99", "26.17.9", "26.18", "26.18.0", "27")
    assert [rule_of(numbers(text)) for text in versions] == [Rule.ALL] * 3 + [Rule.UPDATED] * 3
