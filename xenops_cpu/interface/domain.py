"""Records of the interface: domain.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from attrs import frozen

from .variants import FeaturesetText, GuestType, PolicyText


@frozen
class DomainPolicy:
    """A domain that runs, and its CPU policy."""

    # The id of the domain.
    domid: int
    # What its toolstack gave it, which is the UUID of the VM in xapi; zeros for none.
    uuid: str
    # Hvm stands for PVH too, which looks alike to the hypervisor.
    guest_type: GuestType
    # Whose names the bits of the featureset have: 4.7 to 4.22, master, xenserver-8.2 or
    # xenserver-8, or a build of the last two.
    release: str
    # What a host has to take in for it: the features of the policy.
    featureset: FeaturesetText
    # Every leaf and MSR, in the order of the hypervisor, also those that are zero.
    policy: PolicyText
