"""xenops-cpu report: a pool as one HTML file for people."""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ... import report
from ...pools.grid import grid
from ...pools.level import level_of
from ...pools.member import Member
from ...pools.vm import Vm
from ...pools.words import some
from .. import OK, Failure, gate, pool_arguments, targets, terminal, vm_arguments
from ..arguments import release
from ..output_files import write_file
from ..progress import Progress
from ..words import pool as words

if TYPE_CHECKING:
    from ..prospects import Asked

_EXAMPLES = """  xenops-cpu report --html pool.html host-7.json host-8.json --vm vms.txt
  xenops-cpu report --html pool.html bugtool.tar.bz2     # its hosts and its VMs
  xenops-cpu report --html pool.html xapi://reader@xs-01 # a pool that runs
  xenops-cpu report cpu:xeon-gold-6154 cpu:core-i7-4930k --xen 4.17 > pool.html
  xenops-cpu report --html update.html xapi-db.xml --to-xen xenserver-8   # with a forecast

exit codes: 0 the page is written; 2 wrong use; 3 something cannot be read or written, or Jinja2 is
missing
"""


def parser() -> argparse.ArgumentParser:
    command = pool_arguments.parser(
        "report",
        "A pool as one HTML file, to be read, mailed and printed: first which VMs cannot go where "
        "and what to do, then the hosts, what they differ in, what is lost and why, and what that "
        "means for safety. docs/report.md says what each part means. With what hosts are to be "
        "updated to, it has a forecast of the rolling update as well.",
        _EXAMPLES,
    )
    command.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    command.add_argument(
        "--html", metavar="FILE", default="-", help="the file to write (default: standard output)"
    )
    command.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=vm_arguments.HELP
    )
    command.add_argument("--title", metavar="TEXT", help="the heading (default: names the hosts)")
    targets.add_all_options(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    typed = pool_arguments.hosts(arguments.hosts, arguments)
    hosts = [each.member for each in typed]
    vms = vm_arguments.all_vms(arguments.vm, arguments, files=arguments.hosts)
    update = None
    if targets.asked(arguments):
        from .. import prospects  # takes much that a report without a forecast does without

        update = prospects.forecast(typed, vms, arguments)
    if arguments.json:
        _print_json(arguments, hosts, vms, update)
        return OK
    text = _page(arguments, hosts, vms, update)
    if arguments.html == "-":
        gate.of(sys.stdout).document(text)
    else:
        write_file(Path(arguments.html), text)
    return OK


def _print_json(
    arguments: argparse.Namespace,
    hosts: Sequence[Member],
    vms: Sequence[Vm],
    update: Asked | None,
) -> None:
    document = None
    if update is not None:
        from ..words import forecast_json

        document = forecast_json.document(update.outlook, update.basis, update.worse)
    xen = release(arguments)
    guests = pool_arguments.guest_types(hosts, pool_arguments.wanted_type(arguments))
    levels = [level_of(hosts, guest, xen) for guest in guests]
    terminal.print_json(
        {
            "levels": [words.level_json(hosts, level) for level in levels if level.hosts],
            "verdicts": words.grid_json(grid(vms, hosts), vms, hosts),
            "forecast": document,
        }
    )


def _page(
    arguments: argparse.Namespace,
    hosts: Sequence[Member],
    vms: Sequence[Vm],
    update: Asked | None,
) -> str:
    """Raises Failure where the page's engine is missing."""
    course = None
    if update is not None:
        from ...report.update import course_of

        course = course_of(update.outlook, update.basis, certain=update.certain)
    title = arguments.title or f"CPU features of {some([host.name for host in hosts], 3)}"
    with Progress("checking VMs", len(vms)) as bar:
        try:
            return report.page(
                title,
                hosts,
                vms,
                guests=pool_arguments.guest_types(hosts, pool_arguments.wanted_type(arguments)),
                xen=release(arguments),
                date_line=f"made on {datetime.date.today():%d %B %Y}",
                forecast=course,
                progress=bar.step,
            )
        except report.EngineError as error:
            raise Failure(str(error)) from error
