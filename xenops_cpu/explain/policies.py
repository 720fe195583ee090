"""What differs between two CPU policies: features by name, everything else as statements."""

from __future__ import annotations

from attrs import frozen

from ..cpuid.policy import Policy
from ..cpuid.statements import Statement, in_leaves, statements
from ..features.release import NEWEST, Release, release
from .sets import SetDifference


@frozen
class PolicyDifference:
    """`features`: those in CPUID leaves; the ones in MSRs are among the statements."""

    features: SetDifference
    statements: tuple[Statement, ...]

    @property
    def same(self) -> bool:
        return self.features.same and not self.statements


def policies(a: Policy, b: Policy, xen: Release | None = None) -> PolicyDifference:
    """The difference of two policies; `xen` says which bits are features (None: the newest)."""
    xen = xen or release(NEWEST)
    return PolicyDifference(
        SetDifference(in_leaves(a, xen), in_leaves(b, xen), xen), statements(a, b, xen)
    )
