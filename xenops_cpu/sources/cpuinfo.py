"""/proc/cpuinfo, of which xapi stores a few lines with each host.

xenopsd reads a copy made at boot where there is one: dom0's own file changes when its virtual CPUs
are unplugged. A key that is missing reads "unknown", as in xenopsd.
"""

from __future__ import annotations

import re
from pathlib import Path

from .. import files
from ..hosts.host import UNKNOWN, Processor
from ..limits import input_limits
from . import SourceError

PROC_CPUINFO = Path("/proc/cpuinfo")

_MICROCODE = re.compile(r"^microcode\s*: 0x([0-9a-f]{1,8})\s*$", re.MULTILINE)
_KEYS = {
    "vendor": "vendor_id",
    "modelname": "model name",
    "speed": "cpu MHz",
    "family": "cpu family",
    "model": "model",
    "stepping": "stepping",
    "flags": "flags",
}


def parse(text: str) -> Processor:
    """The first CPU's lines; lines that are not `key : value` are passed over."""
    first, _, _ = text.lstrip("\n").partition("\n\n")
    lines: dict[str, str] = {}
    for line in first.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            lines.setdefault(key.strip(), value.strip())
    return Processor(**{name: lines.get(key) or UNKNOWN for name, key in _KEYS.items()})


def microcode(text: str) -> int | None:
    """The revision that the first CPU runs, None where the kernel does not tell."""
    match = _MICROCODE.search(text.lstrip("\n").partition("\n\n")[0])
    return int(match[1], 16) if match else None


def read(boot_copy: Path | None = None) -> Processor:
    """From the copy made at boot where one is configured and there, else from /proc/cpuinfo.

    Raises SourceError for a file that cannot be read.
    """
    path = boot_copy if boot_copy is not None and boot_copy.exists() else PROC_CPUINFO
    try:
        return parse(files.head(path, input_limits.CPUINFO_BYTES).decode(errors="replace"))
    except files.FileError as error:
        raise SourceError(str(error)) from error
