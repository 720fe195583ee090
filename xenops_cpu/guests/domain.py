"""One domain as Xen has it: how it was created, the policy it has now, and how that came about."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from attrs import define, evolve, field, frozen

from ..cpuid.fields import MSR_NAMES
from ..cpuid.policy import NO_SUBLEAF, Policy
from ..cpuid.slots import slots
from ..cpuid.table import PolicyTable, whole
from ..derivation.policies import Draft, MsrChange, PolicyChange
from ..errors import Error
from .hypervisor import Hypervisor

PV, PV32, HVM, PVH = "pv", "pv32", "hvm", "pvh"
TYPES = (PV, PV32, HVM, PVH)
NOT_THERE = 0xFFFFFFFF  # where Xen names no leaf, subleaf or register


@frozen
class Config:
    """What xc_domain_create is told, as far as it matters.

    `type`: one of TYPES; HVM and PVH differ in nothing here. `hap`: nested paging, None where the
    host has it. `nested`: it may run virtual machines itself. `migratable`, `vtsc`: whether it may
    migrate, whether reading its TSC is emulated (4.13 and 4.14 give it ITSC by them).
    """

    type: str = HVM
    hap: bool | None = None
    nested: bool = False
    vpmu: bool = False
    migratable: bool = True
    vtsc: bool = False

    @property
    def kind(self) -> str:
        """ "pv" or "hvm": whose policies Xen takes."""
        return "pv" if self.type in (PV, PV32) else "hvm"


@frozen
class Refusal(Error):
    """Xen or libxc says no. `errno`: of errno.h; `leaf`, `subleaf`, `msr`: where, NOT_THERE for
    nowhere; `why`: in words.
    """

    errno: int
    why: str
    leaf: int = NOT_THERE
    subleaf: int = NOT_THERE
    msr: int = NOT_THERE

    @property
    def name(self) -> str:
        """As Linux and Xen call it: 95 has two names."""
        if self.errno == errno.EOPNOTSUPP:
            return "EOPNOTSUPP"
        return errno.errorcode[self.errno]

    @property
    def place(self) -> str:
        """The leaf or register that it is about, "" where there is none."""
        if self.msr != NOT_THERE:
            return MSR_NAMES.get(self.msr, f"MSR {self.msr:x}")
        if self.leaf == NOT_THERE:
            return ""
        return f"CPUID {self.leaf:x}" + ("" if self.subleaf == NO_SUBLEAF else f":{self.subleaf:x}")

    def __str__(self) -> str:
        place = f" at {self.place}" if self.place else ""
        return f"{self.name}{place}: {self.why}"


@frozen
class Domain:
    """`table`: its policy, not to be changed. `changes`: what each step changed since the default
    policy, in order.
    """

    hypervisor: Hypervisor = field(repr=False)
    config: Config
    table: PolicyTable = field(repr=False)
    hap: bool
    changes: tuple[PolicyChange, ...] = field(default=(), repr=False)

    @property
    def kind(self) -> str:
        return self.config.kind

    @property
    def policy(self) -> Policy:
        """As Xen hands it out (XEN_DOMCTL_get_cpu_policy), leaves in its order."""
        return self.table.policy()

    @property
    def paging_bits(self) -> int:
        """How wide the addresses of its memory can be (domain_max_paddr_bits())."""
        xen = self.hypervisor
        if self.kind == "pv":
            return xen.physical_bits
        if self.hap:
            bits = xen.nested_paging_bits
            return min(bits, 48) if xen.in_release("4.14+ xs8") else bits
        return xen.physical_bits if xen.build.bigmem else min(xen.physical_bits, 44)

    def draft(self, table: PolicyTable | None = None) -> DomainDraft:
        """A policy for this domain to be worked on: a copy of its own, or of the one given."""
        return DomainDraft(
            release=self.hypervisor.release,
            table=(table if table is not None else self.table).copy(),
            raw=self.hypervisor.raw,
            domain=self,
        )

    def installed(self, table: PolicyTable, changes: Sequence[PolicyChange]) -> Domain:
        return evolve(self, table=table, changes=tuple(changes))

    def register_changes(self) -> list[PolicyChange]:
        """Those of MSRs: they stay when a toolstack sends all leaves anew."""
        return [change for change in self.changes if isinstance(change, MsrChange)]


def running(hypervisor: Hypervisor, config: Config, policy: Policy) -> Domain:
    """A domain that is there with this policy: how it came to it is not known."""
    sizes = slots(hypervisor.release)
    hap = config.kind == "hvm" and (hypervisor.hap if config.hap is None else config.hap)
    return Domain(hypervisor, config, PolicyTable.of(whole(policy, sizes), sizes), hap)


@define(eq=False, kw_only=True)
class DomainDraft(Draft):
    """A policy in the making for one domain."""

    domain: Domain

    @property
    def xen(self) -> Hypervisor:
        return self.domain.hypervisor

    @property
    def most(self) -> PolicyTable:
        """The most that a domain of this type may have."""
        return self.xen.maximum(self.domain.kind)

    def bit(self, name: str) -> int:
        """Of a feature; 0 where the release does not know it."""
        feature = self.release.features.get(name)
        return 1 << feature.number if feature else 0

    def put(self, features: int) -> None:
        """Write the features into the table."""
        self.table.put_features(self.release, features)

    def switch(self, name: str, on: bool) -> None:
        """Set or clear one feature."""
        bit = self.bit(name)
        self.put(self.features | bit if on else self.features & ~bit)
