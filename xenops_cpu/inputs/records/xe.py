"""What the command xe prints: host-cpu-info, host-param-list, vm-param-list, pool-param-list.

              uuid ( RO)          : 7e3f…
        name-label ( RW): xs-01
          cpu_info (MRO): cpu_count: 32; socket_count: 2; vendor: GenuineIntel; …
    last-boot-CPU-flags ( RO): vendor: GenuineIntel; features: 17c9cbf5-…

host-cpu-info has the members of cpu_info a line each. Facts: xapi, ocaml/xapi-cli-server/records.ml
and xapi's CLI table printer; a record ends at an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import evolve

from ...errors import InputError
from ...hosts.membership import Membership
from ...hosts.record import of_cpu_info
from ..value import Stored, printable
from .collected import Collected, Room
from .vm_record import VmRecord, kinds, metrics_of

_LINE = re.compile(r"\s{0,99}([A-Za-z][\w-]{0,60})\s{0,99}(?:\([ A-Z]{0,9}\)\s{0,9})?: ?(.*)")
_TELLING = frozenset({"cpu_info", "last_boot_cpu_flags"})

Record = Mapping[str, str]


def recognises(text: str) -> bool:
    return _telling(text) or (";" in text and _telling(_lines(text)))


def _telling(text: str) -> bool:
    return any(_TELLING & record.keys() or _a_cpu_info(record) for record in records(text))


def _lines(text: str) -> str:
    """A map alone, as xe *-param-get prints it on one line, with a line for each key."""
    return text if _telling(text) or text.strip().count("\n") else text.replace(";", "\n")


def records(text: str) -> Iterator[Record]:
    """Keys in lower case with `_` for `-`; of a line without a key, nothing."""
    record: dict[str, str] = {}
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if record:
                yield record
            record = {}
        elif match := _LINE.fullmatch(line):
            key = match[1].lower().replace("-", "_")
            if key in record and key == "uuid":
                yield record
                record = {}
            record.setdefault(key, match[2].strip())


def parse(text: str, where: str) -> Collected:
    """The hosts, VMs and stored records of a text. Raises InputError."""
    collected = Collected(room=Room(where))
    pools = []
    for record in records(_lines(text)):
        if _a_pool(record):
            pools.append(record)
        if "last_boot_cpu_flags" in record:
            vm = _vm(record)
            collected.call(printable(vm.name), vm.uuid)
            collected.add_vm(vm, where)
        elif "cpu_info" in record or _a_cpu_info(record):
            _add_host(record, where, collected)
    if len(pools) == 1:
        upgrading = members(pools[0].get("other_config", "")).get("rolling_upgrade_in_progress")
        pool = Membership(pools[0].get("uuid", ""), upgrading=upgrading == "true")
        collected.join(pool, pools[0].get("master", ""))
    return collected


def members(text: str) -> dict[str, str]:
    """A map as xe prints it: `key: value; key: value`."""
    pairs = (member.partition(":") for member in text.split(";"))
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _a_cpu_info(record: Record) -> bool:
    featuresets = any(f"features_{key}" in record for key in ("pv", "hvm", "pv_host", "hvm_host"))
    return featuresets or ("features" in record and "cpu_count" in record)


def _a_pool(record: Record) -> bool:
    """By its keys: today's Pool.cpu_info has what guests boot with, and no migration set."""
    if "master" in record or "default_sr" in record:
        return True
    kinds = {key for key in record if key.startswith("features")}
    return bool(kinds) and kinds <= {"features_pv_host", "features_hvm_host"}


def _add_host(record: Record, where: str, collected: Collected) -> None:
    name = record.get("name_label") or record.get("hostname") or record.get("uuid", "")
    uuid = record.get("uuid", "")
    info = members(record["cpu_info"]) if "cpu_info" in record else record
    if not any(value and "features" in key for key, value in info.items()):
        raise InputError(
            f"{where}: the CPU record has no featureset; features_pv and features_hvm are "
            "wanted, as XenServer 7 and later print them"
        )
    pool = _a_pool(record)
    collected.add_stored(Stored("pool" if pool else "host", name, dict(info), uuid))
    if not pool:
        software = members(record.get("software_version", ""))
        collected.call(printable(name), uuid)
        enabled = record.get("enabled", "")
        membership = Membership(
            enabled=None if not enabled else enabled == "true", software=software
        )
        collected.add_host(
            evolve(
                of_cpu_info(info, where),
                name=name,
                uuid=uuid,
                version=software.get("xen", ""),
                membership=membership,
            )
        )


def _vm(record: Record) -> VmRecord:
    return VmRecord(
        name=record.get("name_label", ""),
        uuid=record.get("uuid", ""),
        flags=members(record["last_boot_cpu_flags"]),
        domain_type=record.get("domain_type", ""),
        hvm_boot_policy=record.get("hvm_boot_policy"),
        current_type=record.get("current_domain_type", ""),
        power_state=record.get("power_state", ""),
        resident_on=_home(record.get("resident_on", "")),
        platform=members(record.get("platform", "")),
        metrics=metrics_of(record),
        kinds=kinds(record),
    )


def _home(text: str) -> str:
    """A host's UUID; xe writes `<not in database>` for a VM that is on none."""
    return "" if text.startswith("<") else text
