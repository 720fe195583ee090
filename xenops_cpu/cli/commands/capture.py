"""xenops-cpu capture: a host into a file, to be served or examined elsewhere."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ...hosts import capture
from ...sources import SourceError
from .. import OK, Failure, command_line, options
from ..output_files import write_file

_EXAMPLES = """  xenops-cpu capture host-7.json                       # this host, as it is now
  xenops-cpu capture - --source example:epyc-xen-4.17  # to standard output
  xenops-cpu serve --source recorded:host-7.json       # elsewhere: answer for that host
"""


def parser() -> argparse.ArgumentParser:
    command = command_line.parser(
        "capture", "Write all that is known of a host to FILE (docs/captures.md).", _EXAMPLES
    )
    command.add_argument("file", metavar="FILE", help="the file to write; - is standard output")
    options.add_source(command)
    return command


def run(arguments: argparse.Namespace) -> int:
    try:
        text = capture.dump(options.source(arguments).read())
    except SourceError as error:
        raise Failure(str(error)) from error
    if arguments.file == "-":
        sys.stdout.write(text)
    else:
        write_file(Path(arguments.file), text)
    return OK
