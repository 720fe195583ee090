"""CPUs from files: dumps that other programs made, of whatever format.

A module a format, with `recognises(text)` and `parse(text, name)`; the first that recognises a text
reads it.
"""

from __future__ import annotations

from pathlib import Path

from ... import files
from ...errors import InputError
from ...limits import input_limits
from .dump import Dump, DumpError

KINDS = (
    "a dump of InstLatx64 or libcpuid, what cpuid -r prints, libvirt's cpudata, a capture of this "
    "program, or records as JSON, one a line"
)


def read(path: Path) -> list[Dump]:
    """The CPUs of a file: one for a dump, several for records. Raises DumpError."""
    try:
        data = files.read(path, input_limits.TEXT_BYTES, pipes=True)
    except files.FileError as error:
        raise DumpError(str(error)) from error
    text = files.decoded(data)
    if text is None:
        raise DumpError(f"{path}: a binary file; readable are {KINDS}")
    return parse(text, path.name)


def parse(text: str, name: str = "dump") -> list[Dump]:
    """The CPUs of a text; `name` stands for it in messages. Raises DumpError."""
    try:
        files.check(text, name)
    except InputError as error:
        raise DumpError(str(error)) from error
    from . import captured, cpuid_tool, instlatx64, libcpuid, libvirt, records

    for recognises, parse_text in (
        (captured.recognises, captured.parse),
        (records.recognises, records.parse),
        (cpuid_tool.recognises, cpuid_tool.parse),
        (libvirt.recognises, libvirt.parse),
        (libcpuid.recognises, libcpuid.parse),
        (instlatx64.recognises, instlatx64.parse),
    ):
        if recognises(text):
            return parse_text(text, name)
    raise DumpError(f"{name}: no known format; readable are {KINDS}")


__all__ = ["KINDS", "Dump", "DumpError", "parse", "read"]
