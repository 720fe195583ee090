"""The highest leaves that a policy announces, which Xen compares beside the features."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from .policy import Policy

_FEATURES = 7


@frozen
class LeafLimits:
    """The highest leaves that a policy announces: basic, subleaf of leaf 7, extended.

    Xen 4.15 and later refuse a policy whose limits are above the host's (x86_cpu_policies_are_
    compatible() in xen/lib/x86/policy.c), whatever the features say.
    """

    basic: int
    subleaf7: int
    extended: int

    @classmethod
    def of(cls, policy: Policy) -> LeafLimits:
        """Zero where a policy does not have the leaf, or ends before it: Xen clears it then
        (x86_cpu_policy_clear_out_of_range_leaves()).
        """
        basic = policy.leaf(0)[0]
        return cls(
            basic=basic,
            subleaf7=policy.leaf(7)[0] if basic >= _FEATURES else 0,
            extended=policy.leaf(0x80000000)[0],
        )

    def beyond(self, host: LeafLimits) -> Iterator[str]:
        """A sentence for each limit that is higher than the host's."""
        for title, mine, theirs in (
            ("CPUID leaf", self.basic, host.basic),
            ("subleaf of CPUID leaf 7", self.subleaf7, host.subleaf7),
            ("extended CPUID leaf", self.extended, host.extended),
        ):
            if mine > theirs:
                yield f"the VM's highest {title} is {mine:#x}, the host's {theirs:#x}"
