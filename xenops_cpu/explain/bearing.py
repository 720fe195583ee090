"""Which features an assumption of a derivation bears on: the others need not hear of it."""

from __future__ import annotations

from collections.abc import Iterable

from ..derivation.hardware import SBPB_ASSUMED, VMX_ASSUMED
from ..features.release import Release

# What Xen offers by a VMX control of its own (derivation/hvm.py).
_BY_VMX_CONTROLS = ("RDTSCP", "INVPCID", "MPX", "XSAVES")


def bears_on(note: str, number: int, xen: Release) -> bool:
    """Whether a note of a derivation under `xen` may matter to the feature. What is not known to be
    about some features alone (a microcode revision, an option of the command line) may to each.
    """
    if note == VMX_ASSUMED:
        return number in _with_dependents(xen, (*_by_ept(xen), *_named(xen, *_BY_VMX_CONTROLS)))
    if note.startswith(SBPB_ASSUMED):
        return number in _with_dependents(xen, _named(xen, "SBPB"))
    return True


def _by_ept(xen: Release) -> Iterable[int]:
    """What HVM guests are offered by whether they are paged with EPT or by shadow tables."""
    for kind in ("max", "def"):
        nested, shadow = xen.masks[f"hvm_hap_{kind}"], xen.masks[f"hvm_shadow_{kind}"]
        yield from set(nested) ^ set(shadow)


def _named(xen: Release, *names: str) -> Iterable[int]:
    return [xen.features[name].number for name in names if name in xen.features]


def _with_dependents(xen: Release, numbers: Iterable[int]) -> set[int]:
    bases = set(numbers)
    return bases.union(*(xen.deep_deps.get(base, ()) for base in bases))
