"""May a VM that has seen one featureset run where another is offered?"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import frozen

from .features import Release
from .featureset import WORD_BITS, Featureset
from .policy import NO_SUBLEAF, Policy

# libxc writes into 128 bytes, the last of which ends the text, and keeps one more.
LIBXC_ERROR_LENGTH = 126


def missing(vm: Featureset, host: Featureset) -> Featureset:
    """What the VM has seen and the host does not take in; empty means compatible.

    `host` is a host's migration set. Words that one side lacks read as zero.
    """
    return vm - host


def libxc_error(vm: Featureset, host: Featureset, xen: Release) -> str | None:
    """The text of XenServer's xc_cpu_featuresets_are_compatible(); None if they are compatible.

    libxc names what is missing in the first word that differs and stops there, after 126
    characters at the latest: for people, all names of `missing` are better.
    """
    lacking = missing(vm, host)
    if not lacking:
        return None
    numbers = list(lacking)
    word = numbers[0] // WORD_BITS
    first = [number for number in numbers if number // WORD_BITS == word]
    return " ".join(xen.names(first))[:LIBXC_ERROR_LENGTH]


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
        """Zero where a policy does not have the leaf."""
        return cls(
            basic=_register(policy, 0),
            subleaf7=policy.leaves.get((7, 0), (0, 0, 0, 0))[0],
            extended=_register(policy, 0x80000000),
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


def _register(policy: Policy, leaf: int) -> int:
    """EAX of a leaf without subleaves, in either of its spellings."""
    for subleaf in (NO_SUBLEAF, 0):
        if (leaf, subleaf) in policy.leaves:
            return policy.leaves[leaf, subleaf][0]
    return 0
