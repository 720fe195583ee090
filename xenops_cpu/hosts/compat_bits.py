"""Bits that XenServer's libxc adds to the max featuresets, for VMs that remember them.

XenServer and XCP-ng publish as max more than the hypervisor gives: old releases showed guests bits
that mean nothing, or that later releases hide, and a VM that has run there must still be let in.
The bits are in the record of every such host, where they mislead whoever reads them as features.

Facts: xc_get_cpu_featureset() of XenServer's patched tools/libs/guest/xg_cpuid_x86.c (XenServer 8,
on Xen 4.17; XenServer 8.2 and its retrofit of April 2023, on Xen 4.13). libxc does this itself:
nothing here adds to what a hypervisor's libxc has answered, it only says which bits are of that
kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..cpuid.policy import Policy
from ..cpuid.words import policy_featureset
from ..features.featureset import Featureset
from ..features.release import COMMON_1D, Release
from ..interface import GuestType
from .host import MAX, Featuresets, Host, set_name

INTEL = frozenset({"GenuineIntel"})
AMD = frozenset({"AuthenticAMD", "HygonGenuine"})
VMX_VENDORS = frozenset({"GenuineIntel", "CentaurHauls"})

_8, _8_2, _RETROFIT = "xenserver-8", "xenserver-8.2", "xenserver-8.2-retrofit"
_MAX = ("pv_max", "hvm_max")


class Rule(NamedTuple):
    """Set `names` in the `sets`, on CPUs of `vendors` (None: all), if `present` allows it.

    `present`: "" always, `host` where the host featureset has the bit, `hidden` where raw has it
    and host has not.
    """

    names: tuple[str, ...]
    sets: tuple[str, ...]
    releases: tuple[str, ...]
    reason: str
    vendors: frozenset[str] | None = None
    present: str = ""


_LEAKED = "a topology bit that leaked into PV guests and is emulated for HVM"
_LEVELLED = "another member of the pool may need guests to know of it"

RULES = (
    Rule(("HTT", "X2APIC", "CMP_LEGACY"), _MAX, (_8_2, _RETROFIT), _LEAKED),
    Rule(
        ("HLE", "RTM"),
        _MAX,
        (_8, _8_2, _RETROFIT),
        "VMs that have seen TSX may come in although it is off now",
        present="host",
    ),
    Rule(("CLWB",), _MAX, (_8_2,), "Xen hides it because of GDS only", present="hidden"),
    Rule(("ARCH_CAPS", "RSBA", "RRSBA"), _MAX, (_8_2,), _LEVELLED, INTEL),
    Rule(("MD_CLEAR", "FB_CLEAR", "RFDS_CLEAR"), _MAX, (_8_2,), _LEVELLED, INTEL),
    Rule(
        ("IBS",),
        ("hvm_max",),
        (_8, _8_2, _RETROFIT),
        "Xen 4.7 showed it falsely, on Intel too: every VM from then has it in its record",
    ),
    Rule(
        ("MPX",),
        ("hvm_max",),
        (_8_2, _RETROFIT),
        "hidden by default, and still usable",
        present="host",
    ),
    Rule(
        ("LWP",),
        ("hvm_max",),
        (_8, _8_2, _RETROFIT),
        "guests saw it before microcode took it away for the Spectre MSR",
        AMD,
    ),
    Rule(
        ("SVM",),
        ("hvm_max",),
        (_8,),
        "Xen up to 4.14 showed it and hid it behind the scenes",
        AMD,
    ),
    Rule(
        ("VMX",),
        ("hvm_max",),
        (_8,),
        "Xen up to 4.14 showed it and hid it behind the scenes",
        VMX_VENDORS,
    ),
)
COMMON_REASON = "Xen 4.7 showed the bits that leaf 1 shares with leaf 80000001h in both"


def rules_of(release: Release) -> str:
    """Whose rules a patched libxc on this hypervisor follows: a line of XenServer's."""
    if release.line in (_8_2, _RETROFIT):
        return release.line
    return _RETROFIT if not release.has_max else _8


def published(
    release: Release,
    name: str,
    vendor: str,
    raw: Featureset,
    host: Featureset,
    own: Featureset,
) -> Featureset:
    """What XenServer's libxc answers for the max set `name`, from `own`, what Xen itself has.

    `own` is Xen's max set, or the only set of that guest type before 4.14. HLE and RTM are made
    equal to the host's; everything else is added.
    """
    whose = rules_of(release)
    tsx = release.featureset(("HLE", "RTM")).cut(own.length)
    added = Featureset.of_features(
        (number for number in _candidates(release, whose, name, vendor, raw, host)
         if number < own.length * 32),
        own.length,
    )  # fmt: skip
    return own - tsx | added | _common(own)


def labels(
    release: Release,
    vendor: str,
    featuresets: Featuresets,
    policies: Mapping[str, Policy] | None = None,
) -> dict[str, dict[int, str]]:
    """For pv_max and hvm_max: feature number to the reason why libxc may have added it.

    With Xen's own max policy, which libxc leaves alone, these are just the bits that were added.
    Without it, those that libxc adds on such a host and that the default set has not. A record does
    not tell the host set: what max has is then taken to be what the host has.
    """
    whose = rules_of(release)
    reasons_of: dict[str, dict[int, str]] = {}
    for guest in (GuestType.PV, GuestType.HVM):
        name, featureset = set_name(guest, MAX), featuresets.of(guest, MAX)
        if featureset is None:
            continue
        own = featuresets.default(guest)
        policy = (policies or {}).get(name)
        if policy is not None and release.has_max:
            own = policy_featureset(policy, release)
        host = featuresets.host if featuresets.host.length else featureset
        reasons = dict.fromkeys(_common(featureset), COMMON_REASON)
        reasons |= _candidates(release, whose, name, vendor, featuresets.raw, host)
        reasons_of[name] = {n: reasons[n] for n in featureset - own if n in reasons}
    return reasons_of


def host_labels(host: Host) -> dict[str, dict[int, str]]:
    """labels of a host that runs XenServer or XCP-ng; nothing of any other."""
    if not host.release.xenserver:
        return {}
    return labels(host.release, host.processor.vendor, host.featuresets, host.policies)


def notes(
    release: Release,
    vendor: str,
    featuresets: Featuresets,
    policies: Mapping[str, Policy] | None = None,
) -> list[str]:
    """One sentence a max set that has such bits, with their names."""
    return [
        f"{_title(name)} has bits for compatibility only, which XenServer's libxc adds: "
        + " ".join(release.names(sorted(reasons)))
        for name, reasons in labels(release, vendor, featuresets, policies).items()
        if reasons
    ]


def _title(name: str) -> str:
    guest, kind = name.split("_")
    return f"{guest.upper()} {kind}"


def _candidates(
    release: Release, whose: str, name: str, vendor: str, raw: Featureset, host: Featureset
) -> dict[int, str]:
    """What the rules add to the set `name`, whether or not it is there already."""
    reasons: dict[int, str] = {}
    for rule in RULES:
        if whose not in rule.releases or name not in rule.sets:
            continue
        if rule.vendors is not None and vendor not in rule.vendors:
            continue
        for feature in rule.names:
            number = release.features[feature].number
            if rule.present == "host" and number not in host:
                continue
            if rule.present == "hidden" and (number not in raw or number in host):
                continue
            reasons[number] = rule.reason
    return reasons


def _common(featureset: Featureset) -> Featureset:
    """Word 0's share of word 2, at word 2's place."""
    if featureset.length < 3:
        return Featureset(0, featureset.length)
    return Featureset((featureset.bits & COMMON_1D) << 64, featureset.length)
