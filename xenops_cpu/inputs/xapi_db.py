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

from ..hosts import parts
from ..hosts.parts import Parts
from . import vm_record
from .value import InputError, Stored, VmRecord

# The longest row of a real database is some tens of KiB. The parser keeps a tag until it ends.
_MAX_TAG = 2 * 1024 * 1024
_MAX_ROWS = 20_000

_PAIR = re.compile(r"\(\s*'((?:[^'\\]|\\.)*)'\s+'((?:[^'\\]|\\.)*)'\s*\)", re.DOTALL)
_SPACES = {"%.": " ", "%n": "\n", "%r": "\r", "%t": "\t", "%%": "%"}


def recognises(head: bytes) -> bool:
    """By the beginning of a file."""
    return b"<database>" in head[:1024]


def parse(chunks: Iterable[bytes], where: str) -> tuple[list[Parts], list[VmRecord], list[Stored]]:
    """Hosts, VMs that remember a featureset, stored records. Raises InputError."""
    rows = _Rows(where)
    parser = DefusedXMLParser(target=rows, forbid_dtd=True)
    try:
        for chunk in chunks:
            parser.feed(chunk)
            rows.fed += len(chunk)
            if rows.fed > _MAX_TAG:
                raise InputError(f"{where}: a row of more than {_MAX_TAG >> 20} MiB")
        parser.close()
    except (ParseError, DefusedXmlException) as error:
        raise InputError(f"{where}: not the XML of a xapi database ({error})") from error
    return rows.hosts, rows.vms, rows.stored


def members(text: str) -> dict[str, str]:
    """A map as the database has it: `(('key' 'value') …)`."""
    return {_unquoted(key): _unquoted(value) for key, value in _PAIR.findall(_spaced(text))}


class _Rows:
    """A target for the parser: keeps what rows tell, not the rows."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.fed = 0
        self.table = ""
        self.hosts: list[Parts] = []
        self.vms: list[VmRecord] = []
        self.stored: list[Stored] = []

    def start(self, tag: str, row: dict[str, str]) -> None:
        self.fed = 0
        if tag == "table":
            self.table = row.get("name", "")
        elif tag == "row" and self.table in ("host", "pool", "VM"):
            if len(self.hosts) + len(self.vms) > _MAX_ROWS:
                raise InputError(f"{self.where}: more than {_MAX_ROWS} hosts and VMs")
            name = _spaced(row.get("name__label") or row.get("hostname") or row.get("uuid", ""))
            if self.table == "VM":
                self.vm(name, row)
            else:
                self.host(name, row)

    def end(self, tag: str) -> None:
        self.fed = 0

    def data(self, text: str) -> None:
        self.fed = 0

    def close(self) -> None:
        """The parser asks for it."""

    def host(self, name: str, row: dict[str, str]) -> None:
        info = members(row.get("cpu_info", ""))
        if not info:
            return
        self.stored.append(Stored("host" if self.table == "host" else "pool", name, info))
        if self.table == "host":
            told = parts.of_cpu_info(info, f"{self.where}: cpu_info of {name}")
            version = members(row.get("software_version", "")).get("xen", "")
            self.hosts.append(evolve(told, name=name, version=version))

    def vm(self, name: str, row: dict[str, str]) -> None:
        flags = members(row.get("last_boot_CPU_flags", ""))
        if flags.get("features") and row.get("is_a_template") != "true":
            kind = vm_record.domain_type(
                row.get("domain_type", ""), row.get("HVM__boot_policy", "")
            )
            self.vms.append(vm_record.of_flags(flags, name, kind, self.where))


def _spaced(text: str) -> str:
    return re.sub(r"%[.nrt%]", lambda match: _SPACES[match[0]], text)


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
