"""The hypervisor of this machine, as Xen's own tool xen-cpuid prints it in dom0.

For a dom0 where xenops_cpu has no binding to libxenctrl. `xen-cpuid -d` prints the sets,
`xen-cpuid -p` the policies (xen/tools/misc/xen-cpuid.c of 4.7 to 4.22; -p since 4.12), Linux tells
the version (/sys/hypervisor), `xl info` the counts, the IOMMU and the command line. Without the
sets there is no answer; whatever else is not told stays open, and a note says so.
"""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from .. import files
from ..errors import InputError
from ..hosts import compat_bits, parts
from ..hosts.host import SETS, Host
from ..hosts.parts import Parts
from . import SourceError, cpuinfo, libxc, libxc_errors, microcode
from .printed import xen_cpuid, xl_info

NAME: Final = "xen-cpuid"
HYPERVISOR: Final = Path("/sys/hypervisor")
# Where distributions and XenServer keep the tools; the PATH of a service has few of these.
FOLDERS: Final = (
    "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/lib64/xen/bin", "/usr/lib/xen/bin",
    "/usr/lib/xen-*/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/xensource/bin",
)  # fmt: skip
# They answer within milliseconds, with some 60 KiB.
TOOL_SECONDS: Final = 20.0
MAX_BYTES: Final = 4 << 20
_LINE_BYTES: Final = 4096  # sysfs gives a page at the most
# Every Xen since 4.7 has these sets.
_REQUIRED: Final = SETS[:4]


class ToolError(SourceError):
    """A tool of Xen's is missing, fails, takes too long, or prints what it should not."""


@frozen
class XenCpuid:
    """Runs the tools at each read. `boot_cpuinfo`: as of the source xen. `because`: why this
    source was chosen, for people; "" where somebody asked for it.
    """

    boot_cpuinfo: Path | None = None
    because: str = ""

    @property
    def name(self) -> str:
        return NAME

    def read(self) -> Host:
        """Everything that a capture holds. Raises SourceError."""
        if not libxc.is_dom0():
            raise libxc_errors.NotDom0(
                "xen-cpuid answers in the dom0 of a Xen host", libxc_errors.ELSEWHERE
            )
        sets = _printed("-d")
        missing = [name for name in _REQUIRED if name not in sets.sets]
        if missing:
            raise ToolError(
                f"{NAME} -d prints no set {', '.join(missing)}", "use the xen-cpuid of this Xen"
            )
        policies = _optional("the policies", lambda: _printed("-p"))
        processor = cpuinfo.read(self.boot_cpuinfo)
        texts = _of_linux() | _optional("what xl tells", lambda: xl_info.parse(_run("xl", "info")))
        texts = evolve(
            sets | texts,
            processor=processor,
            microcode=microcode.revision(processor.vendor),
            notes=(_basis(self.because), *policies.notes, *texts.notes),
        )
        version = texts.version or "of a version that is not told"
        host = parts.host(texts, f"the hypervisor of this host, Xen {version}, by xen-cpuid")
        # Added now: a max set that Xen does not give is not made from a max policy.
        host = evolve(host, policies=policies.policies)
        if not host.release.xenserver:
            return host
        # xen-cpuid prints what libxc answers: XenServer's adds bits, here as in the source xen.
        added = compat_bits.notes(host.release, host.vendor, host.featuresets, host.policies)
        return evolve(host, notes=(*host.notes, *added))


def _basis(because: str) -> str:
    return "; ".join(filter(None, (
        f"Xen was asked by its tool xen-cpuid{', because ' if because else ''}{because}",
        "each set and policy is taken to be what its name in the tool's text says, and what the "
        "tools printed one after the other to be of one moment",
    )))  # fmt: skip


def _printed(option: str) -> Parts:
    """What `xen-cpuid OPTION` tells. Raises ToolError."""
    where = f"{NAME} {option}"
    try:
        return xen_cpuid.parse(_run(NAME, option), where).parts
    except InputError as error:
        raise ToolError(str(error), "use the xen-cpuid of this Xen") from error


def _optional(text: str, read: Callable[[], Parts]) -> Parts:
    """What a tool tells, or a note that it does not."""
    try:
        return read()
    except ToolError as error:
        return Parts(notes=(f"not told: {text} ({error.message})",))


def _of_linux() -> Parts:
    """Version and capabilities (Linux: Documentation/ABI/stable/sysfs-hypervisor-xen)."""
    version = [_line(f"version/{part}") for part in ("major", "minor", "extra")]
    return Parts(
        version="{}.{}{}".format(*version) if all(version[:2]) else "",
        capabilities=_line("properties/capabilities"),
    )


def _line(name: str) -> str:
    try:
        return files.head(HYPERVISOR / name, _LINE_BYTES).decode(errors="replace").strip()
    except files.FileError:
        return ""


def _run(tool: str, *arguments: str) -> str:
    """What a tool prints. Raises ToolError."""
    command = " ".join((tool, *arguments))
    path = shutil.which(tool, path=os.pathsep.join(_folders()))
    if path is None:
        raise ToolError(
            f"there is no {tool} here",
            "install Xen's tools (xen-utils-* on Debian, xen-dom0-tools on XenServer), or "
            "xenops_cpu with its binding to libxenctrl (docs/install.md)",
        )
    with tempfile.TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(
                [path, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError as error:
            raise ToolError(f"{path} cannot be run: {error.strerror}") from error
        late = threading.Timer(TOOL_SECONDS, process.kill)
        late.start()
        try:
            with process:
                assert process.stdout is not None
                text = process.stdout.read(MAX_BYTES + 1)
                if len(text) > MAX_BYTES:
                    process.kill()
                    raise ToolError(f"{command} prints more than {MAX_BYTES >> 20} MiB")
        finally:
            expired = not late.is_alive()
            late.cancel()
        if process.returncode != 0:
            complaints.seek(0)
            lines = complaints.read(4096).decode(errors="replace").strip().splitlines()
            reason = lines[-1][:200] if lines else f"exit code {process.returncode}"
            if expired:
                reason = f"no answer within {TOOL_SECONDS:g} s"
            raise ToolError(f"{command}: {reason}", "run it as root in dom0")
    return text.decode(errors="replace")


def _folders() -> list[str]:
    """Those of PATH, then those where the tools are elsewhere."""
    named = [folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    return named + [folder for pattern in FOLDERS for folder in sorted(glob.glob(pattern))]
