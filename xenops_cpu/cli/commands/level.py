"""xenops-cpu level: what a pool's hosts can all give, who costs what, and what is lost."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ...interface import SecurityKind
from ...pools import security
from ...pools import words as phrases
from ...pools.level import Level, kinds, level_of
from ...pools.member import Member
from .. import OK, Failure, pool_arguments, terminal
from ..arguments import release
from ..words import pool as words

if TYPE_CHECKING:
    from ...guests.numbers import Number
    from ...pools.numbers import Numbers

_EXAMPLES = """  xenops-cpu level host-7.json host-8.json host-9.json
  xenops-cpu level cpu:xeon-gold-6154 cpu:core-i7-4930k --xen 4.17 --type hvm
  xenops-cpu level old=1fc9cbf5-f6f83203-… new=1fc9cbf5-f6fa3203-…  # xe host-get-cpu-features
  xenops-cpu level bugtool.tar.bz2 --reasons    # all hosts of a bug report
  xenops-cpu level @hosts.txt --json | jq '.levels[0].featureset'
"""

# Hosts and reasons beyond these are counted, unless --json is given.
_MOST_ROWS = 30


def parser() -> argparse.ArgumentParser:
    command = pool_arguments.parser(
        "level",
        "The level of a pool: the features that every host can give, for each guest type. What "
        "each host costs it, what is lost in speed and in safety, and which host makes all guests "
        "do extra work.",
        _EXAMPLES,
    )
    command.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    command.add_argument("--reasons", action="store_true", help="why each feature is lost")
    command.add_argument("--names", action="store_true", help="all features of the level by name")
    pool_arguments.add_hex(command)
    pool_arguments.add_notes(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    hosts = pool_arguments.members(arguments.hosts, arguments)
    xen = release(arguments)
    guests = pool_arguments.guest_types(hosts, pool_arguments.wanted_type(arguments))
    levels = [level_of(hosts, guest, xen) for guest in guests]
    if not any(level.hosts for level in levels):
        raise Failure("none of the hosts runs such guests, so there is no level")
    if arguments.json:
        terminal.print_json(
            {
                "levels": [
                    words.level_json(hosts, level) | _numbers_json(hosts, level) for level in levels
                ],
                "vendors": phrases.vendors(hosts),
                "warnings": list(filter(None, [phrases.several_vendors(hosts)])),
                "notes": list(phrases.notes(hosts)),
            }
        )
        return OK
    if warning := phrases.several_vendors(hosts):
        terminal.paragraph(f"warning: {warning}", hanging=2, style="red")
        print()
    for level in levels:
        _tell(level, hosts, arguments)
        print()
    words.tell_notes(hosts, arguments.notes)
    return OK


def _tell(level: Level, hosts: Sequence[Member], arguments: argparse.Namespace) -> None:
    terminal.heading(
        f"{phrases.GUESTS[level.guest]}: {phrases.givers(level)} gives "
        f"{phrases.count(len(level.featureset), 'feature')} ({phrases.rules(level)})"
    )
    if level.skipped:
        terminal.paragraph(
            f"not counted, because no such guests run there: {phrases.some(level.skipped)}",
            indent=2,
            hanging=2,
        )
    if arguments.hex:
        terminal.line(f"  {level.featureset}")
    if arguments.names:
        terminal.paragraph(" ".join(level.names), indent=2)
    if level.hosts and len(level.hosts) > 1:
        tell_costs(level, hosts)
        tell_losses(level, arguments.reasons)
        tell_registers(hosts, level)
        tell_security(hosts, level)
        _tell_numbers(hosts, level)


def tell_registers(hosts: Sequence[Member], level: Level) -> None:
    """What VMs have other than the level, by the host where they boot."""
    for sentence in phrases.registers(words.own_registers(hosts, level), level.release):
        terminal.paragraph(sentence, indent=2, hanging=2)


def tell_costs(level: Level, hosts: Iterable[Member]) -> None:
    """A row for each kind of host: what it gives and gives up, what it keeps from the others."""
    rows = [
        (
            phrases.some(kind.hosts, 3),
            str(len(kind.gives)),
            str(len(kind.gives - level.featureset)),
            str(len(kind.cost.lacks)),
            phrases.some(level.release.names(kind.cost.alone), 8).replace(",", "") or "-",
        )
        for kind in kinds(level, hosts)
    ]
    headers = ("host", "gives", "gives up", "lacks", "it alone keeps from the others")
    terminal.table(headers, rows[:_MOST_ROWS], indent=2)
    if len(rows) > _MOST_ROWS:
        terminal.line(
            f"  and {phrases.count(len(rows) - _MOST_ROWS, 'more kind')} of host (--json)"
        )


def tell_losses(level: Level, reasons: bool) -> None:
    """What some host has and the level has not, by what it is; why, if asked for."""
    if not level.losses:
        terminal.line("  nothing is lost: no host has a feature that the level has not")
    else:
        terminal.line(f"  lost, {phrases.count(len(level.losses), 'feature')}:")
    for title, losses in words.losses_by_group(level):
        terminal.paragraph(
            f"{title}: {' '.join(loss.name for loss in losses)}", indent=4, hanging=2
        )
        if reasons:
            for reason, alike in phrases.by_reason(losses).items():
                names = " ".join(loss.name for loss in alike)
                terminal.paragraph(f"{names}: {reason}", indent=8, hanging=2)
    for sentence in phrases.brought(level):
        terminal.paragraph(sentence, indent=2, hanging=2)


def tell_security(hosts: Sequence[Member], level: Level) -> None:
    """Who makes all guests work, which immunities and controls are lost."""
    findings = security.readings(hosts, level)
    for kind in SecurityKind:
        of_kind = [finding for finding in findings if finding.kind is kind]
        if of_kind:
            terminal.line(f"  {phrases.SECURITY[kind]}:")
        for finding in of_kind:
            terminal.paragraph(phrases.reading(finding), indent=4, hanging=2)


def _numbers(hosts: Sequence[Member], level: Level) -> Numbers:
    from ...pools.numbers import of_level  # with whole policies, and all that decides on them

    return of_level(level.featureset, hosts, level.guest)


def _tell_numbers(hosts: Sequence[Member], level: Level) -> None:
    """Limits, widths and sizes that differ, with what sets them; of whom they are not known."""
    numbers = _numbers(hosts, level)
    if numbers.differing:
        terminal.line("  numbers are not levelled:")
    elif numbers.several:
        terminal.line("  limits, address widths and sizes are the same everywhere")
    for number in numbers.differing:
        terminal.paragraph(_number(number), indent=4, hanging=2)
    for text in numbers.assumed if numbers.differing else ():
        terminal.paragraph(f"note: {text}", indent=4, hanging=2)
    if numbers.several and numbers.unknown:
        terminal.paragraph(
            f"not known of {phrases.some(numbers.unknown, 3)}, whose CPU policies are not", 4, 2
        )


def _number(number: Number) -> str:
    having: dict[int, list[str]] = {}
    for host, value in number.values.items():
        having.setdefault(value, []).append(host)
    values = (
        f"{number.show(value)} on {phrases.some(names, 3)}" for value, names in having.items()
    )
    if number.xend:
        setting = f'xl gives all {number.show(number.least)} by cpuid=["{number.xend}"]'
    else:
        setting = f"nothing sets it: {number.why_not}"
    return f"{number.title}: {', '.join(values)}; {setting}"


def _numbers_json(hosts: Sequence[Member], level: Level) -> dict[str, Any]:
    numbers = _numbers(hosts, level)
    return {
        "numbers": [
            {
                "title": number.title,
                "values": dict(number.values),
                "least": number.least,
                "same": number.same,
                "xend": number.xend,
                "why_not": number.why_not,
            }
            for number in numbers.numbers
        ],
        "numbers_unknown": list(numbers.unknown),
        "numbers_assumed": list(numbers.assumed),
    }
