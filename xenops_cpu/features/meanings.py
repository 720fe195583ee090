"""What a feature is, and why it may be in a migration set and not in the boot set, for people.

What each feature is stands in data/meanings.txt, which names its sources. The facts about
migration are those of Xen's guest_common_max_feature_adjustments() and
guest_common_default_feature_adjustments() (xen/arch/x86/cpu-policy.c, 4.17 to master) and of
XenServer's libxc, which adds features that old Xen showed by mistake.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from .. import data_files
from .featureset import WORD_BITS
from .release import COMMON_1D, NEWEST, Release, release

# The groups of data/meanings.txt in the order in which people are told of them.
GROUPS = {
    "base": "the basic machine",
    "state": "saved registers (XSAVE)",
    "fpu": "the x87 unit",
    "simd": "vector instructions",
    "avx512": "AVX-512",
    "amx": "AMX",
    "crypto": "cryptography and random numbers",
    "instructions": "other instructions",
    "cache": "caches",
    "hints": "hints about speed",
    "quirks": "small differences in behaviour",
    "paging": "memory and its protection",
    "time": "clocks and interrupts",
    "topology": "topology",
    "tsx": "TSX",
    "controls": "controls against speculation",
    "verw": "VERW scrubs buffers",
    "immune": "what the CPU is not open to",
    "warns": "warnings",
    "virt": "virtualisation",
    "security": "other security",
    "perf": "profiling and debugging",
    "power": "power and idling",
    "qos": "sharing caches and memory",
    "ras": "hardware errors and identity",
    "host": "registers for the host only",
    "copies": "AMD's copies of leaf 1 in leaf 80000001h",
    "unnamed": "bits without a name",
}
COPIES, UNNAMED = "copies", "unnamed"

_COPIED_WORD = 2  # 80000001h EDX, which has bits of word 0 again on AMD

_RTM = (
    "TSX, hidden at boot because it is off here; a VM that saw it elsewhere may come in (its "
    "transactions always abort, which costs speed, not correctness)"
)
_HLE = (
    "TSX's older half, off by default on every CPU; a VM that saw it elsewhere may come in (where "
    "its prefixes do nothing, that costs speed, not correctness)"
)
_ABORT = (
    "promises that XBEGIN does not fault, and no more: true wherever there is RTM, so a VM that "
    "saw it elsewhere may come in"
)
_TOPOLOGY = (
    "a topology bit that older Xen let guests see; the topology is the toolstack's to decide, so "
    "a VM that remembers the bit may come in"
)
_X2APIC = (
    "older Xen showed it to PV guests, which cannot use it; a VM that remembers the bit may come in"
)
_VERW = (
    "tells a guest that VERW scrubs buffers; here it does not (it need not, or the microcode is "
    "too old), but a VM from a host where it does may come in"
)
_ARCH_CAPS = (
    "a register with facts about the CPU, which Xen can offer to any guest on Intel; a VM that had "
    "it on another host of the pool may come in"
)
_RSB = (
    "tells a guest that returns may be predicted from elsewhere; a VM that was told so on another "
    "host of the pool may come in"
)
_NESTED = "nested virtualisation, given only on request"

_SENTENCES = {
    "HLE": _HLE,
    "RTM": _RTM,
    "RTM_ALWAYS_ABORT": _ABORT,
    "HTT": _TOPOLOGY,
    "CMP_LEGACY": _TOPOLOGY,
    "X2APIC": _X2APIC,
    "MD_CLEAR": _VERW,
    "FB_CLEAR": _VERW,
    "RFDS_CLEAR": _VERW,
    "VERW_CLEAR": _VERW,
    "ARCH_CAPS": _ARCH_CAPS,
    "RSBA": _RSB,
    "RRSBA": _RSB,
    "SVM": _NESTED,
    "VMX": _NESTED,
    "RDRAND": "not given on this CPU, where other programs may learn the numbers (SRBDS); a VM "
    "that uses it may come in, at that risk",
    "CLWB": "slow with the microcode for GDS, so not given; safe for a VM that uses it already",
    "MPX": "given up by compilers and kernels, so not given unless asked for",
    "ERMS": "a hint about speed, which cannot break a VM that saw it",
    "NO_LMSL": "says that segment limits in long mode are not offered, which is always true",
    "VIRT_SSBD": "Xen emulates it for guests that come from hosts where it is the only control",
    "ITSC": "a clock of constant speed, which a migration can break: for guests that stay here",
    "IBS": "shown by mistake by Xen 4.7 and kept in old records: a compatibility bit",
    "LWP": "taken away by microcode and kept in old records: a compatibility bit",
}
_DUPLICATE = "shown twice by Xen 4.7, kept in old records of VMs: a compatibility bit"
_ON_REQUEST = "off at boot unless the guest's configuration asks for it"


class Meaning(NamedTuple):
    """`group`: a key of GROUPS. `text`: one sentence, "" for a bit without a name. `risk`: the kind
    of it, for the module risks.
    """

    group: str
    text: str = ""
    risk: str = ""


def meaning(xen: Release, number: int) -> Meaning:
    """What the feature is; UNNAMED for a bit that neither this release nor the newest names."""
    known = meanings()
    for tables in (xen, release(NEWEST)):
        feature = tables.feature(number)
        if feature is not None and feature.name in known:
            return known[feature.name]
    copied = copy_of(number)
    if copied is not None:
        return Meaning(COPIES, f"AMD's copy of {xen.label(copied)}, which is in leaf 1.")
    return Meaning(UNNAMED)


def copy_of(number: int) -> int | None:
    """The feature of leaf 1 that AMD repeats in this bit of leaf 80000001h; None for all others."""
    word, bit = divmod(number, WORD_BITS)
    return bit if word == _COPIED_WORD and COMMON_1D >> bit & 1 else None


def brief(xen: Release, numbers: Iterable[int]) -> str:
    """Names in order, with the copies of leaf 1 as one remark at the end."""
    names, copies = [], []
    for number in numbers:
        copied = copy_of(number)
        if copied is None:
            names.append(xen.label(number))
        else:
            copies.append(xen.label(copied))
    if copies:
        names.append(f"(and {GROUPS[COPIES]}: {' '.join(copies)})")
    return " ".join(names)


def by_group(xen: Release, numbers: Iterable[int]) -> dict[str, list[int]]:
    """Feature numbers by key of GROUPS, in the order of GROUPS, then in the order given."""
    groups: dict[str, list[int]] = {group: [] for group in GROUPS}
    for number in numbers:
        groups[meaning(xen, number).group].append(number)
    return {group: members for group, members in groups.items() if members}


@cache
def meanings() -> dict[str, Meaning]:
    """Of every named feature, in the order of data/meanings.txt."""
    text = data_files.read_text("meanings.txt")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    rows = (line.split(" | ") for line in lines)
    return {name: Meaning(group, sentence, risk) for name, group, risk, sentence in rows}


def why_only_in_migration(release: Release, number: int) -> str:
    """Why Xen takes the feature in and does not give it."""
    name = release.label(number)
    if name.startswith("<2*32+"):
        return _DUPLICATE
    return _SENTENCES.get(name, _ON_REQUEST)


def grouped(release: Release, numbers: Iterable[int]) -> dict[str, list[str]]:
    """Names by sentence, in order of first appearance."""
    groups: dict[str, list[str]] = {}
    for number in numbers:
        sentence = why_only_in_migration(release, number)
        groups.setdefault(sentence, []).append(release.label(number))
    return groups
