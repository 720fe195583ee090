"""xapi's record of a pool, Pool.cpu_info, as xapi makes it (ocaml/xapi/create_misc.ml)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from ..errors import InputError
from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release
from ..hosts.record import featureset
from .levelling import level

# More digits are no count of CPUs.
_DIGITS = 7


@frozen
class HostRecord:
    """A host as xapi's database has it. `hvm`: whether it runs HVM guests."""

    cpu_info: Mapping[str, str]
    hvm: bool


def pool_cpu_info(hosts: Iterable[HostRecord], xen: Release | None = None) -> dict[str, str]:
    """Pool.cpu_info of these hosts, by the rules of `xen`.

    As xapi's create_pool_cpuinfo does it: counts are added, the vendor is the last host's, PV sets
    are of all hosts and HVM sets of those that run HVM. A host without the `_host` keys gives its
    other sets for them; one without features_pv (or features_hvm, if it runs HVM) is of before
    XenServer 7 and passed over. `xen` None: by the longest featureset. Raises InputError for a
    featureset or a count that is none.
    """
    records = [host for host in hosts if _complete(host)]
    sets: dict[str, list[Featureset]] = {
        f"features_{guest}{which}": [] for guest in ("hvm", "pv") for which in ("", "_host")
    }
    for host in records:
        for key, featuresets in sets.items():
            if host.hvm or "hvm" not in key:
                text = host.cpu_info.get(key, host.cpu_info[key.removesuffix("_host")])
                featuresets.append(featureset(text, key))
    longest = max((one.length for each in sets.values() for one in each), default=0)
    release = xen or by_length(longest).release
    counts = {
        key: str(sum(_count(host.cpu_info, key) for host in records))
        for key in ("cpu_count", "socket_count")
    }
    vendor = records[-1].cpu_info["vendor"] if records else ""
    levels = {key: str(level(featuresets, release)) for key, featuresets in sets.items()}
    return {"vendor": vendor, **counts, **levels}


def runs_hvm(cpu_info: Mapping[str, str]) -> bool:
    """Whether a record tells of HVM guests: a migration or boot set with features."""
    keys = ("features_hvm", "features_hvm_host")
    return any(featureset(cpu_info.get(key, ""), key) for key in keys)


def _complete(host: HostRecord) -> bool:
    needed = ["vendor", "cpu_count", "socket_count", "features_pv"]
    if host.hvm:
        needed.append("features_hvm")
    return all(key in host.cpu_info for key in needed)


def _count(record: Mapping[str, str], key: str) -> int:
    text = record[key].strip()
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise InputError(f'{key}: "{text[:40]}" is not a whole number of up to {_DIGITS} digits')
    return int(text)
