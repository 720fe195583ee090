"""xenops-cpu plan: what changes for a pool and for which VMs, before it is done."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import evolve

from ...inputs.known import KnownHost
from ...pools import plan
from ...pools import words as phrases
from ...pools.member import Member
from ...pools.plan import Plan, left
from ...service import answers
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    WRONG_USAGE,
    Failure,
    command_line,
    pool_arguments,
    targets,
    terminal,
    vm_arguments,
)
from ..arguments import release as asked_release
from ..command_line import Parts
from ..words import plan as plan_words
from ..words import pool as words
from ..words.plan import ALL

_EXAMPLES = """  xenops-cpu plan join new-host.json --pool host-7.json host-8.json --vm vms.txt
  xenops-cpu plan leave host-7.json --pool host-7.json host-8.json
  xenops-cpu plan update host-7 after-update.json --pool host-7.json host-8.json
  xenops-cpu plan update all --to-xen 4.19 --pool cpu:xeon-gold-6154 cpu:core-i7-4930k
  xenops-cpu plan update host-7 --to-cmdline "spec-ctrl=no-gds-mit" --pool host-7.json
  xenops-cpu plan update all --to-microcode newest --pool xapi-db.xml
  xenops-cpu plan evacuate xs-02 --pool xapi://reader@xs-01   # who could not leave it today
"""
_EXIT_CODES = """
exit codes:
  0  no level loses a feature, no VM loses a host; evacuate: every VM can leave
  1  something is lost, or a VM cannot leave: the output says what
  2  wrong use      3  something cannot be read
"""
_PART_EXIT_CODES = """
exit codes:
  0  no level loses a feature, no VM loses a host
  1  something is lost: the output says what
  2  wrong use      3  something cannot be read
"""
_EVACUATE_EXIT_CODES = """
exit codes:
  0  every VM can leave
  1  a VM cannot: the output says which, and why
  2  wrong use      3  something cannot be read
"""

_VERDICTS = {OK: "nothing is lost", ANSWERED_WITH_AN_ERROR: "something is lost"}
_EVACUATE_VERDICTS = {OK: "every VM can leave", ANSWERED_WITH_AN_ERROR: "a VM cannot leave"}

if TYPE_CHECKING:
    from ...inputs.updated import Updated


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "plan",
        "What comes of it when a host joins a pool, leaves it or is updated: the level of the pool "
        "before and after, and each VM that loses or gains a host. VMs that were started at the "
        "pool's present level are looked at always, others with --vm or from the files of --pool. "
        "evacuate: whether every VM can leave a host today, as xapi decides it.",
        _EXAMPLES + _EXIT_CODES,
    )
    command.takes_files = True
    parts = Parts(command, "change", _EXAMPLES)
    for name, effect, host in (
        ("join", "what a host that joins changes for the pool and its VMs", "who joins: any HOST"),
        ("leave", "what changes for the pool and its VMs without a host", "who leaves"),
        ("update", "what another Xen, command line or microcode changes", "who is updated, or all"),
    ):
        part = _part(parts, name, effect, host, _PART_EXIT_CODES, _VERDICTS)
        pool_arguments.add_hex(part)
        if name == "update":
            part.add_argument("new", metavar="NEW", nargs="?", help="what the host will be")
            targets.add_options(part)
    _part(
        parts,
        "evacuate",
        "whether every VM can leave a host today, as xapi decides it",
        "who is evacuated",
        _EVACUATE_EXIT_CODES,
        _EVACUATE_VERDICTS,
    )
    return command


def _part(
    parts: Parts, name: str, effect: str, host: str, exit_codes: str, verdicts: Mapping[int, str]
) -> command_line.Parser:
    """With what all parts take. `host`: what HOST is."""
    part = parts.add(name, effect, exit_codes=exit_codes)
    part.add_argument("host", metavar="HOST", help=host)
    part.add_argument(
        "--pool",
        metavar="HOST",
        nargs="+",
        action="extend",
        required=True,
        help=pool_arguments.HOST_HELP,
    )
    part.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=vm_arguments.HELP
    )
    pool_arguments.add_options(part)
    pool_arguments.add_notes(part)
    command_line.add_quiet(part, verdicts)
    return part


def run(arguments: argparse.Namespace) -> int:
    before = pool_arguments.hosts(arguments.pool, arguments)
    if arguments.change == "evacuate":
        return _evacuate(before, arguments)
    after, updates = _after(before, arguments)
    xen = asked_release(arguments)
    old, new = [typed.member for typed in before], [typed.member for typed in after]
    guest_type = pool_arguments.wanted_type(arguments)
    at_level = (
        plan.started_at_level(old, guest, xen)
        for guest in pool_arguments.guest_types(old, guest_type)
    )
    vms = [
        *(vm for vm in at_level if vm is not None),
        *vm_arguments.all_vms(arguments.vm, arguments, files=arguments.pool),
    ]
    planned = plan.plan(old, new, vms, xen)
    if guest_type is not None:
        changes = tuple(change for change in planned.changes if change.guest is guest_type)
        planned = evolve(planned, changes=changes)
    code = OK if planned.harmless else ANSWERED_WITH_AN_ERROR
    if arguments.json:
        document = _document(planned, old, new, len(vms))
        assumed = list(targets.assumptions(updates))
        terminal.print_json(
            {**document, "microcode": targets.microcode_json(updates), "assumed": assumed}
        )
        return code
    plan_words.tell(planned, old, new, vms, arguments)
    _tell_updates(old, new, updates)
    return code


def _evacuate(before: Sequence[KnownHost], arguments: argparse.Namespace) -> int:
    from ..words import evacuation, forecast_json

    name = _name(arguments.host, {typed.member.name: typed for typed in before}, arguments)
    vms = vm_arguments.all_vms(arguments.vm, arguments, files=arguments.pool)
    evacuation_ = evacuation.of_host([typed.member for typed in before], name, vms)
    if arguments.json:
        terminal.print_json(forecast_json.evacuation(evacuation_))
    else:
        evacuation.tell(evacuation_)
        words.tell_notes([typed.member for typed in before], arguments.notes)
    return OK if evacuation_.allowed else ANSWERED_WITH_AN_ERROR


def _tell_updates(
    before: Sequence[Member], after: Sequence[Member], updates: Sequence[tuple[str, Updated]]
) -> None:
    """What an update changes below Xen, and what of it cannot be undone."""
    targets.tell_microcode(updates)
    for text in targets.assumptions(updates):
        terminal.paragraph(f"assumed: {text}", hanging=2)
    was = {member.name: member for member in before}
    if updates:
        for line in phrases.no_return([(was[m.name], m) for m in after if m.name in was]):
            terminal.paragraph(line, hanging=2)


def _after(
    before: Sequence[KnownHost], arguments: argparse.Namespace
) -> tuple[list[KnownHost], list[tuple[str, Updated]]]:
    """The pool after the change, and what is to be known of hosts that are updated to something.

    Raises Failure.
    """
    by_name = {typed.member.name: typed for typed in before}
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
            return [*before, *comers], []
        case "leave":
            name = _name(arguments.host, by_name, arguments)
            kept = {member.name for member in left([t.member for t in before], name)}
            return [typed for typed in before if typed.member.name in kept], []
    if (arguments.new is not None) == targets.asked(arguments):
        raise Failure(f"update needs NEW, or one of {targets.NAMES}", WRONG_USAGE)
    if arguments.new is None:
        changing = set(by_name)
        if arguments.host != ALL:
            changing = {_name(arguments.host, by_name, arguments)}
        target_by_name = targets.of_hosts(arguments, [typed.member for typed in before])
        results = {name: targets.update(by_name[name], target_by_name[name]) for name in by_name
                   if name in changing}  # fmt: skip
        after = [results[t.member.name][0] if t.member.name in results else t for t in before]
        return after, [(name, result) for name, (_, result) in results.items()]
    name = _name(arguments.host, by_name, arguments)
    new = pool_arguments.hosts([arguments.new], arguments)
    if len(new) != 1:
        raise Failure(f"{arguments.new} has {len(new)} hosts: name one", WRONG_USAGE)
    changed = evolve(new[0], member=evolve(new[0].member, name=name))
    return [changed if typed.member.name == name else typed for typed in before], []


def _name(text: str, by_name: dict[str, KnownHost], arguments: argparse.Namespace) -> str:
    """The member meant: by its name, or as it was typed for --pool. Raises Failure."""
    if text in by_name:
        return text
    try:
        names = [typed.member.name for typed in pool_arguments.hosts([text], arguments)]
    except Failure:
        names = []
    if len(names) == 1 and names[0] in by_name:
        return names[0]
    raise targets.not_in_pool(text, by_name)


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
