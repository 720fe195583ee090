"""The command line: one file a command, each with a parser() and a run()."""

from __future__ import annotations

OK = 0
ANSWERED_WITH_AN_ERROR = 1
WRONG_USAGE = 2
CANNOT_BE_READ = 3
FAULT = 70  # EX_SOFTWARE of sysexits.h
BROKEN_PIPE = 141  # as a shell has it of a program that SIGPIPE ended


class Failure(Exception):
    """Ends a command: one sentence for standard error, and the exit code."""

    def __init__(self, message: str, code: int = CANNOT_BE_READ) -> None:
        super().__init__(message)
        self.code = code
