"""xenops_cpu.pools.forecast.evacuation: whom one host's VMs can go to today."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.support.hosts import names
from tests.support.pools import HVM, PV, host
from tests.support.updates import vm
from xenops_cpu.hosts.membership import Membership
from xenops_cpu.pools.forecast.evacuation import evacuation
from xenops_cpu.pools.forecast.remedies import Way, When
from xenops_cpu.pools.member import Member

AVX, LESS = "FPU XSAVE AVX", "FPU XSAVE"


def member(
    name: str, features: str = AVX, uuid: str | None = None, version: str = "", xapi: str = "",
    **facts: object,
) -> Member:  # fmt: skip
    """A host whose UUID goes by its name; `facts`: of its membership."""
    software = {"platform_version": version, "xapi": xapi}
    membership = Membership(pool="pool", software=software)
    return evolve(
        host(name, features),
        uuid=f"uuid-{ord(name) - 96}" if uuid is None else uuid,
        membership=evolve(membership, **facts),  # type: ignore[arg-type]
    )


def test_who_is_on_a_host() -> None:
    """VMs that run there, and those of which nobody tells where they run: these are named."""
    hosts = [member("a"), member("b", LESS)]
    here, elsewhere, untold = (
        vm("here", names(AVX), 1), vm("elsewhere", names(AVX), 2), vm("untold", names(AVX))
    )  # fmt: skip
    on_none_of_them = vm("on none of them", names(AVX), 9)
    off = vm("off", names(AVX), 1, halted=True)
    asleep = vm("asleep", names(AVX), 1, suspended=True)
    outlook = evacuation(hosts, "a", [off, asleep, here, elsewhere, untold, on_none_of_them])
    assert outlook.vms == (here, untold)
    assert outlook.taken_to_be == (untold,)
    (stuck,) = outlook.stuck
    assert stuck.certain
    assert [(each.name, each.home) for each in stuck.vms] == [
        ("here", "uuid-1"),
        ("untold", ""),
    ]
    (refusal,) = stuck.refusals
    assert (refusal.hosts, refusal.answer.hindrance) == (("b",), "lacks AVX")


def test_a_host_without_a_uuid() -> None:
    """A VM that runs is taken to be on it, and said to be, but for those on another host; where it
    is, it is for certain.
    """
    hosts = [member("b", LESS), member("a", uuid="")]
    guest, elsewhere = vm("v", names(AVX), 7), vm("elsewhere", names(AVX), 2)
    outlook = evacuation(hosts, "a", [elsewhere, guest])
    assert outlook.vms == outlook.taken_to_be == (guest,)
    assert [(stuck.vms, stuck.certain) for stuck in outlook.stuck] == [((guest,), True)]
    unnamed = [evolve(each, uuid="") for each in hosts]
    assert evacuation(unnamed, "a", [elsewhere]).taken_to_be == (elsewhere,)


def test_what_helps_today() -> None:
    """A restart where the pool's level does without what is refused, else to shut it down; nothing
    waits for a step.
    """
    hosts = [member("a"), member("b", LESS), member("c")]
    outlook = evacuation(hosts, "a", [vm("v", names(AVX), 1)])
    assert outlook.cycles[0].ways == (Way(When.BEFORE, 0, 1), Way(When.OFF, 0, 1))
    assert outlook.switched_off == ("b",)
    alone = evacuation(hosts[:2], "a", [vm("v", names(AVX), 1)])
    assert alone.switched_off is None


def test_a_host_that_nobody_is_on() -> None:
    """It can be evacuated whoever else there is: no VM at the level stands for any."""
    outlook = evacuation([member("a")], "a", [vm("off", names(AVX), halted=True)])
    assert outlook.allowed
    assert (outlook.targets, outlook.vms, outlook.cycles, outlook.switched_off) == (
        (),
        (),
        (),
        None,
    )
    assert not evacuation([member("a")], "a", [vm("v", names(LESS), 1)]).allowed


def test_hosts_that_are_switched_off_are_no_targets() -> None:
    """A host that says it is enabled is asked, and one that says nothing; not one that is off."""
    hosts = [member("a"), member("b", enabled=False), member("c", enabled=True), member("d")]
    assert evacuation(hosts, "a", [vm("v", names(LESS), 1)]).targets == ("c", "d")


@pytest.mark.parametrize(
    ("others", "xapi", "upgrading", "targets"),
    [
        ("26.17", "26.18", True, ("c",)),
        ("26.18", "26.18", True, ("c",)),
        ("26.18", "26.17", True, ("a", "c")),
        ("26.18", "26.18", False, ("a", "c")),
    ],
)
def test_in_the_middle_of_an_upgrade(
    others: str, xapi: str, upgrading: bool, targets: tuple[str, ...]
) -> None:
    """Since 26.18 only hosts of the highest version are asked; the coordinator's xapi decides."""
    hosts = [
        member("a", version="3.4.0", xapi=others, upgrading=upgrading),
        member("b", version="3.4.0", xapi=others, upgrading=upgrading),
        member("c", version="3.4.1", xapi=xapi, upgrading=upgrading, coordinator=True),
    ]
    assert evacuation(hosts, "b", [vm("v", names(LESS), 2)]).targets == targets


def test_the_first_host_stands_for_a_coordinator_that_nobody_names() -> None:
    """Versions of xapi tell hosts of one platform apart too; one that is new is no target of its
    own, so that the only new one has none.
    """
    hosts = [
        member("a", version="3.4.0", xapi="26.18", upgrading=True),
        member("b", version="3.4.0", xapi="26.19", upgrading=True),
        member("c", version="3.4.0", xapi="26.17", upgrading=True),
    ]
    guests = [vm(f"v{n}", names(LESS), n) for n in (1, 2, 3)]
    assert evacuation(hosts, "a", guests).targets == ("b",)
    assert evacuation(hosts, "b", guests).targets == ()
    old_first = [hosts[2], hosts[0], hosts[1]]
    assert evacuation(old_first, "a", guests).targets == ("c", "b")


def test_guests_of_a_type_that_no_target_runs() -> None:
    """A PV guest stays where it is when no other host runs such, whatever its features."""
    other = member("b")
    other = evolve(other, offers={HVM: other.offers[HVM]})
    guest = evolve(vm("v", names("FPU"), 1), guest=PV)
    outlook = evacuation([member("a"), other], "a", [guest])
    assert [refusal.answer.problems for refusal in outlook.stuck[0].refusals] == [
        ("the host runs no PV guests",)
    ]
