"""What differs between two readings of one host, in sentences with the names of the features."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from ..features.featureset import Featureset
from .host import Featuresets, Host


def steady(host: Host) -> Host:
    """Without the clock speed, which wanders with the load where it is not a constant."""
    return attrs.evolve(host, processor=attrs.evolve(host.processor, speed=""))


def changes(before: Host, now: Host) -> Iterator[str]:
    """What is different, a sentence for each set, with the names of the features."""
    for item in attrs.fields(Featuresets):
        had: Featureset | None = getattr(before.featuresets, item.name)
        has: Featureset | None = getattr(now.featuresets, item.name)
        if had == has:
            continue
        had, has = had or Featureset(), has or Featureset()
        parts = []
        if has - had:
            parts.append("gained " + " ".join(now.release.names(has - had)))
        if had - has:
            parts.append("lost " + " ".join(before.release.names(had - has)))
        if had.length != has.length:
            parts.append(f"has {has.length} words, had {had.length}")
        yield f"featureset {item.name} has changed: {'; '.join(parts)}"
    old, new = attrs.asdict(steady(before)), attrs.asdict(steady(now))
    for name in ("xen", "processor", "topology"):
        for member, value in old[name].items():
            if value != new[name][member]:
                difference = _difference(member, value, new[name][member])
                yield f"{name}.{member} has changed: {difference}"
    for name in ("iommu", "hvm"):
        if old[name] != new[name]:
            yield f"{name} has changed: {old[name]} → {new[name]}"
    for name in sorted({*before.policies, *now.policies}):
        if before.policies.get(name) != now.policies.get(name):
            yield f"CPU policy {name} has changed"
    if before.notes != now.notes:
        yield f"notes have changed: {'; '.join(now.notes) or 'none now'}"


def _difference(member: str, before: object, now: object) -> str:
    """Of many words only those that came or went: a list of flags has hundreds."""
    if member not in ("flags", "commandline"):
        return f"{before} → {now}"
    old, new = str(before).split(), str(now).split()
    lost, gained = ([word for word in a if word not in b] for a, b in ((old, new), (new, old)))
    parts = [f"gained {' '.join(gained)}"] * bool(gained) + [f"lost {' '.join(lost)}"] * bool(lost)
    return "; ".join(parts) or "another order"
