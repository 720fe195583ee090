"""xenops-cpu serve: the daemon."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from pathlib import Path
from typing import TextIO

from ... import log
from .. import OK, Failure, options

_EXAMPLES = """  xenops-cpu serve                                             # this host
  xenops-cpu serve --socket /tmp/xenops-cpu.sock               # on a socket of your own
  xenops-cpu serve --source recorded:host-7.json               # a host captured elsewhere
  xenops-cpu serve --socket-mode 660 --socket-group xapi       # for one group
"""


def _mode(text: str) -> int:
    mode = int(text, 8)
    if not 0 <= mode <= 0o777:
        raise ValueError
    return mode


_mode.__name__ = "file mode"


def _limits() -> str:
    """The table of limits, for the help."""
    import textwrap

    from ... import limits

    lines = ["limits (docs/reliability.md):"]
    for name, value, meaning in limits.table():
        lines.append(f"  {name}: {value}")
        lines.extend(textwrap.wrap(meaning, 76, initial_indent=" " * 6, subsequent_indent=" " * 6))
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    made = options.parser(
        "serve",
        "Answer on a Unix socket, in XML-RPC and JSON-RPC, until SIGTERM or SIGINT.",
        _EXAMPLES,
        _limits,
    )
    made.add_argument(
        "--socket", type=Path, metavar="PATH", help=f"default: {options.socket_to_serve()}"
    )
    made.add_argument(
        "--socket-mode", type=_mode, default=0o600, metavar="MODE", help="octal (600)"
    )
    made.add_argument("--socket-group", metavar="GROUP", help="who else may connect")
    options.add_source(made)
    made.add_argument(
        "--on-inconsistent",
        choices=("error", "warn"),
        default="error",
        help="when a default policy is not within its max: answer with an error, or only log it",
    )
    made.add_argument("--loglevel", choices=log.LEVELS, default="info")
    return made


def _this_program() -> str:
    """As the person who started it can type it."""
    name = Path(sys.argv[0]).name
    if name == "__main__.py":
        return f"{sys.executable} -m xenops_cpu"
    return name if shutil.which(name) else sys.argv[0]


def run(arguments: argparse.Namespace) -> int:
    from ... import daemon

    log.to_stream(arguments.loglevel)
    path = (arguments.socket or options.socket_to_serve()).absolute()
    source = options.source(arguments)

    def ready() -> None:
        with contextlib.suppress(OSError):  # nobody may hear it, but callers may be there
            print(f"serving {source.name} on {path}")
            print(f"ask it: {_this_program()} info --socket {path}", flush=True)
        _give_up_what_is_unsaid(sys.stdout)

    try:
        daemon.serve(
            path,
            source,
            on_inconsistent=arguments.on_inconsistent,
            mode=arguments.socket_mode,
            group=arguments.socket_group,
            ready=ready,
        )
    except daemon.SocketError as error:
        raise Failure(str(error)) from error
    _give_up_what_is_unsaid(sys.stderr)
    return OK


def _give_up_what_is_unsaid(stream: TextIO | None) -> None:
    """What could not be written must not fail once more when Python ends (with exit code 120)."""
    if stream is None:  # closed before the start
        return
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
