"""What Xen compares before it takes a policy for a domain: limits, and from 4.22 on the vendor.

x86_cpu_policies_are_compatible(), xen/lib/x86/policy.c. Features are never compared. Both sides are
policies as a whole: the domain's, and the maximum of its guest type on the host. What the maximum's
limits are differs by release: up to 4.16 those of the host's CPU, later Xen's own.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import evolve

from ..cpuid.fields import PLATFORM_INFO
from ..cpuid.limits import LeafLimits
from ..cpuid.policy import NO_SUBLEAF
from ..cpuid.slots import BASIC, EXTENDED, FEATURES
from ..derivation.releases import span
from ..features.release import Release

if TYPE_CHECKING:
    from ..cpuid.table import PolicyTable
    from .domain import Refusal

_SUBLEAF_COMPARED = span("4.15+ xs8")
_VENDOR_COMPARED = span("4.22+")
# Streams of version 3: tools/libs/guest/xg_sr_stream_format.h, IHDR_VERSION.
_CARRIES_A_POLICY = span("4.14+ xs8")


def refusals(own: PolicyTable, most: PolicyTable, xen: Release) -> Iterator[Refusal]:
    """Each reason to refuse `own`, in the order in which Xen looks; it stops at the first."""
    from .domain import Refusal  # with the whole of a domain, which comparing limits does without

    yield from of_vendor(own.vendor, most.vendor, xen)
    yield from of_limits(_limits(own), _limits(most), xen)
    if own.msrs.get(PLATFORM_INFO, 0) & ~most.msrs.get(PLATFORM_INFO, 0):
        yield Refusal(
            errno.EINVAL, "CPUID faulting is not there for this guest type", msr=PLATFORM_INFO
        )


def of_vendor(own: str, most: str, xen: Release) -> Iterator[Refusal]:
    """The two vendors of leaf 0. Older Xen takes any, and zeroes what that vendor's CPUs lack."""
    from .domain import Refusal

    if xen.name in _VENDOR_COMPARED and own != most:
        yield Refusal(errno.EINVAL, f"vendor {own!r} is not {most!r}", BASIC, NO_SUBLEAF)


def compared(own: LeafLimits, xen: Release) -> LeafLimits:
    """The limits that a release looks at: the subleaf of leaf 7 counts from 4.15 on."""
    return own if xen.name in _SUBLEAF_COMPARED else evolve(own, subleaf7=0)


def carried(origin: str) -> bool:
    """Whether a stream from a host of a release, by name, has the VM's policy; "": taken so."""
    return not origin or origin in _CARRIES_A_POLICY


def of_limits(own: LeafLimits, most: LeafLimits, xen: Release) -> Iterator[Refusal]:
    """The highest leaf, the highest subleaf of leaf 7 (not before 4.15), the highest extended."""
    from .domain import Refusal

    compared = [
        ("leaf", own.basic, most.basic, (BASIC, NO_SUBLEAF)),
        ("subleaf of leaf 7", own.subleaf7, most.subleaf7, (FEATURES, 0)),
        ("extended leaf", own.extended, most.extended, (EXTENDED, NO_SUBLEAF)),
    ]
    for title, highest, limit, key in compared:
        if highest > limit and (key[0] != FEATURES or xen.name in _SUBLEAF_COMPARED):
            yield Refusal(
                errno.EINVAL,
                f"the highest {title} is {highest:x}h, at most {limit:x}h is taken",
                *key,
            )


def _limits(table: PolicyTable) -> LeafLimits:
    return LeafLimits(table.max_leaf, table.max_subleaf, table.max_extended)
