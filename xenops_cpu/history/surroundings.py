"""What lies around the hypervisor and changes what it offers: microcode, firmware, Xen's build.

Xen tells its microcode since 4.18; all else is read from files of Linux in dom0. What is not there
is an empty text, never a guess.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from .. import files
from ..cpuid.identity import AMD, HYGON

# IA32_BIOS_SIGN_ID (Intel SDM vol. 4): the revision is the upper half; AMD's PATCH_LEVEL (PPR, MSR
# 0000_008B) has it in the lower half.
MSR_MICROCODE = 0x8B


@frozen
class Surroundings:
    """`microcode`: the revision in hex; `bios`: vendor, version, date; `build`: Xen's changeset and
    build id; `boot`: Linux's id of this boot, which is no part of a fingerprint."""

    microcode: str = ""
    bios: str = ""
    build: str = ""
    boot: str = ""


def read(vendor: str, root: Path = Path("/"), revision: int = 0) -> Surroundings:
    """The surroundings of this machine, whose CPU is of `vendor`. `revision`: its microcode's, as
    Xen tells it; 0 where it does not."""
    sys = root / "sys"
    dmi = sys / "class/dmi/id"
    hypervisor = sys / "hypervisor"
    return Surroundings(
        microcode=f"{revision:#x}" if revision else _microcode(vendor, root),
        bios=_words(dmi / "bios_vendor", dmi / "bios_version", dmi / "bios_date"),
        build=_words(
            hypervisor / "version/extra",
            hypervisor / "properties/changeset",
            hypervisor / "properties/buildid",
            hypervisor / "compilation/compile_date",
        ),
        boot=_text(root / "proc/sys/kernel/random/boot_id"),
    )


def _microcode(vendor: str, root: Path) -> str:
    """From the register where Linux shows it: the texts tell what was loaded at dom0's start, and
    Xen may have loaded another one since."""
    revision = _register(root / "dev/cpu/0/msr")
    if revision:
        low = vendor in (AMD, HYGON)
        return f"{revision & 0xFFFFFFFF if low else revision >> 32:#x}"
    text = _text(root / "sys/devices/system/cpu/cpu0/microcode/version")
    if not text:
        for line in _text(root / "proc/cpuinfo").splitlines():
            if line.startswith("microcode"):
                text = line.partition(":")[2].strip()
                break
    try:
        return f"{int(text, 16):#x}" if text else ""
    except ValueError:
        return ""


def _register(device: Path) -> int:
    try:
        opened = files.device(device)
    except OSError:
        return 0
    try:
        return int.from_bytes(os.pread(opened, 8, MSR_MICROCODE), "little")
    except OSError:
        return 0
    finally:
        os.close(opened)


def _words(*paths: Path) -> str:
    return " ".join(text for text in map(_text, paths) if text)


def _text(path: Path) -> str:
    """The beginning of a small file; empty where it cannot be read."""
    try:
        text = files.head(path, 4096).decode(errors="replace")
    except files.FileError:
        return ""
    return text.strip()
