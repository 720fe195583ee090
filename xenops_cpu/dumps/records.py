"""CPUs as JSON records, one a line: what `simulate --corpus` reads.

    {"id": "...", "microcode": "0200005e", "msrs": {"0000010a": "00000000000000ab"},
     "leaves": [["00000007", "00000000", "00000000", "d39ffffb", "00000000", "bc002400"], ...],
     "params": {"hvm": 0}}

Numbers are hex strings; a leaf is leaf, subleaf, EAX, EBX, ECX, EDX. Only `id` and `leaves` must be
there; members not named here are passed over. A record is taken as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from ..cpuid import Cpu, CpuError, LeafKey, Registers
from .dump import Dump, DumpError

FORMAT = "record"


def recognises(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def parse(text: str, name: str) -> list[Dump]:
    """All records of a text. Raises DumpError."""
    return list(lines(text.splitlines(), name))


def lines(source: Iterable[str], name: str) -> Iterator[Dump]:
    """The record of each line as it is read; empty lines are passed over. Raises DumpError."""
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DumpError(f"{name}, line {number}: not JSON ({error})") from error
        yield of_record(record, f"{name}, line {number}")


def of_record(record: Any, where: str) -> Dump:
    """One record, already decoded; `where` begins the message of a DumpError."""
    if not isinstance(record, dict):
        raise DumpError(f"{where}: {json.dumps(record)[:60]} is not a record (a JSON object)")
    identity, listed = record.get("id"), record.get("leaves")
    if not isinstance(identity, str) or not isinstance(listed, list):
        raise DumpError(f'{where}: a record has a string "id" and a list "leaves"')
    where = f"{where} ({identity})"
    leaves: dict[LeafKey, Registers] = {}
    for entry in listed:
        try:
            leaf, subleaf, eax, ebx, ecx, edx = (int(part, 16) for part in entry)
        except (TypeError, ValueError) as error:
            raise DumpError(
                f"{where}: {json.dumps(entry)[:80]} is not LEAF, SUBLEAF, EAX, EBX, ECX, EDX "
                "as hex strings"
            ) from error
        leaves[leaf, subleaf] = (eax, ebx, ecx, edx)
    params = record.get("params") or {}
    msrs = record.get("msrs") or {}
    for member, value in (("params", params), ("msrs", msrs)):
        if not isinstance(value, dict):
            raise DumpError(f"{where}: {member} {json.dumps(value)[:60]} is not an object")
    registers = {
        _number(index, "MSR", where): _number(value, "MSR value", where)
        for index, value in msrs.items()
    }
    patch = record.get("microcode")
    microcode = None if patch is None else _number(patch, "microcode", where)
    try:
        cpu = Cpu(leaves=leaves, msrs=registers, microcode=microcode)
    except CpuError as error:
        raise DumpError(f"{where}: {error}") from error
    return Dump(identity, FORMAT, cpu, params=params)


def _number(value: object, what: str, where: str) -> int:
    if isinstance(value, str):
        with suppress(ValueError):
            return int(value, 16)
    raise DumpError(f"{where}: {what} {json.dumps(value)[:40]} is not a hex string")
