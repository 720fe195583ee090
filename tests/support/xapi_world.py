"""A small pool in memory that a test edits: XenAPI's objects, sessions and events.

A stand-in for xapi's database and its methods, as far as a reader of CPU features calls them: a
genuine xapi needs a Xen host. What it does is what ocaml/xapi (26.17) does for these calls.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.support.hosts import example
from tests.support.xapi_values import Date
from xenops_cpu.hosts import cpu_info
from xenops_cpu.hosts.host import Host

NULL = "OpaqueRef:NULL"
_EQUAL = re.compile(r'field "(\w+)" = "([^"]*)"')


class Refused(Exception):
    """An answer with Status Failure: a code of xapi-consts/api_errors.ml and its parameters."""

    def __init__(self, *description: str) -> None:
        super().__init__(*description)
        self.description = description


class World:
    """`tables`: records by class and reference. `roles`: by user; `passwords` likewise."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, dict[str, Any]]] = {
            name: {} for name in ("pool", "host", "VM", "VM_metrics", "message")
        }
        self.passwords = {"reader": 'p<w>&"d', "operator": "oper"}
        self.roles = {"reader": "read-only", "operator": "pool-operator"}
        self.sessions: dict[str, str] = {}
        self.logins: list[tuple[Any, ...]] = []
        self.logouts: list[str] = []
        # host.call_plugin: host, name of the plug-in, function, arguments.
        self.plugin: Callable[..., str] = _no_plugin
        self._generation = 1
        self._times: dict[tuple[str, str], tuple[int, int]] = {}
        self._deleted: list[tuple[int, str, str]] = []
        self._changed = threading.Condition()

    def put(self, kind: str, reference: str, record: Mapping[str, Any]) -> str:
        """Add an object, or change fields of one that is there."""
        with self._changed:
            self._generation += 1
            created = self._times.get((kind, reference), (self._generation, 0))[0]
            self._times[kind, reference] = (created, self._generation)
            self.tables[kind].setdefault(reference, {}).update(record)
            self._changed.notify_all()
        return reference

    def remove(self, kind: str, reference: str) -> None:
        with self._changed:
            self._generation += 1
            del self.tables[kind][reference], self._times[kind, reference]
            self._deleted.append((self._generation, kind, reference))
            self._changed.notify_all()

    def forget_deletions(self) -> None:
        """As xapi does when there are too many: who did not listen has missed them."""
        self._deleted.clear()

    def call(self, method: str, parameters: Sequence[Any]) -> Any:
        """The value of a call. Raises Refused."""
        if method == "session.login_with_password":
            return self._login(*parameters)
        reference, *rest = parameters
        if reference not in self.sessions:
            raise Refused("SESSION_INVALID", reference)
        if method == "session.logout":
            self.logouts.append(reference)
            del self.sessions[reference]
            return ""
        if method == "event.from":
            return self._events(*rest)
        if method == "message.create":
            return self._create(self.roles[self.sessions[reference]], *rest)
        if method == "host.call_plugin":
            return self.plugin(*rest)
        kind, _, name = method.partition(".")
        if kind not in self.tables:
            raise Refused("MESSAGE_METHOD_UNKNOWN", method)
        return self._read(kind, name, *rest)

    def _read(self, kind: str, name: str, *rest: str) -> Any:
        table = self.tables[kind]
        match name:
            case "get_all_records":
                return dict(table)
            case "get_all_records_where":
                return self._where(kind, *rest)
            case "get_all":
                return list(table)
            case "get_record" if rest[0] in table:
                return table[rest[0]]
            case "get_by_uuid":
                for reference, record in table.items():
                    if record["uuid"] == rest[0]:
                        return reference
                raise Refused("UUID_INVALID", kind, rest[0])
        raise Refused("HANDLE_INVALID", kind, *rest)

    def _login(self, user: str, password: str, *rest: str) -> str:
        self.logins.append((user, password, *rest))
        if self.passwords.get(user) != password:
            raise Refused("SESSION_AUTHENTICATION_FAILED", user, "Authentication failure")
        reference = f"OpaqueRef:{uuid.uuid4()}"
        self.sessions[reference] = user
        return reference

    def _where(self, kind: str, expression: str) -> dict[str, Any]:
        """The grammar of db_filter: it is Python's, once each comparison is a value."""

        def matches(record: Mapping[str, Any]) -> bool:
            def compared(match: re.Match[str]) -> str:
                value = record[match[1]]
                text = str(value).lower() if isinstance(value, bool) else str(value)
                return str(text == match[2])

            return bool(eval(_EQUAL.sub(compared, expression)))

        return {ref: record for ref, record in self.tables[kind].items() if matches(record)}

    def _create(
        self, role: str, name: str, priority: Any, cls: str, obj_uuid: str, body: str
    ) -> str:
        if role != "pool-operator":
            raise Refused(
                "RBAC_PERMISSION_DENIED", "message.create", "No permission in user's role"
            )
        table = self.tables[{"Host": "host", "Pool": "pool", "VM": "VM"}[cls]]
        if all(record["uuid"] != obj_uuid for record in table.values()):
            raise Refused("UUID_INVALID", cls, obj_uuid)
        message = {
            "uuid": str(uuid.uuid4()),
            "name": name,
            "priority": int(priority),
            "cls": cls,
            "obj_uuid": obj_uuid,
            "timestamp": Date("20260801T10:00:00Z"),
            "body": body,
        }
        return self.put("message", f"OpaqueRef:{uuid.uuid4()}", message)

    def _events(self, classes: Sequence[str], token: str, timeout: float) -> dict[str, Any]:
        if token and not re.fullmatch(r"\d{20},\d{20}", token):
            raise Refused("EVENT_FROM_TOKEN_PARSE_FAILURE", token)
        since = int(token.split(",")[0]) if token else 0
        wanted = {name.lower() for name in classes}
        end = time.monotonic() + timeout
        with self._changed:
            while True:
                events = self._since(since, wanted)
                left = end - time.monotonic()
                if events or left <= 0:
                    break
                self._changed.wait(left)
            return {
                "events": events,
                "valid_ref_counts": {
                    kind.lower(): len(table) for kind, table in self.tables.items()
                },
                "token": f"{self._generation:020},{0:020}",
            }

    def _since(self, since: int, wanted: set[str]) -> list[dict[str, Any]]:
        """As xapi orders them: what came, what changed, what went."""
        found: dict[str, list[dict[str, Any]]] = {"add": [], "mod": [], "del": []}
        for (kind, reference), (created, modified) in self._times.items():
            if modified > since and kind.lower() in wanted:
                operation = "add" if created > since else "mod"
                event = _event(modified, kind, operation, reference)
                found[operation].append(event | {"snapshot": self.tables[kind][reference]})
        for gone, kind, reference in self._deleted:
            if gone > since and kind.lower() in wanted:
                found["del"].append(_event(gone, kind, "del", reference))
        return [*found["add"], *found["mod"], *found["del"]]


def _no_plugin(_host: str, name: str, *_arguments: object) -> str:
    raise Refused("XENAPI_MISSING_PLUGIN", name)


def _event(generation: int, kind: str, operation: str, reference: str) -> dict[str, Any]:
    return {
        "id": str(generation),
        "timestamp": "0.0",
        "class": kind.lower(),
        "operation": operation,
        "ref": reference,
    }


def stored(host: Host) -> dict[str, str]:
    """Host.cpu_info as today's xapi keeps it."""
    return cpu_info.xapi_map(cpu_info.cpu_info(host))


def pool_info(info: Mapping[str, str]) -> dict[str, str]:
    """Pool.cpu_info of a pool whose hosts are all like this one."""
    keys = ("vendor", "features_pv_host", "features_hvm_host")
    return {"cpu_count": "8", "socket_count": "2", **{key: info[key] for key in keys}}


def two_hosts() -> World:
    """A pool of two equal hosts with a running, a suspended and a halted VM, and a template."""
    world = World()
    info = stored(example())
    world.put(
        "pool",
        "OpaqueRef:p",
        {
            "uuid": "6f1c0000-0000-4000-8000-000000000000",
            "name_label": "Zürich",
            "master": "OpaqueRef:h0",
            "ha_enabled": False,
            "ha_host_failures_to_tolerate": 0,
            "other_config": {"memory-ratio-hvm": "0.25"},
            "cpu_info": pool_info(info),
            "last_update_sync": Date("20260801T10:00:00Z"),
            "tags": [],
        },
    )
    for index in range(2):
        world.put("host", f"OpaqueRef:h{index}", _host(index, info))
    world.put("VM", "OpaqueRef:dom0", _vm("Control domain", info, is_control_domain=True))
    world.put("VM", "OpaqueRef:v1", _vm("web-01 <&> é漢", info))
    world.put("VM", "OpaqueRef:v2", _vm("asleep", info, power_state="Suspended", resident_on=NULL))
    world.put("VM", "OpaqueRef:v3", _vm("off", info, power_state="Halted", resident_on=NULL))
    world.put("VM", "OpaqueRef:t1", _vm("template", info, power_state="Halted", is_a_template=True))
    for reference, vm in world.tables["VM"].items():
        metrics = {
            "uuid": f"metrics of {vm['uuid']}",
            "current_domain_type": "hvm",
            "nomigrate": False,
            "nested_virt": False,
            "hvm": True,
            "start_time": Date("20260801T10:00:00Z"),
            "VCPUs_number": 2,
        }
        world.put("VM_metrics", f"{reference}-metrics", metrics)
        vm["metrics"] = f"{reference}-metrics"
    return world


def _host(index: int, info: Mapping[str, str]) -> dict[str, Any]:
    return {
        "uuid": f"a000000{index}-0000-4000-8000-000000000000",
        "name_label": f"xs-0{index}",
        "hostname": f"xs-0{index}",
        "address": f"10.0.0.1{index}",
        "enabled": True,
        "cpu_info": dict(info),
        "software_version": {"xen": "4.17.5-13", "xapi": "26.1", "product_version": "8.4.0"},
        "capabilities": ["xen-3.0-x86_64", "hvm-3.0-x86_64", ""],
        "chipset_info": {"iommu": "true"},
        "other_config": {"agent_start_time": "1785578400.", "secret-of-somebody": "hush"},
        "resident_VMs": ["OpaqueRef:dom0", "OpaqueRef:v1"] if index == 0 else [],
        "license_params": {"expiry": "20300101T00:00:00Z"},
    }


def _vm(name: str, info: Mapping[str, str], **changes: Any) -> dict[str, Any]:
    vm = {
        "uuid": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)),
        "name_label": name,
        "power_state": "Running",
        "is_a_template": False,
        "is_a_snapshot": False,
        "is_control_domain": False,
        "resident_on": "OpaqueRef:h0",
        "domain_type": "hvm",
        "HVM_boot_policy": "BIOS order",
        "HVM_shadow_multiplier": 1.0,
        "platform": {"nx": "true", "nomigrate": "false"},
        "last_boot_CPU_flags": {
            "vendor": info["vendor"],
            "features": info["features_hvm_host"],
        },
        "last_booted_record": '{"last_start_time": 1.0}',
        "NVRAM": {"EFI-variables": "x" * 2000},
        "VCPUs_max": 2,
        "suspend_VDI": NULL,
        "snapshot_time": Date("19700101T00:00:00Z"),
        "blocked_operations": {},
        "has_vendor_device": False,
    }
    return vm | changes
