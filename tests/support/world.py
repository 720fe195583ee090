"""A small world in memory: a pool as xapi's database has it, which a test edits and then writes in
any of the notations that people have it in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from xenops_cpu.features.featureset import Featureset

INTEL, AMD = "GenuineIntel", "AuthenticAMD"


@define
class WorldHost:
    """`sets`: the featuresets of Host.cpu_info, by key."""

    name: str
    sets: dict[str, str]
    uuid: str = ""
    vendor: str = INTEL
    xen: str = ""

    @property
    def cpu_info(self) -> dict[str, str]:
        return {"vendor": self.vendor, "cpu_count": "8", "socket_count": "1", **self.sets}


@define
class WorldVm:
    """`fields`: more of the record, as XenAPI names them (domain_type, power_state, ...)."""

    name: str
    flags: dict[str, str]
    uuid: str = ""
    fields: dict[str, Any] = field(factory=dict)
    current_type: str = ""


@define
class World:
    """`pool`: the stored Pool.cpu_info."""

    hosts: list[WorldHost] = field(factory=list)
    vms: list[WorldVm] = field(factory=list)
    pool: dict[str, str] = field(factory=dict)

    def database(self) -> str:
        """xapi-db.xml."""
        hosts = "".join(
            _row(f"OpaqueRef:h{n}", name__label=host.name, uuid=host.uuid or f"uuid-h{n}",
                 cpu_info=_map(host.cpu_info),
                 software_version=_map({"xen": host.xen} if host.xen else {}))
            for n, host in enumerate(self.hosts)
        )  # fmt: skip
        metrics = "".join(
            _row(f"OpaqueRef:m{n}", current_domain_type=vm.current_type)
            for n, vm in enumerate(self.vms)
            if vm.current_type
        )
        vms = "".join(
            _row(f"OpaqueRef:v{n}", name__label=vm.name, uuid=vm.uuid or f"uuid-v{n}",
                 last_boot_CPU_flags=_map(vm.flags), metrics=f"OpaqueRef:m{n}",
                 **{key.replace("HVM_boot", "HVM__boot"): _text(value)
                    for key, value in vm.fields.items()})
            for n, vm in enumerate(self.vms)
        )  # fmt: skip
        pool = _row("OpaqueRef:p", name__label="pool", cpu_info=_map(self.pool))
        tables = {
            "host": hosts,
            "VM_metrics": metrics,
            "pool": pool if self.pool else "",
            "VM": vms,
        }
        body = "".join(f'<table name="{name}">{rows}</table>' for name, rows in tables.items())
        return f'<?xml version="1.0" encoding="UTF-8"?><database><manifest/>{body}</database>'

    def json(self) -> str:
        """host.get_all_records and VM.get_all_records in one map by reference."""
        records: dict[str, Any] = {}
        for n, host in enumerate(self.hosts):
            records[f"OpaqueRef:h{n}"] = {
                "uuid": host.uuid or f"uuid-h{n}",
                "name_label": host.name,
                "cpu_info": host.cpu_info,
                "software_version": {"xen": host.xen} if host.xen else {},
            }
        for n, vm in enumerate(self.vms):
            records[f"OpaqueRef:v{n}"] = {
                "uuid": vm.uuid or f"uuid-v{n}",
                "name_label": vm.name,
                "last_boot_CPU_flags": vm.flags,
                "metrics": f"OpaqueRef:m{n}",
                **vm.fields,
            }
            if vm.current_type:
                records[f"OpaqueRef:m{n}"] = {"current_domain_type": vm.current_type}
        return json.dumps(records)

    def xe(self) -> str:
        """xe host-param-list and xe vm-param-list, one record after the other."""
        records = [
            {
                "uuid": host.uuid or f"uuid-h{n}",
                "name-label": host.name,
                "cpu_info": _listed(host.cpu_info),
                "software-version": _listed({"xen": host.xen} if host.xen else {}),
            }
            for n, host in enumerate(self.hosts)
        ]
        records += [
            {
                "uuid": vm.uuid or f"uuid-v{n}",
                "name-label": vm.name,
                "last-boot-CPU-flags": _listed(vm.flags),
                **({"current-domain-type": vm.current_type} if vm.current_type else {}),
                **{key.replace("_", "-"): _text(value) for key, value in vm.fields.items()},
            }
            for n, vm in enumerate(self.vms)
        ]
        return "\n".join(_printed(record) for record in records)


def sets_of(boot: Featureset, migration: Featureset, hvm: bool = True) -> dict[str, str]:
    """The four keys of a host that offers the same to both guest types."""
    guests = ("pv", "hvm") if hvm else ("pv",)
    return {
        f"features_{guest}{which}": str(featureset)
        for guest in guests
        for which, featureset in (("_host", boot), ("", migration))
    }


def _row(reference: str, **columns: str) -> str:
    attributes = "".join(f' {key}="{_escaped(value)}"' for key, value in columns.items())
    return f'<row ref="{reference}"{attributes}/>'


def _map(values: Mapping[str, str]) -> str:
    pairs = " ".join(f"('{key}' '{value}')" for key, value in values.items())
    return f"({pairs})"


def _escaped(text: str) -> str:
    for letter, code in (("%", "%%"), (" ", "%."), ("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;")):
        text = text.replace(letter, code)
    return text


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(values: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in values.items())


def _printed(record: Mapping[str, str]) -> str:
    return "".join(f"{key:>30} ( RO): {value}\n" for key, value in record.items())


NOTATIONS: Sequence[str] = ("database", "json", "xe")
