"""xenops-cpu examples: the hosts that are shipped, each captured from a real Xen."""

from __future__ import annotations

import argparse
from typing import Any

from ...hosts.host import Host
from ...sources import recorded
from .. import OK, command_line, terminal

_EXAMPLES = """  xenops-cpu examples                       # all
  xenops-cpu info --source example:epyc-xen-4.17
  xenops-cpu examples --json | jq -r .examples[].host

exit codes: 0 done, 2 wrong use
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "examples",
        "The hosts that come with the program, each captured from a real Xen. Every command that "
        "takes a HOST takes example:NAME.",
        _EXAMPLES,
    )
    command.add_argument("--json", action="store_true", help="for programs (docs/json.md)")
    return command


def run(arguments: argparse.Namespace) -> int:
    hosts = {name: recorded.Example(name).read() for name in recorded.examples()}
    if arguments.json:
        terminal.print_json({"examples": [_document(*pair) for pair in hosts.items()]})
        return OK
    terminal.table(
        ("host", "release", "CPU", "words"),
        [
            (
                f"example:{name}",
                host.release.title,
                host.processor.modelname,
                str(host.featuresets.host.length),
            )
            for name, host in hosts.items()
        ],
    )
    return OK


def _document(name: str, host: Host) -> dict[str, Any]:
    """For programs: docs/json.md."""
    return {
        "host": f"example:{name}",
        "origin": host.origin,
        "release": host.release.name,
        "cpu": host.processor.modelname,
        "words": host.featuresets.host.length,
    }
