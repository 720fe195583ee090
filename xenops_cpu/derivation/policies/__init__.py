"""Whole CPU policies: what a host's six are beside their feature words, step by step, with reasons.

`system_policies` gives them for a derivation. xstate and misc are what Xen does to the policies of
domains as well.
"""

from .draft import Draft, LeafChange, MsrChange, PolicyChange, run
from .system import POLICY_PHASES, LeafReason, SystemPolicies, policy_steps, system_policies

__all__ = [
    "POLICY_PHASES", "Draft", "LeafChange", "LeafReason", "MsrChange", "PolicyChange",
    "SystemPolicies", "policy_steps", "run", "system_policies",
]  # fmt: skip
