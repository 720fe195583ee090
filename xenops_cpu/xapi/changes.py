"""What changes of a pool's CPU features, by name: the difference between a record and the last one.

Looked at are the sets of Host.cpu_info and Pool.cpu_info, and VM.last_boot_CPU_flags. A set that
only grew by zero words (after an update of Xen, or after a migration to a newer host) has not
changed. A VM that is shut down remembers nothing; what it remembers after its next start is
compared with what it remembered last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from attrs import define, field, frozen

from ..features.featureset import Featureset, FeaturesetError
from ..features.release import Release
from ..hosts.host import release_of
from .events import Batch
from .pool import Record

# Keys of cpu_info by what they are, in the order in which they are told. Hosts of before 2019 have
# no _host keys; theirs are both.
SETS: Mapping[str, str] = {
    "features_hvm_host": "HVM guests at boot",
    "features_hvm": "HVM guests in a migration",
    "features_pv_host": "PV guests at boot",
    "features_pv": "PV guests in a migration",
    "features": "the host itself",
}
FLAGS = "last_boot_CPU_flags"
UPGRADING = "rolling_upgrade_in_progress"


@frozen
class SetChange:
    """One set, named by its key in XenAPI's record: what it has lost and gained, by name."""

    key: str
    old: Featureset
    new: Featureset
    lost: tuple[str, ...]
    gained: tuple[str, ...]

    @property
    def title(self) -> str:
        return SETS.get(self.key, "what it has seen since its last start")


@frozen
class FeatureChange:
    """One host, pool or VM whose sets have changed. `xen`: the release that the names are of."""

    kind: Literal["host", "pool", "VM"]
    uuid: str
    name: str
    xen: Release
    sets: tuple[SetChange, ...]


@define
class Picture:
    """The pool as the events so far tell it, by reference."""

    pools: dict[str, Record] = field(factory=dict)
    hosts: dict[str, Record] = field(factory=dict)
    vms: dict[str, Record] = field(factory=dict)
    # What a VM remembered when it last remembered anything.
    _flags: dict[str, str] = field(factory=dict)

    @property
    def pool(self) -> Record | None:
        return next(iter(self.pools.values()), None)

    @property
    def upgrading(self) -> bool:
        """Whether a rolling upgrade is under way: sets then come and go with each host."""
        return self.pool is not None and self.pool.map("other_config").get(UPGRADING) == "true"

    @property
    def awake(self) -> int:
        """VMs that are not shut down, without templates and control domains."""
        return sum(_guest(vm) and vm.text("power_state") != "Halted" for vm in self.vms.values())

    def update(self, batch: Batch) -> list[FeatureChange]:
        """Take a batch in; gives what it changes, hosts first, for they explain the rest."""
        tables = {"pool": self.pools, "host": self.hosts, "VM": self.vms}
        before = {kind: dict(table) for kind, table in tables.items()}
        if batch.everything:
            for table in tables.values():
                table.clear()
        for change in batch.changes:
            if change.kind not in tables:
                continue
            if change.record is None:
                tables[change.kind].pop(change.reference, None)
            else:
                tables[change.kind][change.reference] = change.record
        for reference in self._flags.keys() - self.vms.keys():
            del self._flags[reference]
        return [*self._of_hosts(before), *self._of_pool(before), *self._of_vms()]

    def _of_hosts(self, before: Mapping[str, Mapping[str, Record]]) -> Iterator[FeatureChange]:
        for reference, host in self.hosts.items():
            old = before["host"].get(reference)
            if old is not None and old is not host:
                yield from _of_cpu_info("host", old, host, self._xen(host))

    def _of_pool(self, before: Mapping[str, Mapping[str, Record]]) -> Iterator[FeatureChange]:
        for reference, pool in self.pools.items():
            old = before["pool"].get(reference)
            if old is not None and old is not pool:
                coordinator = self.hosts.get(pool.text("master"))
                yield from _of_cpu_info("pool", old, pool, self._xen(coordinator))

    def _of_vms(self) -> Iterator[FeatureChange]:
        for reference, vm in self.vms.items():
            text = vm.map(FLAGS).get("features", "")
            if not text or not _guest(vm) or vm.text("power_state") == "Halted":
                continue
            old = self._flags.get(reference)
            self._flags[reference] = text
            if old is not None and old != text:
                host = self.hosts.get(vm.text("resident_on"))
                if host is None and self.pool is not None:
                    host = self.hosts.get(self.pool.text("master"))
                change = _set_change(FLAGS, old, text, self._xen(host))
                if change is not None:
                    yield FeatureChange("VM", vm.uuid, vm.name, self._xen(host), (change,))

    def _xen(self, host: Record | None) -> Release:
        """The release whose names fit a host; the newest where nothing is known of it."""
        if host is None:
            return release_of("", 0)
        info = host.map("cpu_info")
        sets = [parsed for key in SETS if (parsed := _parsed(info.get(key, ""))) is not None]
        length = max((parsed.length for parsed in sets), default=0)
        return release_of(host.map("software_version").get("xen", ""), length)


def _guest(vm: Record) -> bool:
    return not (vm.fields.get("is_a_template") or vm.fields.get("is_control_domain"))


def _of_cpu_info(
    kind: Literal["host", "pool"], old: Record, new: Record, xen: Release
) -> Iterator[FeatureChange]:
    before, after = old.map("cpu_info"), new.map("cpu_info")
    changes = [
        change
        for key in SETS
        if before.get(key) and after.get(key)
        if (change := _set_change(key, before[key], after[key], xen)) is not None
    ]
    if changes:
        yield FeatureChange(kind, new.uuid, new.name, xen, tuple(changes))


def _set_change(key: str, old_text: str, new_text: str, xen: Release) -> SetChange | None:
    old, new = _parsed(old_text), _parsed(new_text)
    if old is None or new is None or old.bits == new.bits:
        return None
    return SetChange(key, old, new, tuple(xen.names(old - new)), tuple(xen.names(new - old)))


def _parsed(text: str) -> Featureset | None:
    """None for what is no featureset: a watch does not end because of one damaged record."""
    try:
        return Featureset.parse(text)
    except FeaturesetError:
        return None
