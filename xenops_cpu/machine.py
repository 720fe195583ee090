"""The CPU of this machine: its leaves by the CPUID instruction, registers and counts from Linux.

Python has no CPUID instruction and an installation may have no compiler, so the instruction comes
as the few bytes of machine code in _CODE, called through ctypes. Where executable memory is
refused, /dev/cpu/N/cpuid (module cpuid) answers the same. A file is only ever read here.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import re
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import evolve, frozen

from .cpuid import AMD, HYGON, INTEL, Cpu, LeafKey, Registers
from .dumps.dump import HYBRID_BIT, MSR_MICROCODE, core_kind, microcode_revision
from .host import Topology

Query = Callable[[int, int], Registers]

DEVICES: Final = Path("/dev/cpu")
SYS: Final = Path("/sys")
PROC_CPUINFO: Final = Path("/proc/cpuinfo")

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

_HYPERVISOR_BIT = 1 << 31

# More than any CPU has; stops a walk over subleaves that never says it is over.
_MAX_SUBLEAF = 63
# Leaves whose EAX in subleaf 0 is the highest subleaf.
_COUNTED = frozenset({0x7, 0x14, 0x17, 0x18, 0x1D, 0x20, 0x24})
# Leaves that go on until a field is 0: the register's place and the field's mask.
_ENDED = {
    0x4: (0, 0x1F),
    0xB: (2, 0xFF00),
    0x1F: (2, 0xFF00),
    0x8000001D: (0, 0x1F),
    0x80000026: (2, 0xFF00),
}

# void f(uint32_t leaf, uint32_t subleaf, uint32_t registers[4]), System V calling convention.
_CODE = bytes.fromhex(
    "f30f1efa"  # endbr64
    "53"  # push %rbx
    "4989d0"  # mov %rdx, %r8
    "89f8"  # mov %edi, %eax
    "89f1"  # mov %esi, %ecx
    "0fa2"  # cpuid
    "418900"  # mov %eax, (%r8)
    "41895804"  # mov %ebx, 4(%r8)
    "41894808"  # mov %ecx, 8(%r8)
    "4189500c"  # mov %edx, 12(%r8)
    "5b"  # pop %rbx
    "c3"  # ret
)


class MachineError(ValueError):
    """This machine's CPU cannot be read. `remedy` says what a person can do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


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
    with _pinned() as number, _instruction(devices / str(number)) as query:
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
    leaves[1, 0] = (eax, ebx, ecx & ~_HYPERVISOR_BIT, edx)
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
        with suppress(OSError, ValueError):
            packages.add(int((directory / "topology/physical_package_id").read_text()))
            siblings = (directory / "topology/thread_siblings").read_text()
            threads = max(threads, int(siblings.replace(",", ""), 16).bit_count())
    return Topology(
        cpu_count=os.cpu_count() or 1,
        socket_count=len(packages) or 1,
        threads_per_core=threads,
        nr_nodes=len(list((sys / "devices/system/node").glob("node[0-9]*"))) or 1,
    )


def walk(query: Query) -> dict[LeafKey, Registers]:
    """Every leaf within the limits that CPUID itself gives, with its subleaves."""
    leaves: dict[LeafKey, Registers] = {}
    basic = query(0, 0)[0]
    ranges = [(0, basic)]
    if query(1, 0)[2] & _HYPERVISOR_BIT:
        ranges.append((0x40000000, min(query(0x40000000, 0)[0], 0x400000FF)))
    ranges.append((0x80000000, min(query(0x80000000, 0)[0], 0x8000FFFF)))
    for first, last in ranges:
        for leaf in range(first, max(first, min(last, first + 0xFFF)) + 1):
            for subleaf in _subleaves(query, leaf):
                leaves[leaf, subleaf] = query(leaf, subleaf)
    return leaves


def _subleaves(query: Query, leaf: int) -> Iterator[int]:
    yield 0
    if leaf in _COUNTED:
        yield from range(1, min(query(leaf, 0)[0], _MAX_SUBLEAF) + 1)
    elif leaf in _ENDED:
        place, mask = _ENDED[leaf]
        if query(leaf, 0)[place] & mask:
            for subleaf in range(1, _MAX_SUBLEAF):
                if not query(leaf, subleaf)[place] & mask:
                    break
                yield subleaf
    elif leaf == 0xD:
        yield 1
        # A subleaf for each state component: XCR0 in subleaf 0, IA32_XSS in subleaf 1.
        low, _, _, high = query(0xD, 0)
        _, _, xss_low, xss_high = query(0xD, 1)
        components = (high | xss_high) << 32 | low | xss_low
        yield from (bit for bit in range(2, 63) if components >> bit & 1)


@contextmanager
def _pinned() -> Iterator[int]:
    """Stay on one CPU; its number. Where Linux refuses, stay unpinned and answer for CPU 0."""
    try:
        allowed = os.sched_getaffinity(0)
        number = min(allowed)
        os.sched_setaffinity(0, {number})
    except (OSError, AttributeError):
        yield 0
        return
    try:
        yield number
    finally:
        os.sched_setaffinity(0, allowed)


@contextmanager
def _instruction(device: Path) -> Iterator[Query]:
    """A function from leaf and subleaf to registers: the instruction itself, else the device."""
    kind = f"{platform.system()} on {platform.machine()}"
    if kind != "Linux on x86_64" or struct.calcsize("P") != 8:
        raise MachineError(
            f"this program runs as {struct.calcsize('P') * 8}-bit {kind}; only 64-bit Linux on "
            "x86_64 lets it read the CPU",
            "choose a shipped CPU (--cpu) or a dump of one (--dump)",
        )
    try:
        address, size = _map_code()
    except OSError as refusal:
        with _cpuid_device(device, refusal) as query:
            yield query
        return
    try:
        yield _caller(address)
    finally:
        _libc().munmap(address, size)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        ctypes.c_long,
    ]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return libc


def _map_code() -> tuple[int, int]:
    """Address and size of _CODE in executable memory. Raises OSError.

    Through a memory file, so that no page is writable and executable: systemd's
    MemoryDenyWriteExecute and some SELinux policies forbid that.
    """
    size = mmap.PAGESIZE
    file = os.memfd_create("xenops-cpu-cpuid")
    try:
        os.write(file, _CODE.ljust(size, b"\xcc"))
        address = _libc().mmap(
            None, size, mmap.PROT_READ | mmap.PROT_EXEC, mmap.MAP_PRIVATE, file, 0
        )
    finally:
        os.close(file)
    if address is None or address == ctypes.c_void_p(-1).value:
        error = ctypes.get_errno() or errno.EPERM
        raise OSError(error, os.strerror(error))
    return address, size


def _caller(address: int) -> Query:
    four = ctypes.c_uint32 * 4
    function = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32, ctypes.POINTER(four))(
        address
    )

    def query(leaf: int, subleaf: int) -> Registers:
        registers = four()
        function(leaf, subleaf, ctypes.byref(registers))
        eax, ebx, ecx, edx = registers
        return eax, ebx, ecx, edx

    return query


@contextmanager
def _cpuid_device(directory: Path, refusal: OSError) -> Iterator[Query]:
    """The position in the device file is the leaf, with the subleaf in its upper half."""
    path = directory / "cpuid"
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise MachineError(
            f"the CPUID instruction cannot be used (executable memory: {refusal.strerror}) and "
            f"{path} cannot be read ({error.strerror})",
            "allow the process executable memory (SELinux: execmem), or load the module cpuid "
            "(modprobe cpuid) and run it as root",
        ) from error

    def query(leaf: int, subleaf: int) -> Registers:
        data = os.pread(file, 16, subleaf << 32 | leaf)
        if len(data) != 16:
            raise MachineError(f"{path}: {len(data)} of 16 bytes of leaf {leaf:#x} could be read")
        eax, ebx, ecx, edx = struct.unpack("<4I", data)
        return eax, ebx, ecx, edx

    try:
        yield query
    finally:
        os.close(file)


def _read_msrs(path: Path) -> tuple[dict[int, int], str]:
    """Those that exist, and why none could be read, if so: index -> value, reason."""
    msrs: dict[int, int] = {}
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
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
    with suppress(OSError, ValueError):
        return int((sys / "devices/system/cpu/cpu0/microcode/version").read_text(), 16)
    with suppress(OSError):
        match = re.search(
            r"^microcode\s*:\s*0x([0-9a-f]{1,8})\s*$",
            proc_cpuinfo.read_text(errors="replace"),
            re.MULTILINE,
        )
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
