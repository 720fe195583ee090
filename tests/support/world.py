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
    """`sets`: the featuresets of Host.cpu_info, by key. `software`: more of software_version.
    `more`: more of Host.cpu_info (modelname, family, ...).
    """

    name: str
    sets: dict[str, str]
    uuid: str = ""
    vendor: str = INTEL
    xen: str = ""
    enabled: bool | None = None
    software: dict[str, str] = field(factory=dict)
    more: dict[str, str] = field(factory=dict)

    @property
    def cpu_info(self) -> dict[str, str]:
        counts = {"cpu_count": "8", "socket_count": "1"}
        return {"vendor": self.vendor, **counts, **self.more, **self.sets}

    @property
    def versions(self) -> dict[str, str]:
        return {**({"xen": self.xen} if self.xen else {}), **self.software}


@define
class WorldVm:
    """`fields`: more of the record, as XenAPI names them (domain_type, power_state, ...). `home`:
    the host it is on, by its place in the world. `metrics`: nomigrate, nested_virt.
    """

    name: str
    flags: dict[str, str]
    uuid: str = ""
    fields: dict[str, Any] = field(factory=dict)
    current_type: str = ""
    home: int | None = None
    platform: dict[str, str] = field(factory=dict)
    metrics: dict[str, bool] = field(factory=dict)


@define
class World:
    """`pool`: the stored Pool.cpu_info. `pool_uuid`: "" for a pool that tells nothing of itself;
    `coordinator`: a host's place. `generation`: of the database.
    """

    hosts: list[WorldHost] = field(factory=list)
    vms: list[WorldVm] = field(factory=list)
    pool: dict[str, str] = field(factory=dict)
    pool_uuid: str = ""
    coordinator: int = 0
    generation: int = 0

    def uuid_of(self, home: int | None) -> str:
        return "" if home is None else self.hosts[home].uuid or f"uuid-h{home}"

    def database(self) -> str:
        """xapi-db.xml."""
        hosts = "".join(
            _row(f"OpaqueRef:h{n}", name__label=host.name, uuid=host.uuid or f"uuid-h{n}",
                 cpu_info=_map(host.cpu_info), software_version=_map(host.versions),
                 **({} if host.enabled is None else {"enabled": _text(host.enabled)}))
            for n, host in enumerate(self.hosts)
        )  # fmt: skip
        metrics = "".join(
            _row(
                f"OpaqueRef:m{n}",
                current_domain_type=vm.current_type or "unspecified",
                **{key: _text(value) for key, value in vm.metrics.items()},
            )
            for n, vm in enumerate(self.vms)
            if vm.current_type or vm.metrics
        )
        vms = "".join(
            _row(f"OpaqueRef:v{n}", name__label=vm.name, uuid=vm.uuid or f"uuid-v{n}",
                 last_boot_CPU_flags=_map(vm.flags), metrics=f"OpaqueRef:m{n}",
                 platform=_map(vm.platform),
                 resident_on="OpaqueRef:NULL" if vm.home is None else f"OpaqueRef:h{vm.home}",
                 **{key.replace("HVM_boot", "HVM__boot"): _text(value)
                    for key, value in vm.fields.items()})
            for n, vm in enumerate(self.vms)
        )  # fmt: skip
        pool = _row("OpaqueRef:p", name__label="pool", cpu_info=_map(self.pool),
                    uuid=self.pool_uuid, master=f"OpaqueRef:h{self.coordinator}")  # fmt: skip
        tables = {
            "host": hosts,
            "VM_metrics": metrics,
            "pool": pool if self.pool or self.pool_uuid else "",
            "VM": vms,
        }
        body = "".join(f'<table name="{name}">{rows}</table>' for name, rows in tables.items())
        count = f'<pair key="generation_count" value="{self.generation}"/>'
        manifest = f"<manifest>{count if self.generation else ''}</manifest>"
        return f'<?xml version="1.0" encoding="UTF-8"?><database>{manifest}{body}</database>'

    def json(self) -> str:
        """host.get_all_records and VM.get_all_records in one map by reference."""
        records: dict[str, Any] = {}
        for n, host in enumerate(self.hosts):
            records[f"OpaqueRef:h{n}"] = {
                "uuid": host.uuid or f"uuid-h{n}",
                "name_label": host.name,
                "cpu_info": host.cpu_info,
                "software_version": host.versions,
                **({} if host.enabled is None else {"enabled": host.enabled}),
            }
        for n, vm in enumerate(self.vms):
            records[f"OpaqueRef:v{n}"] = {
                "uuid": vm.uuid or f"uuid-v{n}",
                "name_label": vm.name,
                "last_boot_CPU_flags": vm.flags,
                "metrics": f"OpaqueRef:m{n}",
                "platform": vm.platform,
                "resident_on": "OpaqueRef:NULL" if vm.home is None else f"OpaqueRef:h{vm.home}",
                **vm.fields,
            }
            if vm.current_type or vm.metrics:
                records[f"OpaqueRef:m{n}"] = {
                    "current_domain_type": vm.current_type or "unspecified",
                    **vm.metrics,
                }
        if self.pool_uuid:
            records["OpaqueRef:p"] = {
                "uuid": self.pool_uuid,
                "name_label": "pool",
                "master": f"OpaqueRef:h{self.coordinator}",
                "cpu_info": self.pool,
            }
        return json.dumps(records)

    def xe(self) -> str:
        """xe host-param-list and xe vm-param-list, one record after the other."""
        records = [
            {
                "uuid": host.uuid or f"uuid-h{n}",
                "name-label": host.name,
                "cpu_info": _listed(host.cpu_info),
                "software-version": _listed(host.versions),
                **({} if host.enabled is None else {"enabled": _text(host.enabled)}),
            }
            for n, host in enumerate(self.hosts)
        ]
        records += [
            {
                "uuid": vm.uuid or f"uuid-v{n}",
                "name-label": vm.name,
                "last-boot-CPU-flags": _listed(vm.flags),
                **({"current-domain-type": vm.current_type} if vm.current_type else {}),
                **({"platform": _listed(vm.platform)} if vm.platform else {}),
                "resident-on": self.uuid_of(vm.home) or "<not in database>",
                **{key.replace("_", "-"): _text(value) for key, value in vm.metrics.items()},
                **{key.replace("_", "-"): _text(value) for key, value in vm.fields.items()},
            }
            for n, vm in enumerate(self.vms)
        ]
        if self.pool_uuid:
            pool = {"uuid": self.pool_uuid, "master": self.uuid_of(self.coordinator)}
            records.append({**pool, "cpu_info": _listed(self.pool)})
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
