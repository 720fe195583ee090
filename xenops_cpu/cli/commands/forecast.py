"""xenops-cpu forecast: where a rolling update of a pool will stop, and what lets it through."""

from __future__ import annotations

import argparse

from ...pools.forecast import Outcome
from .. import (
    ANSWERED_WITH_AN_ERROR,
    OK,
    command_line,
    pool_arguments,
    prospects,
    targets,
    terminal,
    vm_arguments,
)
from ..words import forecast as forecast_words
from ..words import forecast_json
from ..words import pool as words

_EXAMPLES = """  xenops-cpu forecast xapi://reader@xs-01 --to-xen xenserver-8     # a pool that runs
  xenops-cpu forecast xapi-db.xml --to-microcode newest --commands
  xenops-cpu forecast report-1.tar.bz2 report-2.tar.bz2 --to-xen xenserver-8-4.17.6-2
  xenops-cpu forecast cpu:xeon-gold-6240@4.17 cpu:xeon-gold-6154@4.17 --to-xen 4.20
  xenops-cpu forecast pool.xml --to xs-01=xs-01-updated.json --to-xen xs-02=4.20
  xenops-cpu forecast pool.xml --to-xen 4.20 --order xs-01,xs-03,xs-02

exit codes:
  0  the update goes through
  1  it stops, or may stop: the output says where, for whom, and what helps
  2  wrong use      3  something cannot be read
"""

_VERDICTS = {
    OK: "the update goes through",
    ANSWERED_WITH_AN_ERROR: "the update stops, or may stop",
}


def parser() -> argparse.ArgumentParser:
    parser = pool_arguments.parser(
        "forecast",
        "Where a rolling update of a pool will stop: the hosts one after the other as xapi does "
        "it, coordinator first. For each step: whom the evacuation asks, and which VMs cannot "
        "leave for which features; then what lets it through.",
        _EXAMPLES,
    )
    parser.add_argument("hosts", metavar="HOST", nargs="+", help=pool_arguments.HOST_HELP)
    parser.add_argument(
        "--vm", metavar="VM", nargs="+", action="extend", default=[], help=vm_arguments.HELP
    )
    targets.add_all_options(parser)
    parser.add_argument(
        "--commands", action="store_true", help="the whole update as commands of xe, to paste"
    )
    pool_arguments.add_notes(parser)
    command_line.add_quiet(parser, _VERDICTS)
    return parser


def run(arguments: argparse.Namespace) -> int:
    typed = pool_arguments.hosts(arguments.hosts, arguments)
    vms = vm_arguments.all_vms(arguments.vm, arguments, files=arguments.hosts)
    forecast = prospects.forecast(typed, vms, arguments)
    if arguments.json:
        document = forecast_json.document(forecast.outlook, forecast.basis, forecast.worse)
        terminal.print_json({**document, "microcode": targets.microcode_json(forecast.updates)})
    else:
        forecast_words.tell(
            forecast.outlook, forecast.basis, arguments.commands, certain=forecast.certain
        )
        targets.tell_microcode(forecast.updates)
        words.tell_notes([each.member for each in typed], arguments.notes)
    through = forecast.outlook.outcome is Outcome.GOES_THROUGH and forecast.certain
    return OK if through else ANSWERED_WITH_AN_ERROR
