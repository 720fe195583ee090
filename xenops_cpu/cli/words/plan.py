"""What comes of a plan, in words: what changes, and apart from it what stays as it was."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from ...interface import SecurityKind
from ...pools import security
from ...pools import words as phrases
from ...pools.level import Level
from ...pools.member import Member
from ...pools.plan import Change, Plan, Touched
from ...pools.vm import Vm
from .. import terminal
from . import pool as words

# In the place of a host: the whole pool is updated.
ALL = "all"


def tell(
    planned: Plan,
    before: Sequence[Member],
    after: Sequence[Member],
    vms: Sequence[Vm],
    arguments: argparse.Namespace,
) -> None:
    warning = phrases.several_vendors(after)
    mixed_before = warning == phrases.several_vendors(before)
    if warning and not mixed_before:
        terminal.paragraph(f"warning: {warning}", hanging=2, style="red")
    terminal.heading(
        f"{_change_words(before, after, arguments)}: "
        + ("nothing is lost" if planned.harmless else "something is lost")
    )
    changing = [change for change in planned.changes if _changes(change, before, after)]
    for change in changing:
        _tell_change(change, before, after, arguments.hex)
    for touched in planned.vms:
        _tell_touched(touched)
    if any(change.lost or change.gained for change in changing):
        terminal.paragraph(
            "VMs that run keep what they have seen; the new level is for those that start after "
            "the change."
        )
    same = [change for change in planned.changes if change not in changing]
    if arguments.hex:
        levels = [f"{_as_it_is(change)}, {change.after.featureset}" for change in same]
    else:
        levels = [_as_it_is(change) for change in same]
    if warning and mixed_before:
        levels.insert(0, f"warning: {warning}")
    for index, text in enumerate((*levels, *_vms_as_before(planned, vms))):
        if not index:
            terminal.line("as before:", "bold")
        terminal.paragraph(text, indent=2, hanging=2)
    words.tell_notes(after, arguments.notes)


def _as_it_is(change: Change) -> str:
    return f"{phrases.GUESTS[change.guest]}: {_size(change.after)}"


def _vms_as_before(planned: Plan, vms: Sequence[Vm]) -> Iterator[str]:
    """VMs that the change does not touch."""
    touched = {id(touched.vm) for touched in planned.vms}
    homeless = {id(vm) for vm in planned.homeless}
    if planned.homeless:
        yield f"no host takes them in: {phrases.some([vm.name for vm in planned.homeless], 4)}"
    untouched = [vm.name for vm in vms if id(vm) not in touched | homeless]
    if untouched:
        yield f"not touched: {phrases.some(untouched, 4)}"


def _change_words(
    before: Sequence[Member], after: Sequence[Member], arguments: argparse.Namespace
) -> str:
    pool = f"the pool of {phrases.count(len(before), 'host')}"
    names = {member.name for member in before}
    match arguments.change:
        case "join":
            new = phrases.some([m.name for m in after if m.name not in names])
            return f"{new} joins {pool}"
        case "leave":
            kept = {member.name for member in after}
            return f"{phrases.some([name for name in names if name not in kept])} leaves {pool}"
    if arguments.host == ALL:
        return f"all of {pool} are updated"
    return f"{arguments.host} of {pool} is updated"


def _tell_change(
    change: Change, before: Sequence[Member], after: Sequence[Member], in_hex: bool
) -> None:
    old, new = change.before, change.after
    guests = phrases.GUESTS[change.guest]
    if not new.hosts:
        terminal.line(f"{guests}: no host runs them then; {_size(old)} now")
    elif not old.hosts:
        terminal.line(f"{guests}: no host runs them now; {_size(new)} then")
    else:
        terminal.line(f"{guests}: {_size(old)} now, {len(new.featureset)} then")
    if in_hex:
        terminal.line(f"  now   {old.featureset}")
        terminal.line(f"  then  {new.featureset}")
    for title, names in (("lost", change.lost), ("gained", change.gained)):
        if names and old.hosts and new.hosts:
            terminal.paragraph(
                f"{title}, {phrases.count(len(names), 'feature')}: {' '.join(names)}",
                indent=2,
                hanging=2,
            )
    for sentence in _new_registers(change, before, after):
        terminal.paragraph(sentence, indent=2, hanging=2)
    for finding in _new_readings(change, before, after):
        about = "speed" if finding.kind is SecurityKind.SPEED else "safety"
        terminal.paragraph(f"{about}, new: {phrases.reading(finding)}", indent=2, hanging=2)


def _changes(change: Change, before: Sequence[Member], after: Sequence[Member]) -> bool:
    """Whether a guest type's level is another one than before, or what it means is."""
    return bool(
        change.lost
        or change.gained
        or _new_registers(change, before, after)
        or _new_readings(change, before, after)
    )


def _new_registers(change: Change, before: Sequence[Member], after: Sequence[Member]) -> list[str]:
    """What guests have in ARCH_CAPABILITIES, which nothing levels, where it is not as it was."""
    if len(change.after.hosts) < 2:
        return []
    known, new = (
        phrases.registers(words.own_registers(members, level), level.release)
        for members, level in ((before, change.before), (after, change.after))
    )
    return [sentence for sentence in new if sentence not in set(known)]


def _new_readings(
    change: Change, before: Sequence[Member], after: Sequence[Member]
) -> list[security.Reading]:
    """What the level says of safety and speed, and did not before."""
    known = {
        (reading.kind, reading.feature) for reading in security.readings(before, change.before)
    }
    return [
        reading
        for reading in security.readings(after, change.after)
        if (reading.kind, reading.feature) not in known
    ]


def _size(level: Level) -> str:
    return f"the level has {phrases.count(len(level.featureset), 'feature')}"


def _tell_touched(touched: Touched) -> None:
    effects = []
    if touched.stranded:
        effects.append("no host takes it in any more")
    if touched.closed:
        effects.append(f"can no longer go to {phrases.some(touched.closed)}")
    if touched.opened:
        effects.append(f"can now go to {phrases.some(touched.opened)}")
    newcomers = [a.host.name for a in touched.refusals if a.host.name not in touched.closed]
    if newcomers and not touched.stranded:
        effects.append(f"cannot go to {phrases.some(newcomers)}")
    terminal.paragraph(
        f"{touched.vm.name}: {'; '.join(effects)}",
        hanging=2,
        style="red" if touched.closed or touched.stranded else "",
    )
    for answer in touched.refusals[:3]:
        terminal.paragraph(f"{answer.host.name}: {answer.hindrance}", indent=2, hanging=2)
    for remedy in dict.fromkeys(r for answer in touched.refusals[:3] for r in answer.remedies):
        terminal.paragraph(f"to do: {remedy}", indent=2, hanging=2)
    if len(touched.refusals) > 3:
        terminal.line(f"  and {phrases.count(len(touched.refusals) - 3, 'more host')} (--json)")
