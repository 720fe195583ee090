"""xenops-cpu: finds the command and runs it. Commands are imported only when they are asked for."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

from ..errors import FileError
from ..version import __version__
from . import BROKEN_PIPE, CANNOT_BE_READ, FAULT, OK, WRONG_USAGE, Failure, gate, live, terminal
from . import arguments as arguments_
from .overview import COMMANDS, OTHER_WORDS, TOPICS, overview, suggestion

if TYPE_CHECKING:
    import argparse


_OBJECTS_UNTIL_GARBAGE = 50_000


def _typed(text: str) -> str:
    """`-#NAME` is one of those that come by standard input, and no option."""
    return f"/dev/stdin{text[1:]}" if text.startswith("-#") else text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and give its exit code; says on standard error what went wrong."""
    if arguments is not None:
        with gate.at_the_output():
            return _main(arguments)
    # As a program: Python would look for garbage at every 700 new objects, and through all of them
    # at its end, which is an eighth of a short command.
    gc.set_threshold(_OBJECTS_UNTIL_GARBAGE)
    with gate.at_the_output():
        code = _main(sys.argv[1:])
    if "threading" not in sys.modules and not os.environ.get("XENOPS_CPU_DEBUG"):
        _leave(code)  # a profiler, which writes at the end, wants the variable
    gc.freeze()
    return code


def _leave(code: int) -> NoReturn:
    """End at once. Of a command that took no more than text nothing has to be closed, waited for or
    written, and to take all its objects apart would be another eighth of it.
    """
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(code)


def _main(arguments: Sequence[str]) -> int:
    arguments = _command_first(arguments)
    name = arguments[0] if arguments else ""
    program = f"xenops-cpu {name}" if name in COMMANDS else "xenops-cpu"
    try:
        code = _run(name, arguments[1:])
        sys.stdout.flush()
    except Failure as failure:
        _say(f"{program}: {failure}\n")
        return failure.code
    except FileError as error:
        _say(f"{program}: {error}\n")
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
        _say(f"{program}: {where}: {error.strerror}\n")
        if error.filename is None:
            gate.of(sys.stdout).give_up()
        return CANNOT_BE_READ
    except Exception as error:
        if os.environ.get("XENOPS_CPU_DEBUG"):
            raise
        _say(
            f"{program}: a fault in this program, please report it: "
            f"{type(error).__name__}: {error} (XENOPS_CPU_DEBUG=1 shows where)\n"
        )
        return FAULT
    return code


def _command_first(arguments: Sequence[str]) -> Sequence[str]:
    """-q and --color before the name of a command are options of the command."""
    end = 0
    while end < len(arguments):
        word = arguments[end]
        if word == "--color":
            end += 2
        elif word in ("-q", "--quiet") or word.startswith("--color="):
            end += 1
        else:
            break
    command = arguments[end:]
    if not end or not command or command[0] not in COMMANDS:
        return command
    from .command_line import behind

    return behind(command, arguments[:end])


def _run(name: str, arguments: Sequence[str]) -> int:
    if name in ("-h", "--help", "help"):
        return _help(arguments)
    if name in ("-V", "--version"):
        print(f"xenops-cpu {__version__}")
        return OK
    if not name:
        _say(f"xenops-cpu: a command is missing\n\n{overview()}")
        return WRONG_USAGE
    if name not in COMMANDS:
        raise _unknown(name)
    command = importlib.import_module(f"{__package__}.commands.{name}")
    if "logging" in sys.modules:  # it has rooms of the service
        # What goes wrong is said once, as the command's own sentence; only the daemon keeps a log.
        import logging

        logging.getLogger("xenops_cpu").addHandler(logging.NullHandler())
    parser: argparse.ArgumentParser = command.parser()
    try:
        options = parser.parse_args([_typed(text) for text in arguments])
    except SystemExit as end:  # --help, or wrong use that argparse has explained already
        return end.code if isinstance(end.code, int) else WRONG_USAGE
    arguments_.forget()
    live.choose(options)
    with terminal.colored(_color(options)):
        if getattr(options, "quiet", False):
            return _quietly(command.run, options)
        code: int = command.run(options)
        return code


def _color(options: argparse.Namespace) -> terminal.Color:
    when: terminal.Color = getattr(options, "color", "auto")
    if when == "always" and not terminal.has_rich():
        raise Failure("--color always: colour needs the package rich", WRONG_USAGE)
    return when


def _quietly(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """-q: the answer as one line. What went wrong is said as ever, on standard error."""
    if getattr(options, "json", False):
        raise Failure("--quiet and --json exclude each other", WRONG_USAGE)
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        code = run(options)
    print(options.verdicts[code])
    return code


def _help(arguments: Sequence[str]) -> int:
    """The overview, a topic, or a command's own help (`help plan join`: of a part of it)."""
    if not arguments:
        sys.stdout.write(overview())
        return OK
    name, *more = arguments
    if name in COMMANDS:
        return _run(name, [*more, "--help"])
    if name.lower() in TOPICS:
        sys.stdout.write(TOPICS[name.lower()])
        return OK
    raise _unknown(name)


def _unknown(name: str) -> Failure:
    other = OTHER_WORDS.get(name.lower())
    hint = f"; {other} may be what you want" if other else suggestion(name, COMMANDS)
    hint = hint or "; 'xenops-cpu help' lists all"
    return Failure(f"there is no command {name!r}{hint}", WRONG_USAGE)


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
