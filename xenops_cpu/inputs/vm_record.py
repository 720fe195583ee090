"""What xapi remembers of a VM: VM.last_boot_CPU_flags, a map with vendor and features.

As JSON: the whole VM record, or the map alone; as text: `vendor: GenuineIntel; features: 17c9…`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hosts import parts
from .value import DomainType, InputError, VmRecord


def recognises(document: Mapping[str, Any]) -> bool:
    return "last_boot_CPU_flags" in document or {"vendor", "features"} <= document.keys()


def parse(document: Mapping[str, Any], where: str) -> VmRecord:
    """A VM record, or its flags alone, as JSON has them. Raises InputError."""
    flags = document.get("last_boot_CPU_flags", document)
    if not isinstance(flags, dict) or not isinstance(flags.get("features"), str):
        raise InputError(
            f'{where}: last_boot_CPU_flags is not {{"vendor": …, "features": …}}; a VM that has '
            "never been started remembers no features"
        )
    names = (document.get(key) for key in ("name_label", "name", "uuid"))
    return of_flags(
        {key: str(value) for key, value in flags.items()},
        next((name for name in names if isinstance(name, str) and name), ""),
        domain_type(str(document.get("domain_type", "")), str(document.get("HVM_boot_policy", ""))),
        where,
    )


def of_flags(flags: Mapping[str, str], name: str, domain_type: DomainType, where: str) -> VmRecord:
    """Raises InputError."""
    shown = name or "VM"
    return VmRecord(
        name=shown,
        domain_type=domain_type,
        featureset=parts.featureset(flags.get("features", ""), f"{where}: features of {shown}"),
        source=f"{where}: last_boot_CPU_flags",
        vendor=flags.get("vendor", ""),
    )


def domain_type(kind: str, hvm_boot_policy: str = "") -> DomainType:
    """Of xapi's VM.domain_type; older records have it in HVM_boot_policy, empty for PV.

    PVH, and PV in PVH, run as HVM guests do: they get the HVM sets.
    """
    if kind == "pv":
        return "pv"
    if kind in ("hvm", "pvh", "pv_in_pvh") or hvm_boot_policy:
        return "hvm"
    return "unknown"
