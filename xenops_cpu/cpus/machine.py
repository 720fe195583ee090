"""The CPU of this machine: its leaves by the CPUID instruction, registers and counts from Linux.

Nothing is ever written: a register only read, a file only read.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from .. import files
from ..cpuid.cpu import Cpu
from ..cpuid.identity import AMD, HYGON, HYPERVISOR_BIT, INTEL
from ..hosts.host import Topology
from ..limits import input_limits
from .dumps.dump import HYBRID_BIT, MSR_MICROCODE, core_kind, microcode_revision
from .instruction import DEVICES, instruction, pinned, walk

SYS: Final = Path("/sys")
PROC_CPUINFO: Final = Path("/proc/cpuinfo")
_SYS_BYTES: Final = 4096  # more than a file of sysfs has

# The registers from which Xen derives featuresets, see xenops_cpu/derivation.
MSRS: Final = (
    *(0x35, 0x10A, 0x10F, 0x122, 0x123, 0x1A0),
    *(0x482, 0x483, 0x484, 0x48B, 0x48C),
    *(0xC0011005, 0xC0011020, 0xC0011029),
)

# Revisions that hypervisors invent: KVM and QEMU 1 and (AMD) 01000065h, Hyper-V all ones.
INVENTED_MICROCODE: Final = frozenset({0, 1, 0x01000065, 0xFFFFFFFF})

HYPERVISORS: Final = {
    "KVMKVMKVM": "KVM",
    "Linux KVM Hv": "KVM",
    "Microsoft Hv": "Hyper-V",
    "VMwareVMware": "VMware",
    "XenVMMXenVMM": "Xen",
    "TCGTCGTCGTCG": "QEMU without acceleration",
    "bhyve bhyve ": "bhyve",
    "VBoxVBoxVBox": "VirtualBox",
    "ACRNACRNACRN": "ACRN",
}


@frozen
class Reading:
    """A CPU, and what a person should know of how it was read."""

    cpu: Cpu
    notes: tuple[str, ...] = ()


def read(devices: Path = DEVICES, sys: Path = SYS, proc_cpuinfo: Path = PROC_CPUINFO) -> Reading:
    """Leaves, registers and microcode of one CPU of this machine. Raises MachineError.

    The thread stays on that CPU meanwhile, so that leaves which differ from CPU to CPU (topology)
    belong together.
    """
    with pinned() as number, instruction(devices / str(number)) as query:
        leaves = walk(query)
        msrs, refusal = _read_msrs(devices / str(number) / "msr")
    cpu = Cpu(leaves=leaves)
    patch = msrs.pop(MSR_MICROCODE, None)
    microcode = microcode_revision(cpu.vendor, patch) if patch is not None else None
    if microcode is None:
        microcode = _microcode_of_linux(sys, proc_cpuinfo)
    cpu = evolve(cpu, msrs=msrs, microcode=microcode)
    return Reading(cpu, tuple(_notes(cpu, refusal)))


def as_bare_metal(cpu: Cpu) -> Reading:
    """The CPU as if no hypervisor ran below; the notes say what was changed.

    Clears CPUID 1 ECX[31], drops the hypervisor's leaves and a microcode revision that the
    hypervisor invented. What it hides of the real CPU stays hidden.
    """
    if not cpu.hypervisor:
        return Reading(cpu)
    eax, ebx, ecx, edx = cpu.leaf(1)
    leaves = {key: value for key, value in cpu.leaves.items() if key[0] >> 28 != 4}
    leaves[1, 0] = (eax, ebx, ecx & ~HYPERVISOR_BIT, edx)
    notes = [
        f"taken as bare metal, although it runs under {hypervisor_name(cpu)}: CPUID 1 ECX[31] "
        "(HYPERVISOR) cleared; features that the hypervisor hides are still hidden"
    ]
    microcode = cpu.microcode
    if microcode in INVENTED_MICROCODE:
        notes.append(f"microcode revision {microcode:#x} is the hypervisor's: taken as not known")
        microcode = None
    return Reading(evolve(cpu, leaves=leaves, microcode=microcode), tuple(notes))


def hypervisor_name(cpu: Cpu) -> str:
    """What leaf 40000000h says (EBX, ECX, EDX), in words where it is a well-known one."""
    _, ebx, ecx, edx = cpu.leaf(0x40000000)
    text = struct.pack("<3I", ebx, ecx, edx).rstrip(b"\0").decode("latin-1")
    if not text:
        return "a hypervisor that does not name itself"
    return HYPERVISORS.get(text) or f'a hypervisor that calls itself "{text.strip()}"'


def topology(sys: Path = SYS) -> Topology:
    """Counts of what is online, as Linux sees it: a VM's or dom0's own where this is one.

    Sockets and threads from cpu*/topology below /sys/devices/system/cpu, nodes from
    /sys/devices/system/node; 1 where Linux does not say.
    """
    packages, threads = set(), 1
    cpus = sys / "devices/system/cpu"
    for directory in cpus.glob("cpu[0-9]*"):
        with suppress(ValueError):  # a file that is not there, or not as it should be
            packages.add(int(files.head(directory / "topology/physical_package_id", _SYS_BYTES)))
            siblings = files.head(directory / "topology/thread_siblings", _SYS_BYTES)
            threads = max(threads, int(siblings.replace(b",", b""), 16).bit_count())
    return Topology(
        cpu_count=os.cpu_count() or 1,
        socket_count=len(packages) or 1,
        threads_per_core=threads,
        nr_nodes=len(list((sys / "devices/system/node").glob("node[0-9]*"))) or 1,
    )


def _read_msrs(path: Path) -> tuple[dict[int, int], str]:
    """Those that exist, and why none could be read, if so: index -> value, reason."""
    msrs: dict[int, int] = {}
    try:
        file = files.device(path)
    except OSError as error:
        return msrs, f"{path}: {error.strerror}"
    try:
        for index in (*MSRS, MSR_MICROCODE):
            # EIO is the CPU's own "there is no such register".
            with suppress(OSError):
                data = os.pread(file, 8, index)
                if len(data) == 8:
                    (msrs[index],) = struct.unpack("<Q", data)
    finally:
        os.close(file)
    return msrs, ""


def _microcode_of_linux(sys: Path, proc_cpuinfo: Path) -> int | None:
    with suppress(ValueError):
        version = sys / "devices/system/cpu/cpu0/microcode/version"
        return int(files.head(version, _SYS_BYTES), 16)
    with suppress(files.FileError):
        first = files.head(proc_cpuinfo, input_limits.CPUINFO_BYTES).decode(errors="replace")
        match = re.search(r"^microcode\s*:\s*0x([0-9a-f]{1,8})\s*$", first, re.MULTILINE)
        if match:
            return int(match[1], 16)
    return None


def _notes(cpu: Cpu, msr_refusal: str) -> Iterator[str]:
    if cpu.hypervisor:
        yield (
            f"this machine is a VM under {hypervisor_name(cpu)}: the hypervisor decides what CPUID "
            "shows, and Xen in a VM derives by other rules (bare metal can be asked for)"
        )
        if cpu.microcode in INVENTED_MICROCODE:
            yield (
                f"microcode revision {cpu.microcode:#x} is the hypervisor's invention: what "
                "depends on microcode is derived as of that revision"
            )
    if cpu.microcode is None:
        yield "the microcode revision cannot be read"
    if msr_refusal:
        yield (
            f"MSRs cannot be read ({msr_refusal}): {_assumed(cpu)}. "
            "Root can read them once the module msr is loaded (modprobe msr)"
        )
    if cpu.leaf(7)[3] & HYBRID_BIT:
        yield f"this CPU is hybrid: what was read is a {core_kind(cpu.leaf(0x1A))}"


def _assumed(cpu: Cpu) -> str:
    """What the derivation takes for granted without registers, as far as it matters here."""
    if cpu.vendor == INTEL:
        return "TSX_FORCE_ABORT and MCU_OPT_CTRL are taken as after reset, VMX as CPUID suggests"
    if cpu.vendor in (AMD, HYGON):
        there = "absent, as in most VMs" if cpu.hypervisor else "present and writable"
        return f"DE_CFG, LS_CFG and the override of CPUID 80000001h are taken as {there}"
    return "none is needed for this vendor but VMX, which is taken as CPUID suggests"
