"""A pool's rolling update out of what a person types: hosts as they are and as they will be."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen

from ..errors import InputError
from ..features.featureset import Featureset
from ..hosts.record import of_cpu_info
from ..inputs.known import KnownHost
from ..inputs.updated import Target, Updated
from ..interface import GuestType
from ..pools import forecast as forecasts
from ..pools.forecast import Forecast, HostChange, PoolUpdate, Rule
from ..pools.forecast.pool import rule_of, upgrades, with_coordinator
from ..pools.member import Member
from ..pools.vm import Vm
from ..pools.words import count, some
from . import WRONG_USAGE, Failure, pool_arguments, targets
from .doubts import Worse, worse


@frozen
class Asked:
    """The forecast, what it rests on, and what is to be known of hosts that get something.
    `worse`: what may come of it instead, None for nothing that is known.
    """

    outlook: Forecast
    basis: tuple[str, ...]
    updates: tuple[tuple[str, Updated], ...]
    worse: Worse | None = None

    @property
    def certain(self) -> bool:
        """Whether nothing worse is known that may come of it."""
        return self.worse is None


@frozen
class _Prospect:
    """A host before and after. `release`: whether another line or release of Xen comes; None: a
    build of the same line, of which it is not known whether xapi calls it an upgrade.
    """

    typed: KnownHost
    after: Member
    changes: bool
    done: bool = False
    upgrade: bool | None = False
    update: Updated | None = None


def forecast(typed: Sequence[KnownHost], vms: Sequence[Vm], arguments: argparse.Namespace) -> Asked:
    """Raises Failure."""
    prospects = _prospects(typed, arguments)
    basis: list[str] = []
    pool = _pool(prospects, vms, arguments, basis)
    order = arguments.order.split(",") if arguments.order else None
    try:
        outlook = forecasts.forecast(pool, vms, order)
    except InputError as error:
        raise Failure(str(error), WRONG_USAGE) from error
    updates = [(p.typed.member.name, p.update) for p in prospects if p.update is not None]
    doubted = worse(outlook, vms, order, updates)
    return Asked(
        outlook,
        (
            *([] if doubted is None else [str(doubted)]),
            f"{_summary(prospects)}; {_who(outlook.vms_looked_at)}",
            *basis,
            *targets.assumptions(updates, doubts=doubted is None),
        ),
        tuple(updates),
        doubted,
    )


def _who(running: int) -> str:
    if running:
        return f"{count(running, 'VM')} that run"
    return "no VM that runs is known: VMs started at the present level stand for them"


def _summary(prospects: Sequence[_Prospect]) -> str:
    """What is updated to what."""
    changing = [prospect for prospect in prospects if prospect.changes]
    releases = list(dict.fromkeys(p.after.release.title for p in changing))
    unchanged = len(prospects) - len(changing)
    kept = f" of {len(prospects)}" if unchanged else ""
    return f"{count(len(changing), 'host')}{kept} to {some(releases)}"


def _prospects(typed: Sequence[KnownHost], arguments: argparse.Namespace) -> list[_Prospect]:
    """The hosts before and after. Raises Failure."""
    members = [each.member for each in typed]
    target_by_name = targets.of_hosts(arguments, members)
    named = _named_anew(arguments, members)
    only = {_of_pool(text, members, "--only") for text in arguments.only}
    if not named and not targets.asked(arguments):
        raise Failure(f"what is it updated to? {targets.NAMES} or --to HOST=NEW say", WRONG_USAGE)
    prospects = [_prospect(each, target_by_name[each.member.name], named, only) for each in typed]
    if not any(prospect.changes for prospect in prospects):
        raise Failure("no host changes: all are what they are to be", WRONG_USAGE)
    return prospects


def _prospect(
    typed: KnownHost, target: Target, named: Mapping[str, KnownHost], only: set[str]
) -> _Prospect:
    before = typed.member
    if only and before.name not in only:
        return _Prospect(typed, before, changes=False)
    if before.name in named:
        new = named[before.name].member
        after = evolve(new, name=before.name, uuid=before.uuid)
        higher = upgrades(before.membership, after.membership)
        if higher is None:
            higher = before.release.line != after.release.line
        return _Prospect(typed, after, changes=True, upgrade=higher)
    if not target:
        return _Prospect(typed, before, changes=False)
    if target == Target(xen=before.release) and before.certain:
        return _Prospect(typed, before, changes=False, done=True)
    then, update = targets.update(typed, target)
    upgrade: bool | None = False
    if target.xen is not None and target.xen.name != before.release.name:
        upgrade = True if target.xen.line != before.release.line else None
    after = evolve(then.member, uuid=before.uuid)
    return _Prospect(typed, after, changes=True, upgrade=upgrade, update=update)


def _named_anew(arguments: argparse.Namespace, members: Sequence[Member]) -> dict[str, KnownHost]:
    """Of --to HOST=NEW. Raises Failure."""
    named: dict[str, KnownHost] = {}
    for text in arguments.to:
        host, equals, new = text.partition("=")
        if not equals or not new:
            raise Failure(f'--to: "{text}" is not HOST=NEW', WRONG_USAGE)
        hosts = pool_arguments.hosts([new], arguments)
        if len(hosts) != 1:
            raise Failure(f"--to: {new} has {len(hosts)} hosts: name one, FILE#NAME", WRONG_USAGE)
        named[_of_pool(host, members, "--to")] = hosts[0]
    return named


def _of_pool(text: str, members: Sequence[Member], option: str) -> str:
    """A member's name, by its name or UUID. Raises Failure."""
    for member in members:
        if text in (member.name, member.uuid):
            return member.name
    raise targets.not_in_pool(text, [member.name for member in members], option)


def _pool(
    prospects: Sequence[_Prospect],
    vms: Sequence[Vm],
    arguments: argparse.Namespace,
    basis: list[str],
) -> PoolUpdate:
    """The pool's update; `basis` is told what had to be assumed. Raises Failure."""
    members = [prospect.typed.member for prospect in prospects]
    chosen = arguments.coordinator and _of_pool(arguments.coordinator, members, "--coordinator")
    hosts = with_coordinator(
        [
            HostChange(
                prospect.typed.member,
                prospect.after,
                enabled=prospect.typed.member.membership.enabled is not False,
                coordinator=(
                    prospect.typed.member.name == chosen
                    if chosen
                    else prospect.typed.member.membership.coordinator is True
                ),
                changes=prospect.changes,
                done=prospect.done,
            )
            for prospect in prospects
        ]
    )
    first = next(host for host in hosts if host.coordinator)
    if not chosen and first.before.membership.coordinator is None:
        basis.append(f"assumed: {first.name} is the coordinator (--coordinator says otherwise)")
    away = [host.name for host in hosts if not host.enabled]
    if away:
        basis.append(f"not enabled, so nobody goes there: {some(away)}")
    upgrade = any(prospect.upgrade for prospect in prospects)
    if not upgrade and any(prospect.upgrade is None for prospect in prospects):
        basis.append(
            "assumed: xapi does not see the new build as an upgrade, so that VMs that start may "
            "land on hosts that are not updated yet"
        )
    rule = _rule(first, upgrade, arguments, basis)
    return PoolUpdate(
        hosts,
        rule,
        upgrade,
        levels=_stored_levels(arguments),
        guests=tuple(_guests(members, vms, arguments)),
    )


def _rule(
    first: HostChange, upgrade: bool, arguments: argparse.Namespace, basis: list[str]
) -> Rule:
    everyone = "an evacuation asks every enabled host that is not older"
    if arguments.targets:
        rule = Rule(arguments.targets)
        basis.append(f"{everyone if rule is Rule.ALL else 'it asks updated hosts only'}, as told")
        return rule
    version = first.before.membership.version("xapi")
    rule = rule_of(version)
    shown = ".".join(map(str, version))
    if not upgrade:
        basis.append(f"{everyone}: to xapi this is no upgrade")
    elif rule is Rule.UPDATED:
        basis.append(
            f"an evacuation asks updated hosts only: xapi {shown} of {first.name}, taken to have "
            "#7261"
        )
    elif version:
        basis.append(f"{everyone}: xapi {shown} of {first.name}")
    else:
        basis.append(
            f"{everyone}, which is the harder rule: the version of xapi is not told (--targets "
            "updated for 26.18 and later)"
        )
    return rule


def _stored_levels(arguments: argparse.Namespace) -> dict[GuestType, Featureset]:
    """The pool's level as xapi has it, where just one pool's record is there. Raises Failure."""
    pools = [r for r in pool_arguments.stored(arguments.hosts, arguments) if r.kind == "pool"]
    if len(pools) != 1:
        return {}
    try:
        sets = of_cpu_info(pools[0].cpu_info, "the pool's record").sets
    except InputError as error:
        raise Failure(str(error)) from error
    by_guest = {GuestType.HVM: sets.get("hvm_default"), GuestType.PV: sets.get("pv_default")}
    return {guest: level for guest, level in by_guest.items() if level is not None and level.length}


def _guests(
    members: Sequence[Member], vms: Sequence[Vm], arguments: argparse.Namespace
) -> Iterator[GuestType]:
    """Whose level is of interest: of the VMs there are, else the type that most pools run."""
    guest_type = pool_arguments.wanted_type(arguments)
    running = {vm.guest for vm in vms if not vm.halted and not vm.suspended}
    here = pool_arguments.guest_types(members, guest_type)
    yield from [guest for guest in here if guest in running] or here[:1]
