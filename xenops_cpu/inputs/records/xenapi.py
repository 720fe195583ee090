"""XenAPI's records as JSON has them, or as a live pool gave them: hosts, VMs, their metrics, pool.

    {"OpaqueRef:h0": {"name_label": "xs-01", "cpu_info": {"features_hvm": …}, …}, …}

A record, a list of records, a map by reference (host.get_all_records), or several such maps by
class. References to records that are there are followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve

from ...hosts.membership import Membership
from ...hosts.record import of_cpu_info
from ..value import Stored, printable
from . import vm_record
from .collected import Collected, Room

Record = Mapping[str, Any]

_DEPTH = 3
_A_RECORD = frozenset({"cpu_info", "last_boot_CPU_flags"})
_SETS = frozenset({"features_pv", "features_hvm", "features_pv_host", "features_hvm_host"})


def parse(document: object, where: str) -> Collected:
    """Whatever hosts, VMs and pools a document has; of other JSON nothing. Raises InputError."""
    return of_records(list(_records(document, _DEPTH)), where)


def of_records(records: Iterable[tuple[str, Record]], where: str) -> Collected:
    """Records with their references, "" where those are not known. Raises InputError."""
    everything = list(records)
    collected = Collected(room=Room(where))
    uuids: dict[str, str] = {}
    metrics: dict[str, Record] = {}
    pools: list[Record] = []
    for reference, record in everything:
        if "power_state" not in record and "last_boot_CPU_flags" not in record:
            if "current_domain_type" in record:
                metrics[reference] = record
            if "cpu_info" in record and "master" not in record:
                uuids[reference] = _text(record, "uuid")
    for reference, record in everything:
        info = record.get("cpu_info", record)
        if "master" in record:
            pools.append(record)
        if isinstance(info, dict) and _SETS & info.keys():
            _add_host(reference, record, info, where, collected)
        elif vm_record.recognises(record):
            _add_vm(reference, record, metrics, uuids, where, collected)
        elif "cpu_info" in record and "master" not in record:
            collected.add_unknown(_name(record), _text(record, "uuid"))
    if len(pools) == 1:
        pool = pools[0]
        other = pool.get("other_config")
        upgrading = isinstance(other, dict) and other.get("rolling_upgrade_in_progress") == "true"
        membership = Membership(_text(pool, "uuid"), upgrading=upgrading)
        collected.join(membership, _known(_text(pool, "master"), uuids))
    return collected


def _add_host(
    reference: str, record: Record, info: Record, where: str, collected: Collected
) -> None:
    name = _name(record)
    uuid = str(record.get("uuid") or "")
    strings = {key: str(value) for key, value in info.items()}
    pool = "master" in record
    collected.add_stored(Stored("pool" if pool else "host", name, strings, uuid))
    if pool:
        return
    collected.call(printable(name), uuid, reference)
    software = {key: str(text) for key, text in _map(record.get("software_version")).items()}
    version = software.get("xen") or str(_map(record.get("hypervisor")).get("version", ""))
    enabled = record.get("enabled")
    membership = Membership(
        enabled=enabled if isinstance(enabled, bool) else None, software=software
    )
    parts = of_cpu_info(strings, f"{where}: cpu_info of {name}" if name else where)
    collected.add_host(evolve(parts, name=name, uuid=uuid, version=version, membership=membership))


def _name(record: Record) -> str:
    return str(record.get("name_label") or record.get("hostname") or record.get("name") or "")


def _add_vm(
    reference: str,
    record: Record,
    metrics: Mapping[str, Record],
    uuids: Mapping[str, str],
    where: str,
    collected: Collected,
) -> None:
    vm = vm_record.of_json(record, where)
    running = metrics.get(_text(record, "metrics"), {})
    collected.call(printable(vm.name), vm.uuid, reference)
    collected.add_vm(
        evolve(
            vm,
            current_type=vm.current_type or _text(running, "current_domain_type"),
            metrics={**vm_record.metrics_of(running), **vm.metrics},
            resident_on=_known(vm.resident_on, uuids),
        ),
        where,
    )


def _records(document: object, depth: int) -> Iterator[tuple[str, Record]]:
    for each in document if isinstance(document, list) else [document]:
        value = _map(each)
        if not value:
            continue
        if not all(map(_map, value.values())) or _A_RECORD & value.keys():
            yield "", value
            continue
        for reference, record in value.items():
            inner = _map(record)
            by_class = all(map(_map, inner.values())) and not _A_RECORD & inner.keys()
            if depth and by_class:
                yield from _records(inner, depth - 1)
            else:
                yield reference, inner


def _known(text: str, uuids: Mapping[str, str]) -> str:
    """A host's UUID: of a reference to a record that is there; one of another says nothing."""
    return uuids.get(text, "" if text.startswith("OpaqueRef:") else text)


def _map(value: object) -> Mapping[str, Any]:
    """An object; empty for what is none."""
    return value if isinstance(value, dict) else {}


def _text(record: Record, key: str) -> str:
    value = record.get(key, "")
    return value if isinstance(value, str) else ""
