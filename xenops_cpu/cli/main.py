"""xenops-cpu: finds the command and runs it. Commands are imported only when they are asked for."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence

from .. import __version__
from ..files import FileError
from . import BROKEN_PIPE, CANNOT_BE_READ, FAULT, OK, WRONG_USAGE, Failure, gate, live
from . import arguments as arguments_

COMMANDS = {
    "serve": "answer HOST.get_cpu_info and its kin on a Unix socket",
    "info": "this host for people: what guests get at boot and may bring in a migration",
    "decode": "a featureset, or one word of it, bit by bit",
    "diff": "what differs between two featuresets, policies or hosts, and what it means",
    "explain": "what a feature is, and on a host in which sets it is and why",
    "policy": "CPU policies: leaves and MSRs shown, compared, written as text",
    "history": "what this host was before, when it changed, and the likely cause",
    "vm": "what one VM has on a host: its whole policy, what its guest reads, and why",
    "call": "call any method of a running service",
    "simulate": "what a Xen release would offer on any CPU, and why",
    "cpus": "the CPUs that are shipped, and what each microcode update made of them",
    "check": "may this VM boot, resume or migrate there? what is missing, why, what to do",
    "level": "what a pool's hosts can all give, who costs it what, what is lost",
    "plan": "what changes for a pool and for which VMs when a host joins, leaves or is updated",
    "forecast": "where a rolling update of a pool will stop, for which VMs, and what helps",
    "split": "the best partition of hosts into sub-pools when one level costs too much",
    "fleet": "hosts of many pools as rows for DuckDB, Spark and their like, and their levels",
    "audit": "stored records of hosts, pools and VMs held to what they should be",
    "emit": "configuration text that gives a guest a level, for xl, libvirt or xapi",
    "report": "a pool as one HTML file: hosts, features, costs, losses, VMs",
    "watch": "a live pool: which CPU features come and go, by name, as it happens",
    "read": "what bug reports, xen-cpuid's output, dumps and suspend images tell",
    "capture": "write all that is known of this host to a file",
    "completion": "completion of commands and options for bash, zsh or fish",
}

DESCRIPTION = "Which CPU features does a VM see on this Xen host, at boot and after a migration?"

EXIT_CODES = """exit codes:
  0  done
  1  the answer is an error or a "no"
  2  wrong use: an unknown command, option or argument
  3  a file, a socket or a source cannot be read or written
 70  a fault in this program
141  whoever read the output went away before it was whole
check has codes of its own beside these (see its --help)
"""


def _usage() -> str:
    rows = "\n".join(f"  {name:<10} {words}" for name, words in COMMANDS.items())
    return (
        "usage: xenops-cpu COMMAND [OPTION ...]\n\n"
        f"{DESCRIPTION}\n\n"
        f"commands ('xenops-cpu COMMAND --help' tells more):\n{rows}\n\n{EXIT_CODES}"
    )


def _typed(text: str) -> str:
    """`-#NAME` is one of those that come by standard input, and no option."""
    return f"/dev/stdin{text[1:]}" if text.startswith("-#") else text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; says on standard error what went wrong."""
    with gate.at_the_output():
        return _main(sys.argv[1:] if arguments is None else arguments)


def _main(arguments: Sequence[str]) -> int:
    name = arguments[0] if arguments else ""
    spoken = f"xenops-cpu {name}" if name in COMMANDS else "xenops-cpu"
    try:
        code = _run(name, arguments[1:])
        sys.stdout.flush()
    except Failure as failure:
        _say(f"{spoken}: {failure}\n")
        return failure.code
    except FileError as error:
        _say(f"{spoken}: {error}\n")
        return CANNOT_BE_READ
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; nothing is left to say to them. But the answer
        # was not given, so the exit code may not be that of one.
        gate.of(sys.stdout).give_up()
        return BROKEN_PIPE
    except OSError as error:
        where = error.filename or "standard output"
        _say(f"{spoken}: {where}: {error.strerror}\n")
        if error.filename is None:
            gate.of(sys.stdout).give_up()
        return CANNOT_BE_READ
    except Exception as error:
        if os.environ.get("XENOPS_CPU_DEBUG"):
            raise
        _say(
            f"{spoken}: a fault in this program, please report it: "
            f"{type(error).__name__}: {error} (XENOPS_CPU_DEBUG=1 shows where)\n"
        )
        return FAULT
    return code


def _run(name: str, arguments: Sequence[str]) -> int:
    if name in ("-h", "--help", "help"):
        sys.stdout.write(_usage())
        return OK
    if name in ("-V", "--version"):
        print(f"xenops-cpu {__version__}")
        return OK
    if name not in COMMANDS:
        problem = f"there is no command {name!r}" if name else "a command is missing"
        _say(f"xenops-cpu: {problem}\n\n{_usage()}")
        return WRONG_USAGE
    # What goes wrong is said once, as the command's own sentence; only the daemon keeps a log.
    logging.getLogger("xenops_cpu").addHandler(logging.NullHandler())
    command = importlib.import_module(f"{__package__}.commands.{name}")
    parser: argparse.ArgumentParser = command.parser()
    try:
        options = parser.parse_args([_typed(text) for text in arguments])
    except SystemExit as end:  # --help, or wrong use that argparse has explained already
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    arguments_.forget()
    live.given(options)
    code: int = command.run(options)
    return code


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
