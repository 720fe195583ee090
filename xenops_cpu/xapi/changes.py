"""What changes of a pool's CPU features, by name: the difference between a record and the last one.

Looked at are the sets of Host.cpu_info and Pool.cpu_info, and VM.last_boot_CPU_flags. A set that
only grew by zero words (after an update of Xen, or after a migration to a newer host) has not
changed. A VM that is shut down remembers nothing; what it remembers after its next start is
compared with what it remembered last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from attrs import define, field, frozen

from ..features.featureset import Featureset, FeaturesetError
from ..features.fit import Fit, fit
from .events import Batch
from .pool import Record

# Keys of cpu_info by what they are, in the order in which they are told. Hosts of before 2019 have
# no _host keys; theirs are both.
SETS: Mapping[str, str] = {
    "features_hvm_host": "HVM guests at boot",
    "features_hvm": "HVM guests in a migration",
    "features_pv_host": "PV guests at boot",
    "features_pv": "PV guests in a migration",
    "features": "what the host itself has",
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
        return SETS.get(self.key, "what it has had since its last start")


Kind = Literal["host", "pool", "VM"]


@frozen
class FeatureChange:
    """One host, pool or VM whose sets have changed. `xen`: whose names are used, and whether that
    had to be assumed.
    """

    kind: Kind
    uuid: str
    name: str
    xen: Fit
    sets: tuple[SetChange, ...]


@define
class Picture:
    """The pool as the events so far tell it, by reference."""

    pools: dict[str, Record] = field(factory=dict)
    hosts: dict[str, Record] = field(factory=dict)
    vms: dict[str, Record] = field(factory=dict)
    # By reference, the sets by their keys when they were told last. A record may be without them
    # for a while: a VM that is shut down, a host whose xapi is starting.
    _sets: dict[str, dict[str, Featureset]] = field(factory=dict)

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
        return sum(_remembers(vm) for vm in self.vms.values())

    def update(self, batch: Batch) -> list[FeatureChange]:
        """Take a batch in; gives what it changes, hosts first, for they explain the rest."""
        tables = {"host": self.hosts, "pool": self.pools, "VM": self.vms}
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
        known = self.hosts.keys() | self.pools.keys() | self.vms.keys()
        for reference in self._sets.keys() - known:
            del self._sets[reference]
        touched = dict.fromkeys(change.reference for change in batch.changes)
        changes: list[FeatureChange] = []
        for table in tables.values():
            for reference in touched:
                if (record := table.get(reference)) is not None:
                    changes += self._compared(record)
        return changes

    def _compared(self, record: Record) -> Iterator[FeatureChange]:
        last = self._sets.setdefault(record.reference, {})
        xen: Fit | None = None
        changes = []
        for key, text in _texts(record).items():
            new, old = _parsed(text), last.get(key)
            if new is None or new == old:
                continue
            last[key] = new
            if old is not None and old.bits != new.bits:
                xen = xen or self._fit(record)
                lost, gained = (xen.release.names(part) for part in (old - new, new - old))
                changes.append(SetChange(key, old, new, tuple(lost), tuple(gained)))
        if xen is not None:
            kind = cast(Kind, record.kind)
            yield FeatureChange(kind, record.uuid, record.name, xen, tuple(changes))

    def _fit(self, record: Record) -> Fit:
        """Whose names: those of the host itself, of the VM's host, else of the coordinator."""
        host: Record | None = record
        if record.kind != "host":
            host = self.hosts.get(record.text("resident_on"))
            if host is None and self.pool is not None:
                host = self.hosts.get(self.pool.text("master"))
        if host is None:
            return fit("", 0)
        sets = (_parsed(text) for text in _texts(host).values())
        length = max((parsed.length for parsed in sets if parsed is not None), default=0)
        return fit(host.map("software_version").get("xen", ""), length)


def _texts(record: Record) -> dict[str, str]:
    """The sets of a record, as text, by their keys: those that it has."""
    if record.kind != "VM":
        info = record.map("cpu_info")
        return {key: info[key] for key in SETS if info.get(key)}
    features = record.map(FLAGS).get("features", "")
    return {FLAGS: features} if features and _remembers(record) else {}


def _remembers(vm: Record) -> bool:
    """What a template or a VM that is shut down has in its record is of no consequence."""
    return vm.text("power_state") != "Halted" and not (
        vm.fields.get("is_a_template") or vm.fields.get("is_control_domain")
    )


def _parsed(text: str) -> Featureset | None:
    """None for what is no featureset: a watch does not end because of one damaged record."""
    try:
        return Featureset.parse(text)
    except FeaturesetError:
        return None
