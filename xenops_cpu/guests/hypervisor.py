"""What Xen on one host decides a domain's policy from: its release, its six policies, its machine.

From a derivation it is complete. From policies that a real host answered it is as good as they
are: features in leaves beyond a policy's limits are in the featuresets only, and whether there is
nested paging has to be assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

from attrs import field, frozen

from ..cpuid.fields import ARCH_CAPS
from ..cpuid.identity import INTEL
from ..cpuid.policy import Policy
from ..cpuid.slots import EXTENDED, slots
from ..cpuid.table import PolicyTable
from ..derivation import Derivation, Machine
from ..derivation.hardware import ARCH_CAPS_TSX_CTRL, examine
from ..derivation.policies import system_policies
from ..derivation.policies.xstate import unlisted
from ..derivation.releases import span
from ..errors import Error
from ..features.featureset import Featureset
from ..features.release import Release
from ..hosts.host import Host

# xen/arch/x86/include/asm/page.h PADDR_BITS, and what a CPU without leaf 80000008h is taken for.
_MOST_BITS, _FEWEST_BITS = 52, 36
# NPT, LBRV, NRIPS, FLUSHBYASID, DECODEASSISTS of 8000000ah EDX: all that nested SVM asks for.
_NESTED_SVM = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 6 | 1 << 7
_NESTED_CHECKED = "4.19+"
_SME_COUNTED = "4.14+ xs8"


class NoPolicies(Error):
    """A host of which too little is known to say what its domains get."""


@frozen
class Build:
    """How Xen was configured, where it decides: CONFIG_SHADOW_PAGING, CONFIG_PV32, CONFIG_BIGMEM.

    None of it can be asked for; upstream's defaults are the first two on, the last off.
    """

    shadow: bool = True
    pv32: bool = True
    bigmem: bool = False


@frozen(slots=False)  # its cached properties need a place, which attrs gives since 23.2
class Hypervisor:
    """`tables`: the six policies by their names. `host_features`: the host featureset.

    `hap`: there is nested paging. `vpmu`: virtual performance counters are on and work.
    `tsx_ctrl`: MSR 10ah says that TSX can be switched off. `mpx`: a guest's MPX state can be kept.
    `notes`: what was assumed.
    """

    release: Release
    tables: Mapping[str, PolicyTable] = field(repr=False)
    host_features: int
    hvm: bool
    hap: bool
    vpmu: bool = False
    tsx_ctrl: bool = False
    mpx: bool = False
    build: Build = field(factory=Build)
    notes: tuple[str, ...] = ()

    @property
    def raw(self) -> PolicyTable:
        return self.tables["raw"]

    @property
    def host(self) -> PolicyTable:
        return self.tables["host"]

    def in_release(self, releases: str) -> bool:
        return self.release.name in span(releases)

    def maximum(self, kind: str) -> PolicyTable:
        """Of "pv" or "hvm" guests."""
        return self.tables[f"{kind}_max"]

    def default(self, kind: str) -> PolicyTable:
        """What a new guest starts with: the maximum where the release has nothing else."""
        return self.tables[f"{kind}_default"]

    @cached_property
    def default_lists(self) -> Mapping[str, Policy]:
        """The default policies as the toolstack gets them, by guest type."""
        return {kind: self.default(kind).policy() for kind in ("pv", "hvm")}

    @cached_property
    def vendor(self) -> str:
        """The CPU's."""
        return self.raw.vendor

    @property
    def intel(self) -> bool:
        return self.vendor == INTEL

    @property
    def vmx(self) -> bool:
        """HVM guests run by Intel's VMX, not by SVM."""
        return self.has_host("VMX")

    @cached_property
    def physical_bits(self) -> int:
        """Of addresses, without those that memory encryption takes."""
        bits = min(self._sizes & 0xFF, _MOST_BITS) if self._sizes else _FEWEST_BITS
        if self.in_release(_SME_COUNTED) and self._sizes:
            bits -= self.raw.leaf(EXTENDED + 0x1F)[1] >> 6 & 0x3F
        if self.intel and self.raw.leaf(1)[0] & 0x0FFF0FFF in (0xF33, 0xF34):
            return _FEWEST_BITS  # those two say more than they have
        return bits

    @cached_property
    def nested_paging_bits(self) -> int:
        """Of a guest's addresses under nested paging."""
        if not self._sizes:
            return _FEWEST_BITS
        return min(self._sizes >> 16 & 0xFF or self._sizes & 0xFF, _MOST_BITS)

    @property
    def _sizes(self) -> int:
        """80000008h EAX, 0 where there is no such leaf."""
        highest = self.raw.max_extended
        there = highest >> 16 == 0x8000 and highest >= EXTENDED + 8
        return self.raw.leaf(EXTENDED + 8)[0] if there else 0

    @property
    def nested_virt(self) -> bool:
        """Whether a domain may be created that runs virtual machines itself."""
        if not self.in_release(_NESTED_CHECKED):
            return True
        if self.vmx:
            return self.hap
        return self.hap and self.raw.leaf(EXTENDED + 0xA)[3] & _NESTED_SVM == _NESTED_SVM

    def has_host(self, name: str) -> bool:
        """The feature is in the host featureset."""
        return bool(self.host_features & _bit(self.release, name))


def of_derivation(derivation: Derivation, build: Build | None = None) -> Hypervisor:
    """The hypervisor of a derived host."""
    policies = system_policies(derivation)
    host = derivation.featuresets["host"]
    assert host is not None
    return Hypervisor(
        release=derivation.release,
        tables={name: policies.table(name) for name in policies},
        host_features=host.bits,
        hvm=derivation.hvm,
        hap=derivation.hap,
        vpmu=bool(policies.table("host").leaf(0xA)[0]),
        tsx_ctrl=bool(derivation.cpu.msrs.get(ARCH_CAPS, 0) & ARCH_CAPS_TSX_CTRL),
        mpx=examine(derivation.cpu, Machine()).vmx().mpx,
        build=build or Build(),
        notes=(*derivation.notes, *_unlisted(policies.table("raw"))),
    )


def _unlisted(raw: PolicyTable) -> Iterator[str]:
    components = " ".join(map(str, unlisted(raw)))
    if components:
        yield (
            "the CPU's dump does not say how large all parts of its saved state are (components "
            f"{components}): sizes in leaf dh are too small where a guest has them"
        )


def of_host(host: Host, build: Build | None = None) -> Hypervisor:
    """The hypervisor of a host that answered its policies. Raises NoPolicies."""
    sets = [f"{kind}_default" for kind in ("pv", "hvm")]
    if host.release.has_max:
        sets += ["pv_max", "hvm_max"]
    missing = [name for name in ("raw", "host", *sets) if name not in host.policies]
    if missing:
        raise NoPolicies(f"its policies {', '.join(missing)} are not known")
    sizes = slots(host.release)
    tables: dict[str, PolicyTable] = {}
    for name in ("raw", "host", *sets):
        table = PolicyTable.of(host.policies[name], sizes)
        featureset: Featureset | None = getattr(host.featuresets, name)
        # What XenServer's libxc calls the maxima has more than Xen's own.
        published = host.release.xenserver and name.endswith("_max")
        if featureset and not published:
            table.put_features(host.release, featureset.bits)
        tables[name] = table
    for kind in ("pv", "hvm"):
        tables.setdefault(f"{kind}_max", tables[f"{kind}_default"])
    return Hypervisor(
        release=host.release,
        tables=tables,
        host_features=host.featuresets.host.bits,
        hvm=host.hvm,
        hap=host.hvm,
        vpmu=bool(tables["host"].leaf(0xA)[0]),
        tsx_ctrl=bool(tables["raw"].msrs.get(ARCH_CAPS, 0) & ARCH_CAPS_TSX_CTRL),
        mpx=bool(host.featuresets.host.bits & _bit(host.release, "MPX")),
        build=build or Build(),
        notes=(*host.notes, *(("nested paging (HAP) is taken as there",) if host.hvm else ())),
    )


def _bit(xen: Release, name: str) -> int:
    feature = xen.features.get(name)
    return 1 << feature.number if feature else 0
