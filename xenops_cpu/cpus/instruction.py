"""The CPUID instruction, which Python has not, on a machine that may have no compiler.

The instruction comes as the few bytes of machine code in _CODE, called through ctypes. Where
executable memory is refused, /dev/cpu/N/cpuid (module cpuid) answers the same.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .. import files
from ..cpuid.identity import HYPERVISOR_BIT, LeafKey, Registers
from ..errors import RemediedError

Query = Callable[[int, int], Registers]

DEVICES: Final = Path("/dev/cpu")

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


# linux/memfd.h; Python has a name for it from 3.14 on.
_MFD_EXEC = 0x10


class MachineError(RemediedError):
    """This machine's CPU cannot be read."""


def walk(query: Query) -> dict[LeafKey, Registers]:
    """Every leaf within the limits that CPUID itself gives, with its subleaves."""
    leaves: dict[LeafKey, Registers] = {}
    basic = query(0, 0)[0]
    ranges = [(0, basic)]
    if query(1, 0)[2] & HYPERVISOR_BIT:
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
def pinned() -> Iterator[int]:
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
def instruction(device: Path) -> Iterator[Query]:
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


def _executable_memory_file() -> int:
    """Says that it will be executed, as Linux 6.3 and later want to know (memfd_create(2))."""
    name = "xenops-cpu-cpuid"
    try:
        return os.memfd_create(name, os.MFD_CLOEXEC | _MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a kernel that does not know the flag
            raise
        return os.memfd_create(name, os.MFD_CLOEXEC)


def _map_code() -> tuple[int, int]:
    """Address and size of _CODE in executable memory. Raises OSError.

    Through a memory file, so that no page is writable and executable: systemd's
    MemoryDenyWriteExecute and some SELinux policies forbid that.
    """
    size = mmap.PAGESIZE
    file = _executable_memory_file()
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
        file = files.device(path)
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
