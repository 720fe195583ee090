"""xenops-cpu plan: what changes for a pool and for which VMs, before it is done."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from attrs import evolve

from ...features.release import Release, ReleaseError, release
from ...pools import plan, security
from ...pools import words as told
from ...pools.level import level_of
from ...pools.member import GuestType, Member, Vm
from ...pools.plan import Change, Plan, Touched, left
from ...pools.verdict import check
from .. import ANSWERED_WITH_AN_ERROR, OK, WRONG_USAGE, Failure, derived, members, terminal, typed
from .. import pool_words as words
from ..derived import Found

_EXAMPLES = """  xenops-cpu plan join new-host.json --pool host-7.json host-8.json --vm vms.txt
  xenops-cpu plan leave host-7.json --pool host-7.json host-8.json
  xenops-cpu plan update host-7 after-update.json --pool host-7.json host-8.json
  xenops-cpu plan update all --to-xen 4.19 --pool cpu:xeon-gold-6154 cpu:core-i7-4930k
  xenops-cpu plan update host-7 --to-cmdline "spec-ctrl=no-gds-mit" --pool host-7.json

exit codes:
  0  no level loses a feature, no VM loses a host
  1  something is lost: the output says what
  2  wrong use      3  something cannot be read
"""

_ALL = "all"


def parser() -> argparse.ArgumentParser:
    made = members.parser(
        "plan",
        "What comes of it when a host joins a pool, leaves it or is updated: the level of the pool "
        "before and after, and each VM that loses or gains a host. VMs that were started at the "
        "pool's present level are looked at always, others with --vm or from the files of --pool.",
        _EXAMPLES,
    )
    made.add_argument("change", choices=("join", "leave", "update"))
    made.add_argument("host", metavar="HOST", help="who joins (any HOST), leaves or is updated")
    made.add_argument("new", metavar="NEW", nargs="?", help="update: what the host will be")
    made.add_argument(
        "--pool", metavar="HOST", nargs="+", action="extend", required=True, help=members.HOST_HELP
    )
    made.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=members.VM_HELP
    )
    made.add_argument("--to-xen", metavar="RELEASE", help="update: the Xen it will run")
    made.add_argument("--to-cmdline", metavar="TEXT", help="update: Xen's boot options then")
    members.add_hex(made)
    members.add_notes(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    before = members.hosts(arguments.pool, arguments)
    after = _after(before, arguments)
    xen = members.xen_release(arguments)
    old, new = [found.member for found in before], [found.member for found in after]
    wanted = members.guest_type(arguments)
    vms = [
        *_at_level(old, wanted, xen),
        *members.vms(arguments.vm, arguments),
        *members.vms_of_files(arguments.pool, arguments),
    ]
    found = plan.plan(old, new, vms, xen)
    if wanted is not None:
        found = evolve(found, changes=tuple(c for c in found.changes if c.guest is wanted))
    found = _completed(found, new, vms)
    code = OK if found.harmless else ANSWERED_WITH_AN_ERROR
    if arguments.json:
        words.print_json(_document(found, old, new, len(vms)))
        return code
    _tell(found, old, new, vms, arguments)
    return code


def _completed(found: Plan, after: Sequence[Member], vms: Sequence[Vm]) -> Plan:
    """That no VM can go to a host that leaves is what was asked for, and no loss to tell of; a VM
    that no host takes in is told why by each.
    """
    staying = {member.name for member in after}
    kept = []
    for touched in found.vms:
        closed = tuple(name for name in touched.closed if name in staying)
        refusals = touched.refusals
        if touched.stranded:
            vm = next(vm for vm in vms if vm.name == touched.vm)
            refusals = tuple(check(vm, member) for member in after)
        if closed or refusals or touched.opened:
            kept.append(evolve(touched, closed=closed, refusals=refusals))
    return evolve(found, vms=tuple(kept))


def _after(before: Sequence[Found], arguments: argparse.Namespace) -> list[Found]:
    """The pool after the change. Raises Failure."""
    by_name = {found.member.name: found for found in before}
    to = _release(arguments.to_xen)
    anew = to is not None or arguments.to_cmdline is not None
    if arguments.change != "update" and (arguments.new is not None or anew):
        raise Failure("NEW, --to-xen and --to-cmdline go with 'update' only", WRONG_USAGE)
    match arguments.change:
        case "join":
            comers = members.hosts([arguments.host], arguments)
            for comer in comers:
                if comer.member.name in by_name:
                    raise Failure(
                        f"{comer.member.name} is in the pool already; another name can be given: "
                        "NAME=HOST",
                        WRONG_USAGE,
                    )
            return [*before, *comers]
        case "leave":
            name = _name(arguments.host, by_name, arguments)
            kept = {member.name for member in left([f.member for f in before], name)}
            return [found for found in before if found.member.name in kept]
    if (arguments.new is not None) == anew:
        raise Failure("update needs NEW, or --to-xen or --to-cmdline", WRONG_USAGE)
    if arguments.host == _ALL and arguments.new is None:
        return [derived.updated(found, to, arguments.to_cmdline) for found in before]
    name = _name(arguments.host, by_name, arguments)
    if arguments.new is None:
        changed = derived.updated(by_name[name], to, arguments.to_cmdline)
    else:
        given = members.hosts([arguments.new], arguments)
        if len(given) != 1:
            raise Failure(f"{arguments.new} has {len(given)} hosts: name one", WRONG_USAGE)
        changed = Found(evolve(given[0].member, name=name), given[0].host)
    return [changed if found.member.name == name else found for found in before]


def _name(text: str, by_name: dict[str, Found], arguments: argparse.Namespace) -> str:
    """The member meant: by its name, or as it was typed for --pool. Raises Failure."""
    if text in by_name:
        return text
    try:
        found = [one.member.name for one in members.hosts([text], arguments)]
    except Failure:
        found = []
    if len(found) == 1 and found[0] in by_name:
        return found[0]
    raise Failure(
        f'"{typed.shown(text)}" is not in the pool; there are {told.some(list(by_name), 10)}',
        WRONG_USAGE,
    )


def _release(text: str | None) -> Release | None:
    try:
        return release(text) if text else None
    except ReleaseError as error:
        raise Failure(f"--to-xen: {error}", WRONG_USAGE) from error


def _at_level(hosts: Sequence[Member], wanted: GuestType | None, xen: Release | None) -> list[Vm]:
    """VMs that have seen the pool's level, as xapi gives it to those that start in a pool."""
    found = []
    for guest in members.guest_types(hosts, wanted):
        level = level_of(hosts, guest, xen)
        vendors = told.vendors(hosts)
        if level.hosts:
            found.append(
                Vm(
                    f"a VM started at the present level ({guest.name})",
                    guest,
                    level.featureset,
                    vendor=vendors[0] if len(vendors) == 1 else "",
                )
            )
    return found


def _document(
    found: Plan, before: Sequence[Member], after: Sequence[Member], looked_at: int
) -> dict[str, object]:
    return {
        "harmless": found.harmless,
        "changes": [
            {
                "guest_type": change.guest.value,
                "before": str(change.before.featureset),
                "after": str(change.after.featureset),
                "lost": list(change.lost),
                "gained": list(change.gained),
                "level_before": words.level_json(before, change.before),
                "level_after": words.level_json(after, change.after),
            }
            for change in found.changes
        ],
        "vms": [
            {
                "vm": touched.vm,
                "closed": list(touched.closed),
                "opened": list(touched.opened),
                "stranded": touched.stranded,
                "refusals": [words.answer_json(answer) for answer in touched.refusals],
            }
            for touched in found.vms
        ],
        "vms_looked_at": looked_at,
    }


def _tell(
    found: Plan,
    before: Sequence[Member],
    after: Sequence[Member],
    vms: Sequence[Vm],
    arguments: argparse.Namespace,
) -> None:
    if warning := told.several_vendors(after):
        terminal.paragraph(f"warning: {warning}", hanging=2, style="red")
    terminal.heading(
        f"{_said(before, after, arguments)}: "
        + ("nothing is lost" if found.harmless else "something is lost")
    )
    for change in found.changes:
        _tell_change(change, before, after, arguments.hex)
    for touched in found.vms:
        _tell_touched(touched)
    untouched = len(vms) - len(found.vms)
    if untouched:
        terminal.paragraph(
            f"not touched: {told.some([vm.name for vm in vms if _untouched(vm, found)], 4)}"
        )
    if any(change.lost or change.gained for change in found.changes):
        terminal.paragraph(
            "VMs that run keep what they have seen; the new level is for those that start after "
            "the change."
        )
    words.tell_notes(after, arguments.notes)


def _said(before: Sequence[Member], after: Sequence[Member], arguments: argparse.Namespace) -> str:
    pool = f"the pool of {told.count(len(before), 'host')}"
    names = {member.name for member in before}
    match arguments.change:
        case "join":
            new = told.some([m.name for m in after if m.name not in names])
            return f"{new} joins {pool}"
        case "leave":
            kept = {member.name for member in after}
            return f"{told.some([name for name in names if name not in kept])} leaves {pool}"
    if arguments.host == _ALL:
        return f"all of {pool} are updated"
    return f"{arguments.host} of {pool} is updated"


def _tell_change(
    change: Change, before: Sequence[Member], after: Sequence[Member], in_hex: bool
) -> None:
    old, new = change.before, change.after
    terminal.line(
        f"{told.GUESTS[change.guest]}: the level has {len(old.featureset)} features now, "
        f"{len(new.featureset)} then" + ("" if change.lost or change.gained else ": the same")
    )
    if in_hex:
        terminal.line(f"  now   {old.featureset}")
        terminal.line(f"  then  {new.featureset}")
    for title, names in (("lost", change.lost), ("gained", change.gained)):
        if names:
            terminal.paragraph(
                f"{title}, {told.count(len(names), 'feature')}: {' '.join(names)}",
                indent=2,
                hanging=2,
            )
    known = {(one.kind, one.feature) for one in security.findings(before, old)}
    for finding in security.findings(after, new):
        if (finding.kind, finding.feature) not in known:
            about = "speed" if finding.kind is security.Kind.SPEED else "safety"
            terminal.paragraph(f"{about}, new: {finding}", indent=2, hanging=2)


def _tell_touched(touched: Touched) -> None:
    what = []
    if touched.stranded:
        what.append("no host takes it in")
    if touched.closed:
        what.append(f"can no longer go to {told.some(touched.closed)}")
    if touched.opened:
        what.append(f"can now go to {told.some(touched.opened)}")
    only_refused = [a.host for a in touched.refusals if a.host not in touched.closed]
    if only_refused and not touched.stranded:
        what.append(f"cannot go to {told.some(only_refused)}")
    terminal.paragraph(
        f"{touched.vm}: {'; '.join(what)}",
        hanging=2,
        style="red" if touched.closed or touched.stranded else "",
    )
    for answer in touched.refusals[:3]:
        lacking = " ".join(lack.name for lack in answer.missing)
        said = "; ".join((*answer.problems, f"lacks {lacking}" if lacking else ""))
        terminal.paragraph(f"{answer.host}: {said.strip('; ')}", indent=2, hanging=2)
    for remedy in dict.fromkeys(r for answer in touched.refusals[:3] for r in answer.remedies):
        terminal.paragraph(f"to do: {remedy}", indent=2, hanging=2)
    if len(touched.refusals) > 3:
        terminal.line(f"  and {told.count(len(touched.refusals) - 3, 'more host')} (--json)")


def _untouched(vm: Vm, found: Plan) -> bool:
    return all(touched.vm != vm.name for touched in found.vms)
