"""What a toolstack asks libxc for, and the policy that libxc makes of it."""

from __future__ import annotations

from attrs import define, frozen

from ..derivation.releases import span
from ..derivation.source import Source
from ..features.featureset import Featureset
from ..features.release import Release
from .domain import DomainDraft
from .strings import MsrString, XendLeaf

APPLY_POLICY = Source(
    "tools/libs/guest/xg_cpuid_x86.c xc_cpuid_apply_policy()",
    {"4.13-4.14 xs8.2 xsr": "tools/libxc/xc_cpuid_x86.c xc_cpuid_apply_policy()"},
)


@frozen(kw_only=True)
class Wishes:
    """The arguments of xc_cpuid_apply_policy().

    `restore`: the VM comes from a stream without CPUID data, so from 4.13 or older. `featureset`:
    None for none; with one, `pae`, `itsc` and `nested` are ignored. `cores_per_socket`: XenServer's
    libxc only, 0 for none. `xend`, `msr`: strings of bits.
    """

    restore: bool = False
    featureset: Featureset | None = None
    pae: bool = True
    itsc: bool = False
    nested: bool = False
    cores_per_socket: int = 0
    xend: tuple[XendLeaf, ...] = ()
    msr: tuple[MsrString, ...] = ()


@define(eq=False, kw_only=True)
class LibxcDraft(DomainDraft):
    """The policy that libxc makes for a domain, to be sent to Xen. `libxc`: whose it is."""

    wishes: Wishes
    libxc: Release

    def in_libxc(self, releases: str) -> bool:
        """Whether it is the libxc of one of these releases."""
        return self.libxc.name in span(releases)

    @property
    def hvm(self) -> bool:
        return self.domain.kind == "hvm"
