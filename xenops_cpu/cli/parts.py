"""The parts of a command, such as `policy show`: each has a help of its own, with its examples."""

from __future__ import annotations

from . import options


class Parts:
    """Of one command. `examples`: all of the command's, one a line; each part takes its own."""

    def __init__(self, command: options.Parser, dest: str, examples: str) -> None:
        self.command = command
        self.examples = [line for line in examples.splitlines() if command.prog in line]
        self.parsers = command.add_subparsers(
            dest=dest, metavar=dest.upper(), required=True, help="each has --help"
        )

    def add(
        self, name: str, words: str, description: str = "", exit_codes: str = options.EXIT_CODES
    ) -> options.Parser:
        """A parser for it. `words`: what it does, in a line of the command's help."""
        prog = f"{self.command.prog} {name}"
        examples = "\n".join(line for line in self.examples if prog in line)
        parser: options.Parser = self.parsers.add_parser(
            name,
            help=words,
            description=description or f"{words[0].upper()}{words[1:]}.",
            epilog=f"examples:\n{examples}\n{exit_codes}",
        )
        return parser
