"""xenops-cpu plan: what changes for a pool and for which VMs, before it is done."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from attrs import evolve

from ...errors import InputError
from ...features.release import Release, ReleaseError, release
from ...inputs.updated import updated
from ...interface import SecurityKind
from ...pools import plan, security
from ...pools import words as told
from ...pools.level import Level
from ...pools.member import Member
from ...pools.plan import Change, Plan, Touched, left
from ...pools.vm import Vm
from ...service import answers
from .. import ANSWERED_WITH_AN_ERROR, OK, WRONG_USAGE, Failure, pool_arguments, terminal
from .. import pool_words as words
from ..arguments import release as asked_release
from ..arguments import shown
from ..pool_arguments import Typed

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
    made = pool_arguments.parser(
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
        "--pool",
        metavar="HOST",
        nargs="+",
        action="extend",
        required=True,
        help=pool_arguments.HOST_HELP,
    )
    made.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=pool_arguments.VM_HELP
    )
    made.add_argument("--to-xen", metavar="RELEASE", help="update: the Xen it will run")
    made.add_argument("--to-cmdline", metavar="TEXT", help="update: Xen's boot options then")
    pool_arguments.add_hex(made)
    pool_arguments.add_notes(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    before = pool_arguments.hosts(arguments.pool, arguments)
    after = _after(before, arguments)
    xen = asked_release(arguments)
    old, new = [typed.member for typed in before], [typed.member for typed in after]
    wanted = pool_arguments.wanted_type(arguments)
    at_level = (
        plan.started_at_level(old, guest, xen) for guest in pool_arguments.guest_types(old, wanted)
    )
    vms = [
        *(vm for vm in at_level if vm is not None),
        *pool_arguments.vms(arguments.vm, arguments, files=arguments.pool),
        *pool_arguments.vms_of_files(arguments.pool, arguments),
    ]
    planned = plan.plan(old, new, vms, xen)
    if wanted is not None:
        changes = tuple(change for change in planned.changes if change.guest is wanted)
        planned = evolve(planned, changes=changes)
    code = OK if planned.harmless else ANSWERED_WITH_AN_ERROR
    if arguments.json:
        terminal.print_json(_document(planned, old, new, len(vms)))
        return code
    _tell(planned, old, new, vms, arguments)
    return code


def _after(before: Sequence[Typed], arguments: argparse.Namespace) -> list[Typed]:
    """The pool after the change. Raises Failure."""
    by_name = {typed.member.name: typed for typed in before}
    to = _release(arguments.to_xen)
    anew = to is not None or arguments.to_cmdline is not None
    if arguments.change != "update" and (arguments.new is not None or anew):
        raise Failure("NEW, --to-xen and --to-cmdline go with 'update' only", WRONG_USAGE)
    match arguments.change:
        case "join":
            comers = pool_arguments.hosts([arguments.host], arguments)
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
            kept = {member.name for member in left([t.member for t in before], name)}
            return [typed for typed in before if typed.member.name in kept]
    if (arguments.new is not None) == anew:
        raise Failure("update needs NEW, or --to-xen or --to-cmdline", WRONG_USAGE)
    if arguments.host == _ALL and arguments.new is None:
        return [_updated(typed, to, arguments.to_cmdline) for typed in before]
    name = _name(arguments.host, by_name, arguments)
    if arguments.new is None:
        changed = _updated(by_name[name], to, arguments.to_cmdline)
    else:
        new = pool_arguments.hosts([arguments.new], arguments)
        if len(new) != 1:
            raise Failure(f"{arguments.new} has {len(new)} hosts: name one", WRONG_USAGE)
        changed = evolve(new[0], member=evolve(new[0].member, name=name))
    return [changed if typed.member.name == name else typed for typed in before]


def _updated(typed: Typed, to: Release | None, cmdline: str | None) -> Typed:
    """The host under another Xen or with other options. Raises Failure."""
    if typed.named is None:
        raise Failure(
            f"of {typed.member.name} a featureset is known, not its CPU: name what it will be: "
            "plan update HOST NEW"
        )
    try:
        named = updated(evolve(typed.named, name=typed.member.name), to, cmdline)
    except InputError as error:
        raise Failure(str(error)) from error
    return Typed(pool_arguments.member(named), named)


def _name(text: str, by_name: dict[str, Typed], arguments: argparse.Namespace) -> str:
    """The member meant: by its name, or as it was typed for --pool. Raises Failure."""
    if text in by_name:
        return text
    try:
        names = [typed.member.name for typed in pool_arguments.hosts([text], arguments)]
    except Failure:
        names = []
    if len(names) == 1 and names[0] in by_name:
        return names[0]
    raise Failure(
        f'"{shown(text)}" is not in the pool; there are {told.some(list(by_name), 10)}',
        WRONG_USAGE,
    )


def _release(text: str | None) -> Release | None:
    try:
        return release(text) if text else None
    except ReleaseError as error:
        raise Failure(f"--to-xen: {error}", WRONG_USAGE) from error


def _document(
    planned: Plan, before: Sequence[Member], after: Sequence[Member], looked_at: int
) -> dict[str, object]:
    """PoolPlan, with the levels, the answers' meaning and what was so before."""
    record = answers.as_json(answers.plan(planned))
    for change, document in zip(planned.changes, record["changes"], strict=True):
        document["guest_type"] = change.guest.name.lower()
        document["level_before"] = words.level_json(before, change.before)
        document["level_after"] = words.level_json(after, change.after)
    for touched, document in zip(planned.vms, record["vms"], strict=True):
        document["refusals"] = [words.answer_json(answer) for answer in touched.refusals]
    del record["answers"], record["features"]  # each refusal has them whole
    return {"harmless": planned.harmless, **record, "vms_looked_at": looked_at}


def _tell(
    planned: Plan,
    before: Sequence[Member],
    after: Sequence[Member],
    vms: Sequence[Vm],
    arguments: argparse.Namespace,
) -> None:
    if warning := told.several_vendors(after):
        terminal.paragraph(f"warning: {warning}", hanging=2, style="red")
    terminal.heading(
        f"{_said(before, after, arguments)}: "
        + ("nothing is lost" if planned.harmless else "something is lost")
    )
    for change in planned.changes:
        _tell_change(change, before, after, arguments.hex)
    for touched in planned.vms:
        _tell_touched(touched)
    touched_vms = {id(touched.vm) for touched in planned.vms}
    homeless = {id(vm) for vm in planned.homeless}
    if planned.homeless:
        terminal.paragraph(
            "no host takes them in, before or after: "
            f"{told.some([vm.name for vm in planned.homeless], 4)}"
        )
    untouched = [vm.name for vm in vms if id(vm) not in touched_vms | homeless]
    if untouched:
        terminal.paragraph(f"not touched: {told.some(untouched, 4)}")
    if any(change.lost or change.gained for change in planned.changes):
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
    guests = told.GUESTS[change.guest]
    if not new.hosts:
        terminal.line(f"{guests}: no host runs them then; {_size(old)} now")
    elif not old.hosts:
        terminal.line(f"{guests}: no host runs them now; {_size(new)} then")
    else:
        same = "" if change.lost or change.gained else ": the same"
        terminal.line(f"{guests}: {_size(old)} now, {len(new.featureset)} then{same}")
    if in_hex:
        terminal.line(f"  now   {old.featureset}")
        terminal.line(f"  then  {new.featureset}")
    for title, names in (("lost", change.lost), ("gained", change.gained)):
        if names and old.hosts and new.hosts:
            terminal.paragraph(
                f"{title}, {told.count(len(names), 'feature')}: {' '.join(names)}",
                indent=2,
                hanging=2,
            )
    known = {(one.kind, one.feature) for one in security.readings(before, old)}
    for finding in security.readings(after, new):
        if (finding.kind, finding.feature) not in known:
            about = "speed" if finding.kind is SecurityKind.SPEED else "safety"
            terminal.paragraph(f"{about}, new: {finding}", indent=2, hanging=2)


def _size(level: Level) -> str:
    return f"the level has {told.count(len(level.featureset), 'feature')}"


def _tell_touched(touched: Touched) -> None:
    what = []
    if touched.stranded:
        what.append("no host takes it in any more")
    if touched.closed:
        what.append(f"can no longer go to {told.some(touched.closed)}")
    if touched.opened:
        what.append(f"can now go to {told.some(touched.opened)}")
    newcomers = [a.host.name for a in touched.refusals if a.host.name not in touched.closed]
    if newcomers and not touched.stranded:
        what.append(f"cannot go to {told.some(newcomers)}")
    terminal.paragraph(
        f"{touched.vm.name}: {'; '.join(what)}",
        hanging=2,
        style="red" if touched.closed or touched.stranded else "",
    )
    for answer in touched.refusals[:3]:
        lacking = " ".join(lack.name for lack in answer.missing)
        reasons = "; ".join((*answer.problems, f"lacks {lacking}" if lacking else ""))
        terminal.paragraph(f"{answer.host.name}: {reasons.strip('; ')}", indent=2, hanging=2)
    for remedy in dict.fromkeys(r for answer in touched.refusals[:3] for r in answer.remedies):
        terminal.paragraph(f"to do: {remedy}", indent=2, hanging=2)
    if len(touched.refusals) > 3:
        terminal.line(f"  and {told.count(len(touched.refusals) - 3, 'more host')} (--json)")
