"""Which CPU features a VM sees on a Xen host, at boot and after a migration, and why.

The functions and records below are the library (docs/library.md). They are imported when they are
first used: the service, which is of the same package, pays nothing for them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .errors import Error, InputError
    from .explain.differences import HostDifference
    from .explain.feature import Explanation
    from .features.featureset import Featureset
    from .features.release import Release
    from .fleet.queries import fleet_query
    from .fleet.settling import Settled, settle
    from .front.answers import (
        check,
        check_all,
        compare_hosts,
        derive_host,
        explain_feature,
        feature_names,
        level,
        start_vm,
    )
    from .front.reading import (
        HVM,
        PV,
        InputWarning,
        guest_type,
        read_host,
        read_hosts,
        read_vm,
        read_vms,
    )
    from .guests.start import Start
    from .guests.toolstacks import Settings
    from .hosts.host import Host
    from .hosts.offer import Offer
    from .inputs.known import KnownHost
    from .interface import GuestType, Verdict
    from .pools.level import Level
    from .pools.verdict import Answer
    from .pools.vm import Vm

# Where each of them is, among the rooms.
_PLACES = {
    "errors": ("Error", "InputError"),
    "explain.differences": ("HostDifference",),
    "explain.feature": ("Explanation",),
    "features.featureset": ("Featureset",),
    "features.release": ("Release",),
    "fleet.queries": ("fleet_query",),
    "fleet.settling": ("Settled", "settle"),
    "front.answers": (
        *("check", "check_all", "compare_hosts", "derive_host"),
        *("explain_feature", "feature_names", "level", "start_vm"),
    ),
    "front.reading": (
        *("HVM", "PV", "InputWarning", "guest_type"),
        *("read_host", "read_hosts", "read_vm", "read_vms"),
    ),
    "guests.start": ("Start",),
    "guests.toolstacks": ("Settings",),
    "hosts.host": ("Host",),
    "hosts.offer": ("Offer",),
    "inputs.known": ("KnownHost",),
    "interface": ("GuestType", "Verdict"),
    "pools.level": ("Level",),
    "pools.verdict": ("Answer",),
    "pools.vm": ("Vm",),
}
_MODULES = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "HVM",
    "PV",
    "Answer",
    "Error",
    "Explanation",
    "Featureset",
    "GuestType",
    "Host",
    "HostDifference",
    "InputError",
    "InputWarning",
    "KnownHost",
    "Level",
    "Offer",
    "Release",
    "Settings",
    "Settled",
    "Start",
    "Verdict",
    "Vm",
    "check",
    "check_all",
    "compare_hosts",
    "derive_host",
    "explain_feature",
    "feature_names",
    "fleet_query",
    "guest_type",
    "level",
    "read_host",
    "read_hosts",
    "read_vm",
    "read_vms",
    "settle",
    "start_vm",
]


if not TYPE_CHECKING:  # to a type checker, nothing else is there

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(f".{_MODULES[name]}", __name__), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
