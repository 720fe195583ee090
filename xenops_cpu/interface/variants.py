"""Texts and enumerations of the interface.

Generated from idl/xenops_cpu.openrpc.yaml by scripts/generate-interface: change that, not this.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, TypeAlias

# OCaml's int has 63 bits, which is what a plain int stands for here; an int64 has them all.
Int64: TypeAlias = Annotated[int, "int64"]

# A bitmap of CPU features as text: 32-bit words in hex, eight digits each, joined by "-". To the
# wire it is a string; whether it is a featureset is for the method to say.
FeaturesetText: TypeAlias = str

# A CPU policy as text: LEAF:SUBLEAF->EAX:EBX:ECX:EDX for each CPUID leaf, joined by semicolons, a
# slash, then INDEX->VALUE(FLAGS) for each MSR, joined by semicolons; all in hex, subleaf ffffffff
# where a leaf has none, flags 0. A later form would begin with its version, such as v2.
PolicyText: TypeAlias = str


class PowerState(Enum):
    """What a VM is doing."""

    # The VM runs.
    RUNNING = "Running"
    # The VM is shut down.
    HALTED = "Halted"
    # The VM's memory is saved in an image.
    SUSPENDED = "Suspended"
    # The VM has a domain that is not scheduled.
    PAUSED = "Paused"


class GuestType(Enum):
    """Which of a host's featuresets count for a guest."""

    # PV guests.
    PV = "Pv"
    # HVM guests, and PVH and PV-in-PVH guests.
    HVM = "Hvm"


class SecurityKind(Enum):
    """What a finding is about."""

    # Work that one host needs of guests. In a register only those that boot there do it.
    FORCED = "Forced"
    # An immunity that some hosts lack. In a register guests of other hosts rely on it there.
    IMMUNITY = "Immunity"
    # A control that some hosts lack. In a register guests of other hosts rely on it there.
    CONTROL = "Control"
    # The pool loses a feature that guests miss in time, not in safety.
    SPEED = "Speed"


class Verdict(Enum):
    """May the VM run on the host? From best to worst."""

    # It has seen nothing yet and boots here.
    BOOTS = "Boots"
    # It resumes or migrates here, and sees nothing that the host would not give.
    MIGRATES = "Migrates"
    # It resumes or migrates here, because the host takes in more than it gives; perhaps slowly.
    ONLY_BY_MAX = "Only_by_max"
    # The host lacks features: only a forced migration would go.
    ONLY_BY_FORCE = "Only_by_force"
    # Another vendor, no such guests here, or leaves that Xen refuses.
    IMPOSSIBLE = "Impossible"
