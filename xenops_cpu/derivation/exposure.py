"""What Xen's list of features says of guests, in words: why a mask took a feature from a set.

The list is public/arch-x86/cpufeatureset.h, whose letters say who may have a feature: a capital, by
default; a small one, on request; `!`, a rule of Xen's own besides. What a guest sees can still be
more than any set offers: guest_cpuid() (xen/arch/x86/cpuid.c, alike in 4.13 to 4.22) shows some
features by the state of the guest, and the policy of a single domain takes in some more
(recalculate_cpuid_policy(), init_dom0_cpuid_policy() in cpu-policy.c; 4.13: cpuid.c).
"""

from __future__ import annotations

from typing import NamedTuple

from ..features.release import Release
from .releases import span


class _Seen(NamedTuple):
    """Features that guests can see although no set offers them, in which releases, and who does."""

    names: frozenset[str]
    releases: str
    text: str


_SEEN = (
    _Seen(frozenset({"DS", "DTES64", "DSCPL"}), "all", "with vPMU a guest sees it all the same"),
    _Seen(frozenset({"MONITOR", "EIST"}), "all", "only the kernel of a PV dom0 is shown it"),
    _Seen(frozenset({"MTRR"}), "all", "the kernel of a PV dom0 is shown it as well"),
    _Seen(
        frozenset({"OSXSAVE", "OSPKE"}), "all",
        "a guest sees it once it has switched it on itself (CR4)",
    ),
    _Seen(
        frozenset({"FDP_EXCP_ONLY", "NO_FPU_SEL"}), "all",
        "every guest sees what the host has all the same",
    ),
    _Seen(
        frozenset({"ITSC"}), "4.13-4.14 xs8.2 xsr",
        "dom0 has it, and so may a VM that does not move or whose TSC Xen emulates",
    ),
    _Seen(frozenset({"ARCH_CAPS"}), "4.13 xsr", "only dom0 sees it"),
    _Seen(frozenset({"HLE"}), "xs8.2", "a VM that saw it elsewhere may come in with it"),
    _Seen(frozenset({"MPX"}), "xs8.2", "an HVM VM that saw it elsewhere may come in with it"),
)  # fmt: skip

_NOBODY = "Xen's list of features offers it to no guest"
_ON_REQUEST = (
    "Xen has it off by default: a VM's configuration can ask for it, and a VM that has it may "
    "come in"
)
_INVARIANT_TSC = (
    "Xen has it off by default, for a move could break it: it is for dom0 and for VMs that are not "
    "to move"
)
_FOR_COMERS = "Xen's list does not give it to new guests: the maximum has it for VMs that come in"


def masked(xen: Release, number: int, name: str, *, follows: bool) -> str:
    """Why the mask of the set `name` took a feature that was in the set before.

    `follows`: a later step of the same set gives it back.
    """
    kind, _, which = name.partition("_")
    if which == "default" and xen.has_max:
        text = _not_by_default(xen, number, kind)
    else:
        text = _not_offered(xen, number)
    if follows:
        return "Xen's list of features leaves it to a rule of its own, which follows"
    exception = _seen(xen, number)
    return f"{text}; {exception}" if exception else text


def _not_by_default(xen: Release, number: int, kind: str) -> str:
    masks = ("pv_max",) if kind == "pv" else ("hvm_hap_max", "hvm_shadow_max")
    if not any(number in xen.masks[mask] for mask in masks):
        return _FOR_COMERS
    return _INVARIANT_TSC if xen.label(number) == "ITSC" else _ON_REQUEST


def _not_offered(xen: Release, number: int) -> str:
    """Of a set that has no maximum before it."""
    last = "max" if xen.has_max else "def"
    if number in xen.masks[f"hvm_shadow_{last}"]:
        return "Xen's list of features offers it to HVM guests only"
    if number in xen.masks[f"hvm_hap_{last}"]:
        return "Xen's list of features offers it to HVM guests with hardware-assisted paging only"
    return _NOBODY


def _seen(xen: Release, number: int) -> str:
    label = xen.label(number)
    for exception in _SEEN:
        if label in exception.names and xen.name in span(exception.releases):
            return exception.text
    return ""
