"""Every limit of what is read from files and pipes: what a stranger's file may cost.

This is the only place where these numbers stand; docs/reading.md prints them from here (table()). A
file that reaches one is refused, with an error that names it, or read as far as it is good, which
the answer says. Together they keep the program below 300 MiB, whatever it is given.
"""

from __future__ import annotations

from typing import Final

from .limits import amount

MIB: Final = 1024 * 1024

CAPTURE_BYTES: Final = 4 * MIB
CPUINFO_BYTES: Final = 64 * 1024
CORPUS_BYTES: Final = 4096 * MIB
CORPUS_LINE_BYTES: Final = MIB
ARGUMENT_BYTES: Final = 64 * MIB
ARGUMENT_DEPTH: Final = 8
PASSWORD_BYTES: Final = 64 * 1024
KNOWN_CERTIFICATES_BYTES: Final = MIB
TEXT_BYTES: Final = 8 * MIB

_MEANINGS: Final = {
    "CAPTURE_BYTES": ("bytes", "of a capture; one with all six policies has 60 KiB"),
    "CPUINFO_BYTES": ("bytes", "that are looked at of /proc/cpuinfo or a copy: the first CPU"),
    "CORPUS_BYTES": ("bytes", "of the records of --corpus, all together"),
    "CORPUS_LINE_BYTES": ("bytes", "of one of them"),
    "ARGUMENT_BYTES": ("bytes", "of an @FILE, a hundred thousand featuresets and more"),
    "ARGUMENT_DEPTH": ("levels", "of an @FILE in an @FILE"),
    "PASSWORD_BYTES": ("bytes", "of a file with a password, or of netrc"),
    "KNOWN_CERTIFICATES_BYTES": ("bytes", "of the file of known certificates"),
    "TEXT_BYTES": (
        "bytes",
        "of a text (what a program prints, JSON, a dump), and of all that comes out of a pipe",
    ),
}


def table() -> list[tuple[str, str, str]]:
    """Name, value with its unit, and meaning of every limit."""
    return [
        (name.lower(), amount(globals()[name], unit), meaning)
        for name, (unit, meaning) in _MEANINGS.items()
    ]
