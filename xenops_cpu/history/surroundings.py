"""What lies around the hypervisor and changes what it offers: microcode, firmware, Xen's build.

Who asks knows the microcode's revision; all else is read from files of Linux in dom0. What is not
there is an empty text, never a guess.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from .. import files


@frozen
class Surroundings:
    """`microcode`: the revision in hex; `bios`: vendor, version, date; `build`: Xen's changeset and
    build id; `boot`: Linux's id of this boot, which is no part of a fingerprint."""

    microcode: str = ""
    bios: str = ""
    build: str = ""
    boot: str = ""


def read(revision: int | None, root: Path = Path("/")) -> Surroundings:
    """The surroundings of this machine. `revision`: its microcode's, None where nobody tells it."""
    sys = root / "sys"
    dmi = sys / "class/dmi/id"
    hypervisor = sys / "hypervisor"
    return Surroundings(
        microcode="" if revision is None else f"{revision:#x}",
        bios=_words(dmi / "bios_vendor", dmi / "bios_version", dmi / "bios_date"),
        build=_words(
            hypervisor / "version/extra",
            hypervisor / "properties/changeset",
            hypervisor / "properties/buildid",
            hypervisor / "compilation/compile_date",
        ),
        boot=_text(root / "proc/sys/kernel/random/boot_id"),
    )


def _words(*paths: Path) -> str:
    return " ".join(text for text in map(_text, paths) if text)


def _text(path: Path) -> str:
    """The beginning of a small file; empty where it cannot be read."""
    try:
        text = files.head(path, 4096).decode(errors="replace")
    except files.FileError:
        return ""
    return text.strip()
