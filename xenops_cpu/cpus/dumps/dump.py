"""What every dump comes to: one CPU and what a person should know of how it was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen

from ...cpuid.cpu import Cpu, CpuError
from ...cpuid.identity import AMD, HYGON, INTEL, LeafKey, Registers
from ...errors import InputError

MSR_MICROCODE: Final = 0x8B

HYBRID_BIT: Final = 1 << 15  # of CPUID 7.0 EDX

_LM, _SYSCALL = 1 << 29, 1 << 11  # of CPUID 80000001h EDX
_NOTHING: Final[Registers] = (0, 0, 0, 0)
_CORE_KINDS = {0x40: "performance core", 0x20: "efficient core"}


class DumpError(InputError):
    """A file or text that is no readable dump; the message names the line and what is right."""


@frozen
class Dump:
    """One CPU of a dump. `name` is the record's id, else the file's name; `format` the reader's.

    `params` are the record's circumstances (hvm, smt, ucode, ...), where the format has them.
    """

    name: str
    format: str
    cpu: Cpu
    notes: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(factory=dict)


def microcode_revision(vendor: str, value: int) -> int | None:
    """The revision in MSR 8b: AMD's and Hygon's lower half, else the upper one. None for 0."""
    return (value & 0xFFFFFFFF if vendor in (AMD, HYGON) else value >> 32) or None


def core_kind(leaf_1ah: Registers) -> str:
    """What a core of a hybrid CPU says of itself."""
    return _CORE_KINDS.get(leaf_1ah[0] >> 24, "core of another kind")


def finish(
    name: str,
    format: str,
    cpus: list[dict[LeafKey, Registers]],
    msrs: Mapping[int, int],
    notes: Iterable[str] = (),
) -> Dump:
    """The dump of the first of `cpus` (as listed), put in order. Raises DumpError.

    Leaves beyond the limits that leaves 0 and 80000000h give are left out: there the CPU repeats
    another leaf. SYSCALL is set where an Intel CPU was read by a 32-bit program, which it is hidden
    from (Intel SDM, CPUID leaf 80000001h: available in 64-bit mode only).
    """
    leaves = within_limits(cpus[0])
    remarks = list(notes)
    if len(cpus) > 1:
        remarks.append(f"the dump has {len(cpus)} logical CPUs: the first was read")
        remarks += _others(cpus)
    try:
        cpu = Cpu(leaves=leaves, msrs=dict(msrs))
    except CpuError as error:
        raise DumpError(f"{name}: {error}") from error
    eax, ebx, ecx, edx = cpu.leaf(0x80000001)
    if cpu.vendor == INTEL and edx & _LM and not edx & _SYSCALL:
        leaves[0x80000001, 0] = (eax, ebx, ecx, edx | _SYSCALL)
        remarks.append(
            "SYSCALL is set: the dump was made by a 32-bit program, Intel hides it there"
        )
    missing = list(missing_leaves(leaves))
    if missing:
        remarks.append(
            f"the dump lacks CPUID leaves {', '.join(missing)}: taken as zeros, so features there "
            "read as absent"
        )
    patch = msrs.get(MSR_MICROCODE)
    microcode = None if patch is None else microcode_revision(cpu.vendor, patch)
    if cpu.hypervisor:
        remarks.append("the dump was made in a VM: the hypervisor decided what CPUID showed")
    return Dump(
        name, format, Cpu(leaves=leaves, msrs=dict(msrs), microcode=microcode), tuple(remarks)
    )


def within_limits(leaves: Mapping[LeafKey, Registers]) -> dict[LeafKey, Registers]:
    """Only what the CPU has: each range up to the maximum that its first leaf gives.

    A range whose first leaf gives no maximum is not there: the CPU repeats a basic leaf.
    """
    limits = {0: leaves.get((0, 0), _NOTHING)[0] & 0xFFFF}
    for first in (0x40000000, 0x80000000, 0xC0000000):
        maximum = leaves.get((first, 0), _NOTHING)[0]
        if maximum >> 16 == first >> 16:
            limits[first >> 16] = maximum
    return {key: value for key, value in leaves.items() if key[0] <= limits.get(key[0] >> 16, -1)}


def missing_leaves(leaves: Mapping[LeafKey, Registers]) -> Iterator[str]:
    """Leaves with words of a featureset that should be there by the limits and are not."""

    def eax(leaf: int) -> int:
        return leaves.get((leaf, 0), _NOTHING)[0]

    keys: list[LeafKey] = []
    if eax(0) >= 7:
        keys += [(7, subleaf) for subleaf in range(min(eax(7), 2) + 1)]
    if eax(0) >= 0xD:
        keys += [(0xD, 0), (0xD, 1)]
    keys += [(0x80000000, 0)]
    keys += [
        (leaf, 0)
        for leaf in (0x80000001, 0x80000007, 0x80000008, 0x80000021)
        if eax(0x80000000) >= leaf
    ]
    for leaf, subleaf in keys:
        if (leaf, subleaf) not in leaves:
            yield f"{leaf:x}:{subleaf:x}" if leaf in (7, 0xD) else f"{leaf:x}"


def _others(cpus: list[dict[LeafKey, Registers]]) -> Iterator[str]:
    """What tells the first CPU from the others: steppings, kinds of core."""
    signatures = {cpu[1, 0][0] for cpu in cpus if (1, 0) in cpu}
    if len(signatures) > 1:
        listed = ", ".join(f"{signature:08x}" for signature in sorted(signatures))
        yield f"its CPUs are not alike: CPUID 1 EAX is {listed}"
    if any(cpu.get((7, 0), _NOTHING)[3] & HYBRID_BIT for cpu in cpus):
        kinds = [core_kind(cpu.get((0x1A, 0), _NOTHING)) for cpu in cpus]
        yield f"a hybrid CPU ({', '.join(sorted(set(kinds)))}): the one read is a {kinds[0]}"
