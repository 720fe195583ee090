"""xenops-cpu capture: a host into a file, to be served or examined elsewhere."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from ...hosts import capture
from ...sources import SourceError
from .. import OK, Failure, options

_EXAMPLES = """  xenops-cpu capture host-7.json                       # this host, as it is now
  xenops-cpu capture - --source example:epyc-xen-4.17  # to standard output
  xenops-cpu serve --source recorded:host-7.json       # elsewhere: answer for that host
"""


def parser() -> argparse.ArgumentParser:
    made = options.parser(
        "capture", "Write all that is known of a host to FILE (docs/captures.md).", _EXAMPLES
    )
    made.add_argument("file", metavar="FILE", help="the file to write; - is standard output")
    options.add_source(made)
    return made


def run(arguments: argparse.Namespace) -> int:
    try:
        text = capture.dump(options.source(arguments).read())
    except SourceError as error:
        raise Failure(str(error)) from error
    if arguments.file == "-":
        sys.stdout.write(text)
    else:
        replace(Path(arguments.file), text)
    return OK


def replace(path: Path, text: str) -> None:
    """Whole or not at all: a reader never sees half a capture.

    A device, a pipe or a link is written to: a file put in its place would take it away.
    """
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_text(text)
            return
        handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w") as file:
                file.write(text)
            umask = os.umask(0)
            os.umask(umask)
            os.chmod(made, 0o666 & ~umask)
            os.replace(made, path)
        except BaseException:
            os.unlink(made)
            raise
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}") from error
