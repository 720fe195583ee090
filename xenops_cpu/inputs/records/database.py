"""xapi's database as XML (xapi-db.xml of a bug report): stored CPU records and VMs.

    <table name="host"><row ref="…" name__label="xs-01" cpu_info="(('cpu_count' '32') …)" …/>

Facts: xapi, ocaml/database/db_xml.ml and string_marshall_helper.ml (a map is an S-expression in
single quotes), xml_spaces.ml (`%.` is a blank). Rows are looked at as they pass: a database of any
size takes the memory of one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree.ElementTree import ParseError

from attrs import evolve
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from ...errors import InputError
from ...hosts.membership import Membership
from ...hosts.record import of_cpu_info
from ...limits import input_limits
from ..value import Stored, printable
from .collected import Collected, Room
from .vm_record import VmRecord, kinds, metrics_of

_TABLES = ("host", "pool", "VM", "VM_metrics")

# Possessive: a text in quotes is read in one way only, however long it is.
_QUOTED = r"'((?:[^'\\]|\\.)*+)'"
_PAIR = re.compile(rf"\(\s*+{_QUOTED}\s++{_QUOTED}\s*+\)", re.DOTALL)
_SPACES = {"%.": " ", "%n": "\n", "%r": "\r", "%t": "\t", "%%": "%"}

Row = dict[str, str]


def recognises(head: bytes) -> bool:
    """By the beginning of a file."""
    return b"<database>" in head[:1024]


def parse(chunks: Iterable[bytes], where: str) -> Collected:
    """Hosts, VMs and stored records. Raises InputError."""
    rows = _Rows(where)
    # What it says of its encoding does not count: xapi writes UTF-8, and Python's parser fails for
    # encodings that it does not know.
    parser = DefusedXMLParser(target=rows, encoding="utf-8", forbid_dtd=True)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            rows.fed += len(chunk)
            if rows.fed > input_limits.DATABASE_TAG_BYTES:
                raise InputError(
                    f"{where}: a row of more than {input_limits.DATABASE_TAG_BYTES >> 20} MiB"
                )
        parser.close()
    except (ParseError, DefusedXmlException) as error:
        raise InputError(f"{where}: not the XML of a xapi database ({error})") from error
    return rows.collected()


def members(text: str) -> dict[str, str]:
    """A map as the database has it: `(('key' 'value') …)`."""
    return {_unquoted(key): _unquoted(value) for key, value in _PAIR.findall(_spaced(text))}


class _Rows:
    """A target for the parser: keeps what rows tell, not the rows.

    A VM's metrics and its host may come before it or after, and so may the pool that says who is
    the coordinator: references are followed at the end.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.fed = 0
        self.room = Room(where)  # of rows that are kept until the end, templates and snapshots too
        self.table = ""
        self.result = Collected(room=Room(where))
        self.vms: list[tuple[VmRecord, str]] = []  # with those of their metrics
        self.metrics: dict[str, Row] = {}  # of VMs as they run, by reference
        self.uuids: dict[str, str] = {}  # of hosts, by reference
        self.pool = Membership()
        self.coordinator = ""

    def start(self, tag: str, row: Row) -> None:
        self.fed = 0
        if tag == "table":
            self.table = row.get("name", "")
        elif tag == "pair" and row.get("key") == "generation_count":
            self.result.generation = int(row["value"]) if _a_count(row.get("value", "")) else 0
        elif tag == "row" and self.table in _TABLES:
            match self.table:
                case "VM":
                    self.vm(row)
                case "VM_metrics":
                    self.vm_metrics(row)
                case _:
                    self.host(row)

    def end(self, tag: str) -> None:
        self.fed = 0

    def data(self, text: str) -> None:
        self.fed = 0

    def close(self) -> None:
        """The parser asks for it."""

    def host(self, row: Row) -> None:
        uuid = row.get("uuid", "")
        name = _spaced(row.get("name__label") or row.get("hostname") or uuid)
        hosts = self.table == "host"
        reference = row.get("ref", "")
        if hosts:
            self.room.host((reference, uuid))
            self.uuids[reference] = uuid
            self.result.call(printable(name), uuid, reference)
        else:
            upgrading = members(row.get("other_config", "")).get("rolling_upgrade_in_progress")
            self.pool = Membership(uuid, upgrading=upgrading == "true")
            self.coordinator = row.get("master", "")
        info = members(row.get("cpu_info", ""))
        if not info:
            if hosts:
                self.result.add_unknown(name, uuid)
            return
        self.result.add_stored(Stored("host" if hosts else "pool", name, info, uuid))
        if hosts:
            parts = of_cpu_info(info, f"{self.where}: cpu_info of {name}")
            software = members(row.get("software_version", ""))
            enabled = row.get("enabled", "")
            whole = evolve(
                parts,
                name=name,
                uuid=uuid,
                version=software.get("xen", ""),
                membership=Membership(
                    enabled=None if not enabled else enabled == "true", software=software
                ),
            )
            self.result.add_host(whole)

    def vm(self, row: Row) -> None:
        record = VmRecord(
            name=_spaced(row.get("name__label", "")),
            uuid=row.get("uuid", ""),
            flags=members(row.get("last_boot_CPU_flags", "")),
            domain_type=row.get("domain_type", ""),
            hvm_boot_policy=row.get("HVM__boot_policy"),
            power_state=row.get("power_state", ""),
            resident_on=row.get("resident_on", ""),
            platform=members(row.get("platform", "")),
            kinds=kinds(row),
        )
        self.room.vm((*record.texts, row.get("metrics", "")))
        self.result.call(printable(record.name), record.uuid, row.get("ref", ""))
        self.vms.append((record, row.get("metrics", "")))

    def vm_metrics(self, row: Row) -> None:
        metrics = metrics_of(row)
        if row.get("current_domain_type", "unspecified") != "unspecified":
            metrics["current_domain_type"] = row["current_domain_type"]
        if metrics:
            reference = row.get("ref", "")
            self.room.take((reference, *metrics, *metrics.values()))
            self.metrics[reference] = metrics

    def collected(self) -> Collected:
        """Raises InputError for a VM whose flags are none."""
        self.result.join(self.pool, self.uuids.get(self.coordinator, ""))
        for record, metrics in self.vms:
            running = self.metrics.get(metrics, {})
            home = self.uuids.get(record.resident_on, "")
            vm = evolve(
                record,
                current_type=running.get("current_domain_type", ""),
                metrics=running,
                resident_on=home,
            )
            self.result.add_vm(vm, self.where)
        return self.result


def _a_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _spaced(text: str) -> str:
    return re.sub(r"%[.nrt%]", lambda match: _SPACES[match[0]], text)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
