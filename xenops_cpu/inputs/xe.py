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

from ..hosts import parts
from ..hosts.parts import Parts
from . import vm_record
from .value import InputError, Stored, VmRecord

_LINE = re.compile(r"\s{0,99}([A-Za-z][\w-]{0,60})\s{0,99}(?:\([ A-Z]{0,9}\)\s{0,9})?: ?(.*)")
_TELLING = frozenset({"cpu_info", "last_boot_cpu_flags"})

Record = Mapping[str, str]


def recognises(text: str) -> bool:
    return any(_TELLING & record.keys() or _a_cpu_info(record) for record in records(text))


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


def parse(text: str, where: str) -> tuple[list[Parts], list[VmRecord], list[Stored]]:
    """The hosts, VMs and stored records of a text. Raises InputError."""
    hosts: list[Parts] = []
    vms: list[VmRecord] = []
    stored: list[Stored] = []
    for record in records(text):
        name = record.get("name_label") or record.get("hostname") or record.get("uuid", "")
        if "last_boot_cpu_flags" in record:
            vm = _vm(record, name, where)
            vms += [vm] if vm is not None else []
        elif "cpu_info" in record or _a_cpu_info(record):
            info = members(record["cpu_info"]) if "cpu_info" in record else record
            if not any(value and "features" in key for key, value in info.items()):
                raise InputError(
                    f"{where}: the CPU record has no featureset; features_pv and features_hvm are "
                    "wanted, as XenServer 7 and later print them"
                )
            pool = "master" in record or "default_sr" in record
            stored.append(Stored("pool" if pool else "host", name, dict(info)))
            if not pool:
                software = members(record.get("software_version", ""))
                told = parts.of_cpu_info(info, where)
                hosts.append(evolve(told, name=name, version=software.get("xen", "")))
    return hosts, vms, stored


def members(text: str) -> dict[str, str]:
    """A map as xe prints it: `key: value; key: value`."""
    pairs = (member.partition(":") for member in text.split(";"))
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _a_cpu_info(record: Record) -> bool:
    return "features_pv" in record or ("features" in record and "cpu_count" in record)


def _vm(record: Record, name: str, where: str) -> VmRecord | None:
    """None for a VM that has never been started: it remembers nothing."""
    flags = members(record["last_boot_cpu_flags"])
    if not flags.get("features"):
        return None
    return vm_record.of_flags(
        flags,
        name,
        vm_record.domain_type(record.get("domain_type", ""), record.get("hvm_boot_policy", "")),
        where,
    )
