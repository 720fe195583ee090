"""What a VM meets that has seen a feature and goes on where it is missing.

What kind of risk a feature is stands beside its meaning (data/meanings.txt). What each kind does is
from Intel's SDM and AMD's APM; how guests use the bits of speculation is Linux's
(arch/x86/kernel/cpu/bugs.c).
"""

from __future__ import annotations

from functools import cache

from .featureset import WORD_BITS
from .meanings import copy_of, meanings
from .release import Release

# What Xen 4.19 and later mark with "|" in cpufeatureset.h (gen-cpuid.py: simple_or), and why such a
# feature is in a pool's level as soon as one host has it.
ORED = {
    "MD_CLEAR": "a guest scrubs buffers with VERW if any host says that this works",
    "FB_CLEAR": "a guest scrubs fill buffers with VERW if any host says that this works",
    "RFDS_CLEAR": "a guest scrubs register files with VERW if any host says that this works",
    "VERW_CLEAR": "a guest scrubs with VERW if any (AMD) host says that this works",
    "NO_LMSL": "says that segment limits in long mode are missing: true if any host lacks them",
    "FS_GS_NS": "says that writes of FS and GS base need not serialise: true if any host's do not",
}
# One fact in two forms: which one a level has follows from EIBRS.
RSB = ("RSBA", "RRSBA")

_IMMUNE = "immune: "
_KINDS = {
    "guest": "none: it repeats what the guest itself switched on",
    "topology": "the guest has counted its CPUs by another rule; little, unless it counts again",
    "hint": "little: it is a statement about speed or behaviour, not an instruction",
    "control": (
        "the guest uses a register that is missing or differs (#GP): its kernel may crash, or go "
        "on without the protection that it counts on"
    ),
    "state": (
        "the guest's kernel saves and restores its registers (XSAVE): faults in kernel and "
        "programs, a crash is likely"
    ),
}
_NAMED = {
    **dict.fromkeys(
        RSB, "none from this bit: the VM goes on protecting its returns, as it was told to"
    ),
    "IF_PSCHANGE_MC_NO": (
        "the guest takes the CPU to be immune to iTLB multihit: as a hypervisor it lets its own "
        "guests cause machine checks, which stop it"
    ),
    "LFENCE_DISPATCH": (
        "barriers of LFENCE, on which guests on AMD rely against Spectre, may not hold here"
    ),
    "EIBRS": (
        "a guest that has set IBRS once counts on it at each entry to its kernel; here it has to "
        "be set at each: no fault, but its kernel may be open to Spectre v2"
    ),
    **dict.fromkeys(
        ORED, "little: the guest goes on as before, which may be needless or without effect here"
    ),
    "HLE": "none but speed: the prefixes of HLE are ignored where it is missing",
    "RTM": "programs that begin a transaction stop with an invalid opcode (#UD)",
    "RTM_ALWAYS_ABORT": "programs that begin a transaction stop with an invalid opcode (#UD)",
    "HYPERVISOR": "every guest is shown it: a set without it is not a guest's",
}


@cache
def immunities() -> dict[str, str]:
    """The features that say that a CPU is immune, and to what, in bit order of meanings.txt.

    One that is lost makes a guest protect itself needlessly; one that is missing where a VM goes
    leaves it without protection.
    """
    return {
        name: meaning.risk.removeprefix(_IMMUNE)
        for name, meaning in meanings().items()
        if meaning.risk.startswith(_IMMUNE)
    }


def risk(xen: Release, number: int) -> str:
    """What happens to a VM that has seen the feature and goes on without it: one sentence."""
    name = xen.label(number)
    if name in _NAMED:
        return _NAMED[name]
    if name in immunities():
        return (
            f"the guest takes the CPU to be immune to {immunities()[name]} and leaves its "
            "protection off: other software may read its secrets"
        )
    copied = copy_of(number)
    if copied is not None:
        return f"little: on AMD it repeats {xen.label(copied)} of leaf 1, which guests look at"
    meaning = meanings().get(name)
    if meaning is not None and meaning.risk in _KINDS:
        return _KINDS[meaning.risk]
    index = number // WORD_BITS
    if index < xen.length and xen.words[index].msr is not None:
        return "the guest relies on what this bit of a register promises"
    if xen.feature(number) is None:
        return "not known: this release has no name for the bit"
    return "programs or the kernel that use it stop with an invalid opcode (#UD) or a fault"
