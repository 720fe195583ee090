"""xenops-cpu report: a pool as one HTML file for people."""

from __future__ import annotations

import argparse
import datetime
import sys
from pathlib import Path

from ...pools import report
from ...pools import words as told
from ...pools.grid import grid
from ...pools.level import level_of
from .. import OK, gate, pool_arguments, targets, terminal, vm_arguments
from .. import pool_words as words
from ..arguments import release
from ..output_files import write_file
from ..progress import Progress

_EXAMPLES = """  xenops-cpu report --html pool.html host-7.json host-8.json --vm vms.txt
  xenops-cpu report --html pool.html bugtool.tar.bz2     # its hosts and its VMs
  xenops-cpu report cpu:xeon-gold-6154 cpu:core-i7-4930k --xen 4.17 > pool.html
  xenops-cpu report --html update.html xapi-db.xml --to-xen xenserver-8   # with a forecast
"""


def parser() -> argparse.ArgumentParser:
    made = pool_arguments.parser(
        "report",
        "A pool as one HTML file, to be read, mailed and printed: which hosts differ in what, who "
        "costs what, what is lost and why, what that means for safety, and the verdict of each VM "
        "on every host.",
        _EXAMPLES,
    )
    made.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    made.add_argument(
        "--html", metavar="FILE", default="-", help="the file to write (default: standard output)"
    )
    made.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=vm_arguments.HELP
    )
    made.add_argument("--title", metavar="TEXT", help="the heading (default: names the hosts)")
    targets.add_all_options(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    typed = pool_arguments.hosts(arguments.hosts, arguments)
    hosts = [each.member for each in typed]
    vms = vm_arguments.all_vms(arguments.vm, arguments, files=arguments.hosts)
    guests = pool_arguments.guest_types(hosts, pool_arguments.wanted_type(arguments))
    xen = release(arguments)
    update = document = None
    if targets.asked(arguments):
        from .. import forecast_json, prospects

        asked = prospects.forecast(typed, vms, arguments)
        update = (asked.outlook, asked.basis)
        document = forecast_json.document(*update)
    if arguments.json:
        levels = [level_of(hosts, guest, xen) for guest in guests]
        terminal.print_json(
            {
                "levels": [words.level_json(hosts, level) for level in levels if level.hosts],
                "verdicts": words.grid_json(grid(vms, hosts), vms, hosts),
                "forecast": document,
            }
        )
        return OK
    title = arguments.title or f"CPU features of {told.some([h.name for h in hosts], 3)}"
    with Progress("checking VMs", len(vms)) as bar:
        text = report.page(
            title,
            hosts,
            vms,
            guests=guests,
            xen=xen,
            made=f"made on {datetime.date.today():%d %B %Y}",
            progress=bar.step,
            update=update,
        )
    if arguments.html == "-":
        gate.of(sys.stdout).document(text)
    else:
        write_file(Path(arguments.html), text)
    return OK
