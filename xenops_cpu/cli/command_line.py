"""The command line of a command, and of the parts of one: what all parsers have in common."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import FileError
from . import WRONG_USAGE, gate, terminal
from .overview import suggestion

if TYPE_CHECKING:
    from pathlib import Path

_NO_CHOICE = r"invalid choice: '([^']*)' \(choose from (.*)\)"
_UNKNOWN_WIDTH = 80  # argparse's own


def _option_names(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Of a parser and of the parts of its command."""
    yield from parser._option_string_actions
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for part in action.choices.values():
                yield from _option_names(part)


def _part_first(arguments: Sequence[str], parts: Container[str]) -> Sequence[str]:
    """What stands before the name of a part is an option of the part: argparse wants it behind."""
    if not arguments or not arguments[0].startswith("-") or arguments[0] in ("-h", "--help"):
        return arguments
    for place, word in enumerate(arguments):
        if word in parts:
            return behind(arguments[place:], arguments[:place])
    return arguments


def behind(arguments: Sequence[str], options: Sequence[str]) -> list[str]:
    """The arguments with the options behind them: before `--`, after which nothing is one."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    return [*arguments[:end], *options, *arguments[end:]]


# Of a command, or a part of one, that has no others.
EXIT_CODES = """
exit codes: 0 done, 2 wrong use, 3 something cannot be read or written
"""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Examples and exit codes stand as they are, what the command does fills the width."""

    def __init__(self, prog: str, *args: Any, **more: Any) -> None:
        # argparse makes one for each option, to check its metavar, and asks shutil for the width.
        super().__init__(prog, *args, **{"width": gate.columns(_UNKNOWN_WIDTH) - 2, **more})

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" in text:
            return super()._fill_text(text, width, indent)
        import textwrap

        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


def path(text: str) -> Path:
    """What argparse makes of the name of a file; most commands are given none."""
    from pathlib import Path

    return Path(text)


NO_PARTS: Mapping[str, Parser] = {}


class Parser(argparse.ArgumentParser):
    """Of a command, or of a part of one: what all of them take is added here."""

    # What is made only when somebody asks for the help.
    more_help: Callable[[], str] | None = None
    # Whether @FILE stands for the arguments in a file; argparse would read any file to its end.
    takes_files = False
    color: bool

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{"formatter_class": _Formatter, "allow_abbrev": False, **more})
        self.color = False  # those of argparse in Python 3.14: the gate would not let them pass
        self.add_argument(
            "--color",
            choices=terminal.COLORS,
            default=argparse.SUPPRESS,
            help="colour: auto (the default) for people at a terminal; NO_COLOR and FORCE_COLOR "
            "are heeded then",
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        if self.takes_files:
            from . import argument_files

            try:
                args = argument_files.expanded(sys.argv[1:] if args is None else args)
            except FileError as error:
                self.error(str(error))
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                args = _part_first(args, action.choices)
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        more = "" if self.more_help is None else f"\n{self.more_help()}\n"
        return super().format_help() + more

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does, and what it does not know is met with what is close to it."""
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            for action in self._actions:
                if isinstance(action, argparse._SubParsersAction):
                    action.choices[getattr(options, action.dest)].refuse(unknown, action.choices)
            self.refuse(unknown)
        return options

    def refuse(self, unknown: Sequence[str], parts: Mapping[str, Parser] = NO_PARTS) -> NoReturn:
        """Arguments without a place here. `parts`: this one and the others of the same command."""
        word = next((text for text in unknown if text.startswith("-")), unknown[0])
        option = word.partition("=")[0]
        if not word.startswith("-"):
            self.error(f"there is no place for the argument {word!r}")
        owners = [name for name, part in parts.items() if option in part._option_string_actions]
        if owners:
            self.error(f"{option} goes with {' and '.join(owners)} only")
        self.error(f"there is no option {word!r}{suggestion(option, list(_option_names(self)))}")

    def error(self, message: str) -> NoReturn:
        """One sentence, and where the help is."""
        choice = re.search(_NO_CHOICE, message)
        if choice:
            message += suggestion(choice[1], re.findall(r"[\w.-]+", choice[2]))
        self.exit(WRONG_USAGE, f"{self.prog}: {message}\nsee: {self.prog} --help\n")

    def print_help(self, file: Any = None) -> None:
        """argparse itself would say nothing when it cannot be written, and end with 0."""
        (file or sys.stdout).write(self.format_help())


def parser(
    command: str, description: str, examples: str, more: Callable[[], str] | None = None
) -> Parser:
    """A parser whose help ends with examples, and with what `more` makes."""
    command_parser = Parser(
        prog=f"xenops-cpu {command}",
        description=description,
        epilog=f"examples:\n{examples}{'' if 'exit codes' in examples else EXIT_CODES}",
    )
    command_parser.more_help = more
    return command_parser


def add_quiet(parser: argparse.ArgumentParser, verdicts: Mapping[int, str]) -> None:
    """-q of a command whose exit code is its answer: `verdicts` has the one line for each code."""
    parser.set_defaults(verdicts=verdicts)
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="one line; the exit code is the answer"
    )


class Parts:
    """Of one command. `examples`: all of the command's, one a line; each part takes its own."""

    def __init__(self, command: Parser, dest: str, examples: str) -> None:
        self.command = command
        self.examples = [line for line in examples.splitlines() if command.prog in line]
        self.parsers = command.add_subparsers(
            dest=dest, metavar=dest.upper(), required=True, help="each has --help"
        )

    def add(
        self, name: str, words: str, description: str = "", exit_codes: str = EXIT_CODES
    ) -> Parser:
        """A parser for it. `words`: what it does, in a line of the command's help."""
        prog = f"{self.command.prog} {name}"
        examples = "\n".join(line for line in self.examples if prog in line)
        parser: Parser = self.parsers.add_parser(
            name,
            help=words,
            description=description or f"{words[0].upper()}{words[1:]}.",
            epilog=f"examples:\n{examples}\n{exit_codes}",
        )
        return parser
