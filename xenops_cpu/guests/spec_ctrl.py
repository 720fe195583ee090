"""The register against speculation that a guest writes, MSR 48h: which bits its policy allows."""

from __future__ import annotations

from ..cpuid.policy import Policy
from ..cpuid.words import policy_featureset
from ..features.release import Release


def spec_ctrl_bits(policy: Policy, xen: Release) -> int:
    """The bits of MSR 48h that a guest may set; a stream with others is not restored.

    IBRS and STIBP go with the register; SSBD, PSFD, and the IPRED, RRSBA and BHI controls with
    their features (msr_spec_ctrl_valid_bits(), xen/arch/x86/msr.c).
    """
    names = set(xen.names(policy_featureset(policy, xen)))
    if not names & {"IBRSB", "IBRS"}:
        return 0
    bits = 0b11
    bits |= 1 << 2 if names & {"SSBD", "AMD_SSBD"} else 0
    bits |= 1 << 7 if names & {"INTEL_PSFD", "PSFD"} else 0
    bits |= (1 << 3 | 1 << 4) if "IPRED_CTRL" in names else 0
    bits |= (1 << 5 | 1 << 6) if "RRSBA_CTRL" in names else 0
    bits |= 1 << 10 if "BHI_CTRL" in names else 0
    return bits
