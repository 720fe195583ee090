"""xapi's record of a pool, Pool.cpu_info, as xapi makes it (ocaml/xapi/create_misc.ml)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import frozen

from ..errors import InputError
from ..features.featureset import Featureset
from ..features.fit import by_length
from ..features.release import Release
from ..hosts.record import featureset
from .levelling import combine as combine_by_rules
from .levelling import level

Combine = Callable[[Featureset, Featureset], Featureset]

# More digits are no count of CPUs.
_DIGITS = 7


@frozen
class HostRecord:
    """A host as xapi's database has it. `hvm`: whether it runs HVM guests."""

    cpu_info: Mapping[str, str]
    hvm: bool


def pool_cpu_info(
    hosts: Iterable[HostRecord],
    xen: Release | None = None,
    before_2023: bool = False,
    combine: Combine | None = None,
) -> dict[str, str]:
    """Pool.cpu_info of these hosts, by the rules of `xen`.

    As xapi's create_pool_cpuinfo does it: counts are added, the vendor is the last host's, PV sets
    are of all hosts and HVM sets of those that run HVM. A host without a key that is needed is
    passed over, with its counts.

    Since 2023 there are five keys, and the sets are those for boot (`_host`), combined host by host
    by `combine`: HOST.combine_cpu_policies, libxc's function. With `before_2023` there are seven,
    and a host without the `_host` keys gives its other sets for them. `xen` None: by the longest
    featureset. Raises InputError for a featureset or a count that is none.
    """
    records = [host for host in hosts if _complete(host, "" if before_2023 else "_host")]
    sets: dict[str, list[Featureset]] = {
        f"features_{guest}{which}": []
        for guest in ("hvm", "pv")
        for which in (("", "_host") if before_2023 else ("_host",))
    }
    for host in records:
        for key, featuresets in sets.items():
            if host.hvm or "hvm" not in key:
                record = host.cpu_info
                text = record[key] if key in record else record[key.removesuffix("_host")]
                featuresets.append(featureset(text, key))
    counts = {
        key: str(sum(_count(host.cpu_info, key) for host in records))
        for key in ("cpu_count", "socket_count")
    }
    vendor = records[-1].cpu_info["vendor"] if records else ""
    longest = max((host_set.length for each in sets.values() for host_set in each), default=0)
    release = xen or by_length(longest).release
    if before_2023:
        levels = {key: level(featuresets, release) for key, featuresets in sets.items()}
    else:
        levels = {key: _folded(each, release, combine) for key, each in sets.items()}
    return {"vendor": vendor, **counts, **{key: str(words) for key, words in levels.items()}}


def _folded(featuresets: Iterable[Featureset], xen: Release, combine: Combine | None) -> Featureset:
    """Combined host by host, from the set without words on."""
    folded = Featureset()
    for each in featuresets:
        folded = combine(each, folded) if combine else combine_by_rules(each, folded, xen)
    return folded


def keys_before_2023(stored: Mapping[str, str]) -> bool:
    """Whether a stored Pool.cpu_info is of an xapi of before 2023: it has sets for migration."""
    return "features_pv" in stored or "features_hvm" in stored


def runs_hvm(cpu_info: Mapping[str, str]) -> bool:
    """Whether a record tells of HVM guests: a migration or boot set with features."""
    keys = ("features_hvm", "features_hvm_host")
    return any(featureset(cpu_info.get(key, ""), key) for key in keys)


def _complete(host: HostRecord, which: str) -> bool:
    keys = ["vendor", "cpu_count", "socket_count", f"features_pv{which}"]
    if host.hvm:
        keys.append(f"features_hvm{which}")
    return all(key in host.cpu_info for key in keys)


def _count(record: Mapping[str, str], key: str) -> int:
    text = record[key].strip()
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS:
        raise InputError(f'{key}: "{text[:40]}" is not a whole number of up to {_DIGITS} digits')
    return int(text)
