"""What a live pool tells, as records: the pool, its hosts, and the VMs that run or sleep.

Records are XenAPI's own: keys and values as the API has them, cut down as they come to the fields
that bear on CPU features. XenAPI cannot leave fields out of an answer, so all are sent; what is
kept of 5,000 VMs is some tens of MB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from attrs import field, frozen

from .errors import AnswerError, ApiFailure
from .session import Session
from .value import Value


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# By class, the fields that are kept (xapi's datamodel; not every release has every one).
FIELDS: Mapping[str, frozenset[str]] = {
    "pool": _names(
        "uuid name_label master cpu_info other_config ha_enabled wlb_enabled last_update_sync"
    ),
    "host": _names(
        "uuid name_label hostname address enabled cpu_info software_version capabilities "
        "chipset_info bios_strings updates patches updates_requiring_reboot pending_guidances "
        "pending_guidances_recommended pending_guidances_full latest_synced_updates_applied "
        "last_software_update last_update_hash resident_VMs other_config"
    ),
    "VM": _names(
        "uuid name_label power_state is_a_template is_default_template is_a_snapshot "
        "is_control_domain resident_on affinity domain_type HVM_boot_policy platform "
        "last_boot_CPU_flags last_booted_record suspend_VDI metrics has_vendor_device VCPUs_max "
        "blocked_operations requires_reboot"
    ),
    "VM_metrics": _names("current_domain_type nomigrate nested_virt hvm start_time"),
}
# Of maps that hold whatever somebody put there, the keys that matter here.
_KEYS = {
    ("pool", "other_config"): ("rolling_upgrade_in_progress",),
    ("host", "other_config"): ("agent_start_time", "boot_time"),
}
_INTS = frozenset({"VCPUs_max"})
# Grammar: ocaml/database/db_filter_lex.mll. A suspended snapshot (a checkpoint) passes.
AWAKE_OR_ASLEEP = (
    'not (field "power_state" = "Halted") and field "is_a_template" = "false" '
    'and field "is_control_domain" = "false"'
)
MAX_HOSTS = 1_000
MAX_VMS = 50_000

# What is read, how many so far, how many there will be (0: not known).
Progress = Callable[[str, int, int], None]


@frozen
class Record:
    """One object: `kind` as XenAPI names the class, `reference` its OpaqueRef, its `fields`."""

    kind: str
    reference: str
    fields: Mapping[str, Value] = field(repr=False)

    def text(self, name: str) -> str:
        """A field that is a string; "" where it is not there."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def map(self, name: str) -> dict[str, str]:
        """A field that is a map of strings; empty where it is not there."""
        value = self.fields.get(name)
        if not isinstance(value, dict):
            return {}
        return {key: text for key, text in value.items() if isinstance(text, str)}

    @property
    def uuid(self) -> str:
        return self.text("uuid")

    @property
    def name(self) -> str:
        """name_label, else the UUID."""
        return self.text("name_label") or self.uuid or self.reference


@frozen
class Records:
    """A pool at one time. `source` says where it was read.

    `vms`: those that run, are paused or suspended; no templates, no control domains. `vm_metrics`
    are of these VMs, by reference.
    """

    source: str
    pool: Record
    hosts: tuple[Record, ...]
    vms: tuple[Record, ...]
    vm_metrics: Mapping[str, Record]


def fetch(session: Session, progress: Progress | None = None) -> Records:
    """Ask for everything, one class after the other. Raises XapiError."""
    step = progress or (lambda _subject, _done, _total: None)
    pools = _all(session, "pool", lambda done: step("pool", done, 1), 1)
    if not pools:
        raise AnswerError(f"{session.coordinator}: there is no pool's record")
    hosts = _all(session, "host", lambda done: step("hosts", done, 0), MAX_HOSTS)
    residents = sum(len(_list(host.fields.get("resident_VMs"))) for host in hosts.values())
    # Each host counts its control domain as well.
    total = max(residents - len(hosts), 0)
    vms = _vms(session, lambda done: step("VMs", done, total))
    references = {vm.text("metrics") for vm in vms.values()}
    metrics = _all(
        session,
        "VM_metrics",
        lambda done: step("VM metrics", done, len(references)),
        MAX_VMS,
        references,
    )
    pool = next(iter(pools.values()))
    return Records(
        f"{session.coordinator}, pool {pool.name}",
        pool,
        tuple(hosts.values()),
        tuple(vms.values()),
        metrics,
    )


def awake_or_asleep(fields: Mapping[str, Value]) -> bool:
    """Whether a VM's record is of the kind that fetch keeps."""
    return fields.get("power_state") != "Halted" and not (
        fields.get("is_a_template") or fields.get("is_control_domain")
    )


def kept(kind: str, fields: Value) -> dict[str, Value]:
    """The fields of a record that matter here, in the same form whatever the protocol."""
    if not isinstance(fields, dict):
        return {}
    record = {name: fields[name] for name in fields if name in FIELDS[kind]}
    for name, value in record.items():
        if isinstance(value, dict):
            record[name] = _shared(value, _KEYS.get((kind, name)))
        elif isinstance(value, str) and name in _INTS and value.lstrip("-").isdigit():
            record[name] = int(value)
    if record.get("power_state") != "Suspended":
        record.pop("last_booted_record", None)  # kilobytes, and only a resume looks at it
    return record


def _vms(session: Session, step: Callable[[int], None]) -> dict[str, Record]:
    records: dict[str, Record] = {}

    def each(reference: str, value: Value) -> None:
        if isinstance(value, dict) and awake_or_asleep(value):
            _add(records, "VM", reference, value, MAX_VMS, session)
            step(len(records))

    try:
        session.call("VM.get_all_records_where", AWAKE_OR_ASLEEP, each=each)
    except ApiFailure as failure:
        if failure.code not in ("MESSAGE_METHOD_UNKNOWN", "MESSAGE_DEPRECATED"):
            raise
        session.call("VM.get_all_records", each=each)
    return records


def _all(
    session: Session,
    kind: str,
    step: Callable[[int], None],
    most: int,
    references: set[str] | None = None,
) -> dict[str, Record]:
    records: dict[str, Record] = {}

    def each(reference: str, value: Value) -> None:
        if references is None or reference in references:
            _add(records, kind, reference, value, most, session)
            step(len(records))

    session.call(f"{kind}.get_all_records", each=each)
    return records


def _add(
    records: dict[str, Record], kind: str, reference: str, value: Value, most: int, session: Session
) -> None:
    if len(records) >= most:
        raise AnswerError(f"{session.coordinator}: more than {most} records of class {kind}")
    records[reference] = Record(kind, reference, kept(kind, value))


def _shared(value: dict[str, Value], keys: tuple[str, ...] | None) -> dict[str, Value]:
    """The map; thousands of VMs have the same few keys and featuresets, kept once each."""
    return {
        sys.intern(key): sys.intern(item) if isinstance(item, str) else item
        for key, item in value.items()
        if keys is None or key in keys
    }


def _list(value: Value) -> list[Value]:
    return value if isinstance(value, list) else []
