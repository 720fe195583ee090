"""CPUs from files: dumps that other programs made, of whatever format.

A module a format, with `recognises(text)` and `parse(text, name)`; the first that recognises a text
reads it.
"""

from __future__ import annotations

from pathlib import Path

from . import captured, cpuid_tool, instlatx64, libcpuid, libvirt, records
from .dump import Dump, DumpError

# The largest dump in the public collections is below 2 MiB (hundreds of CPUs with registers).
MAX_BYTES = 8 * 1024 * 1024

KINDS = (
    "a dump of InstLatx64 or libcpuid, what cpuid -r prints, libvirt's cpudata, a capture of this "
    "program, or records as JSON, one a line"
)


def read(path: Path) -> list[Dump]:
    """The CPUs of a file: one for a dump, several for records. Raises DumpError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DumpError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise DumpError(f"{path}: larger than {MAX_BYTES >> 20} MiB; a dump is a text of some KiB")
    return parse(_decode(data, str(path)), path.name)


def parse(text: str, name: str = "dump") -> list[Dump]:
    """The CPUs of a text; `name` stands for it in messages. Raises DumpError."""
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


def _decode(data: bytes, where: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise DumpError(f"{where}: a binary file; readable are {KINDS}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


__all__ = ["KINDS", "MAX_BYTES", "Dump", "DumpError", "parse", "read"]
