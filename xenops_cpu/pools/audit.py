"""xapi's record of a pool, as xapi makes it, and stored records held to what they should be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from ..features.featureset import Featureset, FeaturesetError
from ..features.fit import by_length
from ..features.release import Release
from .levelling import level
from .records import RecordError


def pool_cpu_info(
    hosts: Iterable[tuple[Mapping[str, str], bool]], xen: Release | None = None
) -> dict[str, str]:
    """Pool.cpu_info from (Host.cpu_info, whether the host runs HVM guests) of each host.

    As xapi's create_pool_cpuinfo does it (ocaml/xapi/create_misc.ml): counts are added, the vendor
    is the last host's, PV sets are of all hosts and HVM sets of those that run HVM. A host without
    the `_host` keys gives its other sets for them; one without features_pv (or features_hvm, if it
    runs HVM) is of before XenServer 7 and passed over. `xen` None: by the longest featureset.
    Raises RecordError for a featureset or a count that is none.
    """
    given = [(record, hvm) for record, hvm in hosts if _complete(record, hvm)]
    sets: dict[str, list[Featureset]] = {
        f"features_{kind}{which}": [] for kind in ("hvm", "pv") for which in ("", "_host")
    }
    for record, hvm in given:
        for key in sets:
            if hvm or "hvm" not in key:
                text = record.get(key, record[key.removesuffix("_host")])
                sets[key].append(_parsed(text, key))
    longest = max((one.length for found in sets.values() for one in found), default=0)
    release = xen or by_length(longest).release
    counts = {
        key: str(sum(_counted(record, key) for record, _ in given))
        for key in ("cpu_count", "socket_count")
    }
    vendor = given[-1][0]["vendor"] if given else ""
    levels = {key: str(level(found, release)) for key, found in sets.items()}
    return {"vendor": vendor, **counts, **levels}


def _complete(record: Mapping[str, str], hvm: bool) -> bool:
    needed = ["vendor", "cpu_count", "socket_count", "features_pv"]
    return all(key in record for key in [*needed, *(["features_hvm"] if hvm else [])])


def _parsed(text: str, key: str) -> Featureset:
    try:
        return Featureset.parse(text)
    except FeaturesetError as error:
        raise RecordError(f"{key}: {error}") from error


def _counted(record: Mapping[str, str], key: str) -> int:
    try:
        return int(record[key])
    except ValueError as error:
        raise RecordError(f'{key}: "{record[key][:40]}" is not a whole number') from error


@frozen
class Finding:
    """A key of a stored record that is not as it should be. `lost`: stored, and should not be;
    `gained`: should be, and is not stored; both by name, empty where it is no featureset.
    """

    record: str
    key: str
    stored: str
    expected: str
    lost: tuple[str, ...] = ()
    gained: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.lost and not self.gained:
            stored = f'"{self.stored}"' if self.stored else "missing"
            return f'{self.record}: {self.key} is {stored}, should be "{self.expected}"'
        parts = []
        if self.lost:
            parts.append(f"has {' '.join(self.lost)}, which is not so any more")
        if self.gained:
            parts.append(f"lacks {' '.join(self.gained)}")
        return f"{self.record}: {self.key} {'; '.join(parts)}"


def audit(
    record: str, stored: Mapping[str, str], expected: Mapping[str, str], xen: Release
) -> Iterator[Finding]:
    """What of a stored record differs from what it should be, key by key of the latter.

    Featuresets are compared with zero words added, as xapi compares them; the clock's speed, which
    wanders, is not compared. A key that is not stored is a finding for featuresets only, and not
    where its `_host` key is: xapi of 2023 and later keeps just those of a pool.
    """
    for key, value in expected.items():
        optional = not key.startswith("features") or f"{key}_host" in stored
        if key == "speed" or (key not in stored and optional):
            continue
        have = stored.get(key, "")
        if not key.startswith("features"):
            if have != value:
                yield Finding(record, key, have, value)
            continue
        was, now = _parsed(have, f"{record}: {key}"), _parsed(value, f"{record}: {key}")
        if was.bits != now.bits:
            lost, gained = xen.names(was - now), xen.names(now - was)
            yield Finding(record, key, have, value, tuple(lost), tuple(gained))
