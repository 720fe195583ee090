"""A CPU policy: the CPUID leaves and MSRs behind a featureset.

Text form, version 1: `leaf:subleaf->a:b:c:d;…/msr->value(flags);…`, numbers in hex, 8 digits each
and 16 for an MSR's value; leaves and MSRs in ascending order. It is the form that was once proposed
for xapi's records (xenopsd pull request 758). `subleaf` is ffffffff where a leaf has none
(xen/include/public/arch-x86/xen.h, XEN_CPUID_NO_SUBLEAF). The flags of an MSR are defined as zero
so far (xen_msr_entry_t); they may be left out, and are where captures list entries one by one.

A text may begin with its version, `v1:`; without one it is version 1. No text of version 1 begins
with a `v`, so a later form with `v2:` can live beside it: what is stored today stays readable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from attrs import field, frozen

from ..errors import Error
from ..text import notebook
from .identity import NOTHING, LeafKey, Registers

VERSION = 1
NO_SUBLEAF = 0xFFFFFFFF
# Leaves whose subleaves Xen lists one by one, subleaf 0 as 0 (xen/lib/x86/cpuid.c,
# x86_cpuid_copy_to_buffer()).
SUBLEAVES = frozenset({0x4, 0x7, 0xB, 0xD})

Key = TypeVar("Key")
Value = TypeVar("Value")

_VERSION = re.compile(r"v([0-9]{1,9}):")
_LEAF = re.compile(
    r"([0-9a-fA-F]{8}):([0-9a-fA-F]{8})->([0-9a-fA-F]{8}):([0-9a-fA-F]{8})"
    r":([0-9a-fA-F]{8}):([0-9a-fA-F]{8})"
)
_MSR = re.compile(r"([0-9a-fA-F]{8})->([0-9a-fA-F]{16})(?:\(([0-9a-fA-F]{1,8})\))?")


class PolicyError(Error):
    """A text that is not a CPU policy; the message names the entry."""


@frozen
class Policy:
    """`leaves`: (leaf, subleaf or NO_SUBLEAF) to (eax, ebx, ecx, edx). `msrs`: index to value."""

    leaves: Mapping[LeafKey, Registers] = field(factory=dict)
    msrs: Mapping[int, int] = field(factory=dict)

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read the text form, of any version there is. Raises PolicyError.

        Upper case is read as well, and one `;` after the last entry. A policy without MSRs may
        lack the `/`.
        """
        text = text.strip()
        match = _VERSION.match(text)
        version = int(match[1]) if match else VERSION
        if version not in _READERS:
            known = ", ".join(f"v{number}" for number in _READERS)
            raise PolicyError(
                f"a CPU policy in version {version} of its text form; known here: {known}"
            )
        return _READERS[version](text[match.end() :] if match else text)

    def __repr__(self) -> str:
        return f"<Policy of {len(self.leaves)} leaves and {len(self.msrs)} MSRs>"

    def _repr_html_(self) -> str:
        """For notebooks: leaves, then MSRs, numbers in hex."""
        rows: list[tuple[str, ...]] = [
            (
                f"{leaf:08x}" + ("" if subleaf == NO_SUBLEAF else f":{subleaf:x}"),
                *(f"{register:08x}" for register in registers),
            )
            for (leaf, subleaf), registers in sorted(self.leaves.items())
        ]
        rows += [
            (f"MSR {index:08x}", f"{value >> 32:08x}", f"{value & 0xFFFFFFFF:08x}", "", "")
            for index, value in sorted(self.msrs.items())
        ]
        return notebook.table(repr(self)[1:-1], ("", "eax, high", "ebx, low", "ecx", "edx"), rows)

    def leaf(self, leaf: int, subleaf: int | None = None) -> Registers:
        """EAX, EBX, ECX, EDX; zeros where the policy does not have it.

        Subleaf 0 and none (None, NO_SUBLEAF) are one: dumps do not tell them apart.
        """
        if subleaf is None:
            subleaf = NO_SUBLEAF
        registers = self.leaves.get((leaf, subleaf))
        if registers is None and subleaf in (0, NO_SUBLEAF):
            registers = self.leaves.get((leaf, NO_SUBLEAF if subleaf == 0 else 0))
        return registers or NOTHING

    def entries(self) -> tuple[list[str], list[str]]:
        """Leaves and MSRs in ascending order, each as text of its own; MSRs without flags."""
        leaves = [
            f"{leaf:08x}:{subleaf:08x}->{a:08x}:{b:08x}:{c:08x}:{d:08x}"
            for (leaf, subleaf), (a, b, c, d) in sorted(self.leaves.items())
        ]
        msrs = [f"{index:08x}->{value:016x}" for index, value in sorted(self.msrs.items())]
        return leaves, msrs

    def text(self) -> str:
        """The canonical text of version 1."""
        leaves, msrs = self.entries()
        return f"{';'.join(leaves)}/{';'.join(f'{msr}(00000000)' for msr in msrs)}"

    def __str__(self) -> str:
        return self.text()


def _read_1(text: str) -> Policy:
    leaves, _, msrs = text.partition("/")
    if "/" in msrs:
        raise PolicyError('a second "/": a CPU policy is leaves, "/" and MSRs')
    return Policy(
        _unique(_entries(leaves, "CPUID"), _leaf, "CPUID leaf"),
        _unique(_entries(msrs, "MSR"), _msr, "MSR"),
    )


_READERS: dict[int, Callable[[str], Policy]] = {1: _read_1}


def _entries(text: str, kind: str) -> Iterator[str]:
    if not text:
        return
    for index, entry in enumerate(text.removesuffix(";").split(";")):
        if not entry:
            raise PolicyError(f'{kind} entry {index} is empty: ";" stands between entries')
        yield entry


def _unique(
    entries: Iterable[str], read: Callable[[str], tuple[Key, Value, str]], kind: str
) -> dict[Key, Value]:
    mapping: dict[Key, Value] = {}
    for entry in entries:
        key, value, name = read(entry)
        if key in mapping:
            raise PolicyError(f"{kind} {name} is there twice")
        mapping[key] = value
    return mapping


def _leaf(entry: str) -> tuple[LeafKey, Registers, str]:
    match = _LEAF.fullmatch(entry)
    if match is None:
        raise PolicyError(
            f'CPUID entry "{entry[:80]}" is not leaf:subleaf->a:b:c:d, 8 hex digits each'
        )
    leaf, subleaf, eax, ebx, ecx, edx = (int(number, 16) for number in match.groups())
    return (leaf, subleaf), (eax, ebx, ecx, edx), f"{match[1]}:{match[2]}"


def _msr(entry: str) -> tuple[int, int, str]:
    match = _MSR.fullmatch(entry)
    if match is None:
        raise PolicyError(
            f'MSR entry "{entry[:80]}" is not index->value(flags), 8 and 16 hex digits'
        )
    if int(match[3] or "0", 16):
        raise PolicyError(f"MSR {match[1]}: flags {match[3]} are not known; only 0 is defined")
    return int(match[1], 16), int(match[2], 16), match[1]
