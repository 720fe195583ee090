"""The revision of the microcode that this machine runs, as Linux shows it in dom0.

For a Xen before 4.18, which does not tell it, and for a dom0 without the binding to libxenctrl.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from .. import files
from ..cpuid.identity import AMD, HYGON
from ..limits import input_limits
from . import cpuinfo

# IA32_BIOS_SIGN_ID (Intel SDM vol. 4): the revision is the upper half; AMD's PATCH_LEVEL (PPR, MSR
# 0000_008B) has it in the lower half.
MSR: Final = 0x8B


def revision(vendor: str, root: Path = Path("/")) -> int | None:
    """Of the first CPU, which is of `vendor`; None where nothing here tells it.

    The register comes first: the texts tell what was loaded at dom0's start, and Xen may have
    loaded another one since.
    """
    register = _register(root / "dev/cpu/0/msr")
    if register:
        return register & 0xFFFFFFFF if vendor in (AMD, HYGON) else register >> 32
    text = _text(root / "sys/devices/system/cpu/cpu0/microcode/version").strip()
    try:
        return int(text, 16)
    except ValueError:
        return cpuinfo.microcode(_text(root / "proc/cpuinfo"))


def _register(device: Path) -> int:
    try:
        opened = files.device(device)
    except OSError:
        return 0
    try:
        return int.from_bytes(os.pread(opened, 8, MSR), "little")
    except OSError:
        return 0
    finally:
        os.close(opened)


def _text(path: Path) -> str:
    """The beginning of a small file; empty where it cannot be read."""
    try:
        return files.head(path, input_limits.CPUINFO_BYTES).decode(errors="replace")
    except files.FileError:
        return ""
