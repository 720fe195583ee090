"""A capture of a Xen host as a dump: its raw CPU policy is the CPU as Xen found it."""

from __future__ import annotations

from ...cpuid.cpu import CpuError, cpu_of
from ...hosts import capture
from .dump import Dump, DumpError

FORMAT = "capture"


def recognises(text: str) -> bool:
    return text.lstrip()[:1] == "{" and f'"{capture.FORMAT}"' in text[:4096]


def parse(text: str, name: str) -> list[Dump]:
    """One dump. Raises DumpError."""
    try:
        host = capture.load(text)
    except capture.CaptureError as error:
        raise DumpError(f"{name}: {error}") from error
    if "raw" not in host.policies:
        raise DumpError(
            f"{name}: the capture has no raw CPU policy, which holds the CPUID leaves; "
            "captures of Xen 4.12 and later have one"
        )
    try:
        cpu = cpu_of(host.policies["raw"])
    except CpuError as error:
        raise DumpError(f"{name}: {error}") from error
    return [
        Dump(
            name,
            FORMAT,
            cpu,
            (
                f"the CPU as Xen {host.xen.version} found it at boot; what Xen itself had switched "
                "by then (TSX) shows, and the microcode revision is not in a capture",
            ),
        )
    ]
