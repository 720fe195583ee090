"""A CPU policy: the CPUID leaves and MSRs behind a featureset.

Text form, version 1: `leaf:subleaf->a:b:c:d;…/msr->value;…`, numbers in hex, 8 digits each and 16
for an MSR's value; leaves and MSRs in ascending order. `subleaf` is ffffffff where a leaf has none
(xen/include/public/arch-x86/xen.h, XEN_CPUID_NO_SUBLEAF). An MSR may carry flags in parentheses,
`msr->value(flags)`, which Xen defines as zero so far (xen_msr_entry_t).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import field, frozen

NO_SUBLEAF = 0xFFFFFFFF

LeafKey = tuple[int, int]
Registers = tuple[int, int, int, int]

_LEAF = re.compile(
    r"([0-9a-fA-F]{8}):([0-9a-fA-F]{8})->([0-9a-fA-F]{8}):([0-9a-fA-F]{8})"
    r":([0-9a-fA-F]{8}):([0-9a-fA-F]{8})"
)
_MSR = re.compile(r"([0-9a-fA-F]{8})->([0-9a-fA-F]{16})(?:\(([0-9a-fA-F]{1,8})\))?")


class PolicyError(ValueError):
    """A text that is not a CPU policy; the message names the entry."""


@frozen
class Policy:
    """`leaves`: (leaf, subleaf or NO_SUBLEAF) to (eax, ebx, ecx, edx). `msrs`: index to value."""

    leaves: Mapping[LeafKey, Registers] = field(factory=dict)
    msrs: Mapping[int, int] = field(factory=dict)

    @classmethod
    def parse(cls, text: str) -> Policy:
        """Read the text form. Raises PolicyError."""
        leaves_text, _, msrs_text = text.strip().partition("/")
        leaves: dict[LeafKey, Registers] = {}
        for entry in filter(None, leaves_text.split(";")):
            match = _LEAF.fullmatch(entry)
            if match is None:
                raise PolicyError(
                    f'CPUID entry "{entry[:80]}" is not leaf:subleaf->a:b:c:d, 8 hex digits each'
                )
            leaf, subleaf, eax, ebx, ecx, edx = (int(number, 16) for number in match.groups())
            if (leaf, subleaf) in leaves:
                raise PolicyError(f"CPUID leaf {leaf:08x}:{subleaf:08x} is there twice")
            leaves[leaf, subleaf] = (eax, ebx, ecx, edx)
        msrs: dict[int, int] = {}
        for entry in filter(None, msrs_text.split(";")):
            match = _MSR.fullmatch(entry)
            if match is None:
                raise PolicyError(
                    f'MSR entry "{entry[:80]}" is not index->value, 8 and 16 hex digits'
                )
            if int(match[3] or "0", 16):
                raise PolicyError(
                    f"MSR {match[1]}: flags {match[3]} are not known; only 0 is defined"
                )
            if int(match[1], 16) in msrs:
                raise PolicyError(f"MSR {match[1]} is there twice")
            msrs[int(match[1], 16)] = int(match[2], 16)
        return cls(leaves, msrs)

    def __str__(self) -> str:
        leaves = ";".join(
            f"{leaf:08x}:{subleaf:08x}->{a:08x}:{b:08x}:{c:08x}:{d:08x}"
            for (leaf, subleaf), (a, b, c, d) in sorted(self.leaves.items())
        )
        msrs = ";".join(f"{index:08x}->{value:016x}" for index, value in sorted(self.msrs.items()))
        return f"{leaves}/{msrs}"
