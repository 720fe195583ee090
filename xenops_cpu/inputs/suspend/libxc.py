"""A libxc migration stream: which kind of domain, from which Xen, with which CPU policy.

Facts: xen/docs/specs/libxc-migration-stream.pandoc (versions 2 and 3) and the structures
xen_cpuid_leaf_t and xen_msr_entry_t of xen/include/public/arch-x86/xen.h. Version 3, written by Xen
4.14 and later, has the policy in front of the memory; page data is stepped over.
"""

from __future__ import annotations

import struct
from typing import Final

from attrs import define, field, frozen

from ...cpuid.identity import LeafKey, Registers
from ...cpuid.policy import Policy
from ...errors import InputError
from ...interface import GuestType
from ...limits import input_limits
from .cursor import Cursor, CutShort

MARKER: Final = b"\xff" * 8 + b"XENF"

END, STATIC_DATA_END = 0x00, 0x10
CPUID_POLICY, MSR_POLICY = 0x11, 0x12
_NAMES = {
    0x00: "END", 0x01: "PAGE_DATA", 0x02: "X86_PV_INFO", 0x03: "X86_PV_P2M_FRAMES",
    0x04: "X86_PV_VCPU_BASIC", 0x05: "X86_PV_VCPU_EXTENDED", 0x06: "X86_PV_VCPU_XSAVE",
    0x07: "SHARED_INFO", 0x08: "X86_TSC_INFO", 0x09: "HVM_CONTEXT", 0x0A: "HVM_PARAMS",
    0x0B: "TOOLSTACK", 0x0C: "X86_PV_VCPU_MSRS", 0x0D: "VERIFY", 0x0E: "CHECKPOINT",
    0x0F: "CHECKPOINT_DIRTY_PFN_LIST", 0x10: "STATIC_DATA_END", 0x11: "X86_CPUID_POLICY",
    0x12: "X86_MSR_POLICY",
}  # fmt: skip
# Types of records are given out in order; these bits are set in none, but for optional ones.
_NO_TYPE = 0x7FFFFF00
_DOMAINS = {
    1: (GuestType.PV, "PV"),
    2: (GuestType.HVM, "HVM"),
    3: (GuestType.HVM, "PVH"),
}
_VERSIONS = (2, 3)


@frozen
class Stream:
    """`version` of the format; `xen` like "4.17", of the host that wrote it, "" if converted.

    `policy` is None where the stream has none. `damage` says what is wrong behind the policy;
    not `whole`: there were more records than were looked at.
    """

    version: int
    big_endian: bool
    guest: GuestType
    title: str
    xen: str
    policy: Policy | None
    damage: str = ""
    whole: bool = True


def read(cursor: Cursor) -> Stream:
    """From the marker on; leaves the cursor behind the END record. Raises InputError."""
    where = cursor.where
    marker, identity, version, options, _, _ = cursor.fields(">8s4sIHHI", "the image header")
    if marker + identity != MARKER:
        raise InputError(f"{where}: no libxc stream where one should begin")
    if version not in _VERSIONS:
        raise InputError(
            f"{where}: version {version} of the libxc stream; 2 and 3 (Xen 4.6 and later) are read"
        )
    order = ">" if options & 1 else "<"
    kind, page_shift, _, major, minor = cursor.fields(f"{order}IHHII", "the domain header")
    if kind not in _DOMAINS or page_shift != 12:
        raise InputError(
            f"{where}: domain type {kind} with pages of 2^{page_shift} bytes; x86 PV (1) and HVM "
            "(2) with 2^12 are read"
        )
    contents, damage = _Contents(), ""
    try:
        _records(cursor, order, contents)
    except CutShort as error:
        if not (contents.leaves and contents.static_data_ended):
            raise
        damage = str(error)
    guest, title = _DOMAINS[kind]
    return Stream(
        version=version,
        big_endian=order == ">",
        guest=guest,
        title=title,
        xen=f"{major}.{minor}" if major else "",
        policy=Policy(contents.leaves, contents.msrs) if contents.leaves else None,
        damage=damage,
        whole=contents.ended,
    )


@define
class _Contents:
    leaves: dict[LeafKey, Registers] = field(factory=dict)
    msrs: dict[int, int] = field(factory=dict)
    static_data_ended: bool = False
    ended: bool = False


def _records(cursor: Cursor, order: str, contents: _Contents) -> None:
    """Up to END, or to what is enough. Raises InputError, CutShort."""
    where = cursor.where
    header = struct.Struct(f"{order}II")
    for _ in range(input_limits.IMAGE_RECORDS):
        start = cursor.at
        kind, length = header.unpack(cursor.take(8, "a record header"))
        name = _NAMES.get(kind, f"record {kind:#x}")
        if kind & _NO_TYPE:
            raise CutShort(
                f"{where}: a record of type {kind:#x} at byte {start}, which no version of the "
                "stream has: what is in front of it is damaged"
            )
        if kind in (CPUID_POLICY, MSR_POLICY):
            body = _entries(cursor, name, length, 24 if kind == CPUID_POLICY else 16)
            if kind == CPUID_POLICY:
                for leaf, subleaf, *registers in struct.iter_unpack(f"{order}6I", body):
                    eax, ebx, ecx, edx = registers
                    contents.leaves[leaf, subleaf] = (eax, ebx, ecx, edx)
            else:
                for index, flags, value in struct.iter_unpack(f"{order}IIQ", body):
                    if flags:
                        raise InputError(
                            f"{where}: MSR {index:#x} has flags {flags:#x}; only 0 is defined"
                        )
                    contents.msrs[index] = value
            if len(contents.leaves) + len(contents.msrs) > input_limits.POLICY_ENTRIES:
                raise InputError(
                    f"{where}: more than {input_limits.POLICY_ENTRIES} leaves and MSRs at byte "
                    f"{start}"
                )
        else:
            cursor.skip(length, name)
        contents.static_data_ended |= kind == STATIC_DATA_END
        if kind == END:
            contents.ended = True
            return
        cursor.skip(-length % 8, f"the padding of {name}")
    if not contents.leaves:
        raise InputError(
            f"{where}: no CPU policy in the first {input_limits.IMAGE_RECORDS} records"
        )


def _entries(cursor: Cursor, name: str, length: int, size: int) -> bytes:
    most = input_limits.POLICY_ENTRIES * size
    if not length or length % size or length > most:
        raise InputError(
            f"{cursor.where}: {name} at byte {cursor.at - 8} has {length} bytes; a multiple of "
            f"{size}, up to {most}, would be right"
        )
    return cursor.take(length, name)
