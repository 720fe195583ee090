"""What toolstacks make of a VM's settings before they call libxc.

xl: libxl__cpuid_legacy() in tools/libs/light/libxl_cpuid.c; it gives no featureset. XenServer's
and XCP-ng's xenguest: construct_cpuid_policy() in their patch xenguest; it always gives one, so
that libxc's own arguments do not count.
"""

from __future__ import annotations

from attrs import evolve, field, frozen

from ..features.featureset import Featureset
from .domain import Config
from .hypervisor import Hypervisor
from .wishes import Wishes
from .xl import Setting

XL, XAPI = "xl", "xapi"
TOOLSTACKS = (XL, XAPI)


@frozen(kw_only=True)
class Settings:
    """A VM as people configure it.

    `featureset`: xapi's platform:featureset, or None. `nested`: nestedhvm=, platform:nested-virt.
    `pinned`: it may not migrate (nomigrate). `emulated_tsc`: xl's tsc_mode="always_emulate".
    `restore`: it comes from a stream without CPUID data. `setting`: xl's cpuid=. `xcp_ng`: the
    toolstack is XCP-ng's, which makes nested virtualisation visible.
    """

    type: str = "hvm"
    hap: bool | None = None
    featureset: Featureset | None = None
    nested: bool = False
    pae: bool = True
    nx: bool = True
    pinned: bool = False
    emulated_tsc: bool = False
    restore: bool = False
    cores_per_socket: int = 0
    setting: Setting = field(factory=Setting)
    xcp_ng: bool = False

    @property
    def hvm(self) -> bool:
        return self.type in ("hvm", "pvh")


def usual(xen: Hypervisor) -> str:
    """The toolstack that a host of this release most likely has."""
    return XAPI if xen.release.xenserver else XL


def config(settings: Settings, toolstack: str) -> Config:
    """How the domain is created."""
    pinned = settings.pinned or (toolstack == XAPI and settings.nested)
    return Config(
        type=settings.type,
        hap=settings.hap if settings.hvm else None,
        nested=settings.nested,
        migratable=not pinned,
        vtsc=settings.emulated_tsc,
    )


def wishes(settings: Settings, toolstack: str, xen: Hypervisor) -> Wishes:
    """What libxc is asked for."""
    common = Wishes(
        restore=settings.restore,
        pae=settings.pae,
        itsc=settings.pinned or settings.emulated_tsc,
        nested=settings.nested,
        featureset=settings.featureset,
        xend=settings.setting.xend,
        msr=settings.setting.msr,
    )
    if toolstack == XL:
        return common
    return evolve(
        common,
        featureset=_xenguest(settings, xen),
        pae=settings.pae,  # xenguest sets HVM_PARAM_PAE_ENABLED, which 4.13 looks at
        itsc=False,
        cores_per_socket=settings.cores_per_socket,
    )


def _xenguest(settings: Settings, xen: Hypervisor) -> Featureset:
    """The featureset of platform/, else the default set: of PV guests for PVH, and for what is
    restored without nested paging.
    """
    hvm = settings.type == "hvm"
    if settings.restore:
        hvm = settings.hvm and (xen.hap if settings.hap is None else settings.hap)
    own = settings.featureset
    length = xen.release.length
    bits = (
        own.bits if own is not None else xen.default("hvm" if hvm else "pv").features(xen.release)
    )
    for name, enabled in (("NX", settings.nx), ("PAE", settings.pae)):
        if not enabled:
            bits &= ~_bit(xen, name)
    if (settings.pinned or settings.nested) and xen.has_host("ITSC"):
        bits |= _bit(xen, "ITSC")
    if settings.nested and settings.xcp_ng:
        bits |= _bit(xen, "VMX") | _bit(xen, "SVM")
    return Featureset(bits, max(length, own.length if own is not None else 0))


def _bit(xen: Hypervisor, name: str) -> int:
    feature = xen.release.features.get(name)
    return 1 << feature.number if feature else 0
