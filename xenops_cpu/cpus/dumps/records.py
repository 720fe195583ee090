"""Dumps as lines of JSON: one record a line, or one spread over a file.

A record has `leaves` [[leaf, subleaf, eax, ebx, ecx, edx], ...] in hex, and may have `id`, `msrs`
{index: value}, `microcode` and `params`, its circumstances (see params). A record of a Xen that was
booted in QEMU has `cmdline` and `ucode` beside the leaves and no `params`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...cpuid.cpu import Cpu, CpuError
from ...cpuid.identity import AMD, LeafKey, Registers
from ...limits import input_limits
from ...text import json_text
from .dump import Dump, DumpError

FORMAT = "record"

# QEMU's TCG: one CPU; unknown registers read 0 and drop writes; no probe faults.
_QEMU = {"registers": "inert", "sbpb": 1, "null_seg_clears_base": 1, "smt": 0}
# The microcode revision that TCG shows (QEMU's target/i386/cpu.c): AMD's, and everybody else's.
_QEMU_MICROCODE = {AMD: "01000065"}


class RecordError(DumpError):
    """A record that cannot be read; the message names its line and field."""


def recognises(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def parse(text: str, name: str) -> list[Dump]:
    """All records of a text, each taken as it stands. Raises DumpError."""
    lines = [text] if _is_one(text) else text.splitlines()
    if len(lines) > input_limits.DUMP_CPUS:
        raise DumpError(
            f"{name}: more than {input_limits.DUMP_CPUS:,} lines; simulate --corpus reads any "
            "number"
        )
    try:
        return [
            read(line, f"line {number}") for number, line in enumerate(lines, 1) if line.strip()
        ]
    except RecordError as error:
        raise DumpError(f"{name}, {error}") from error


def read(text: str, where: str) -> Dump:
    """One record; its id, else `where`, is its name. Raises RecordError (with `where`)."""
    try:
        document = json_text.parse(text)
    except json_text.JsonError as error:
        raise RecordError(f"{where}: not JSON: {error}") from None
    return _record(document, where)


def _is_one(text: str) -> bool:
    """Whether a single record is spread over lines: then the first is no JSON by itself."""
    try:
        json_text.parse(text.lstrip().partition("\n")[0])
    except json_text.TooMuch:
        return False
    except json_text.JsonError:
        return True
    return False


def _record(document: Any, where: str) -> Dump:
    if not isinstance(document, dict):
        raise RecordError(f"{where}: a record is an object, this is a {type(document).__name__}")
    identity = document.get("id")
    name = identity if isinstance(identity, str) else where
    cpu = _cpu(document, where, name)
    return Dump(name, FORMAT, cpu, params=_params(document, cpu, where))


def _cpu(document: Mapping[str, Any], where: str, name: str) -> Cpu:
    try:
        leaves = _leaves(document["leaves"])
    except KeyError:
        raise RecordError(f"{where}: field leaves is missing") from None
    except (TypeError, ValueError):
        leaves = _leaves_slowly(document["leaves"], where)
    microcode = document.get("microcode")
    try:
        return Cpu(
            leaves,
            registers(document.get("msrs") or {}, f"{where}: field msrs"),
            None if microcode is None else hexadecimal(microcode, f"{where}: field microcode", 8),
            name,
        )
    except CpuError as error:
        raise RecordError(f"{where}: field leaves: {error}") from None


def _leaves(rows: Iterable[Iterable[str]]) -> dict[LeafKey, Registers]:
    leaves: dict[LeafKey, Registers] = {}
    for leaf, subleaf, eax, ebx, ecx, edx in rows:
        key = (int(leaf, 16), int(subleaf, 16))
        if key not in leaves:
            leaves[key] = (int(eax, 16), int(ebx, 16), int(ecx, 16), int(edx, 16))
    return leaves


def _leaves_slowly(rows: Any, where: str) -> dict[LeafKey, Registers]:
    """Find the row that is wrong."""
    if not isinstance(rows, list):
        raise RecordError(f"{where}: field leaves: a list was expected")
    for index, row in enumerate(rows):
        place = f"{where}: field leaves[{index}]"
        if not isinstance(row, list) or len(row) != 6:
            raise RecordError(f"{place}: not [leaf, subleaf, eax, ebx, ecx, edx]")
        for value in row:
            hexadecimal(value, place, 8)
    return _leaves(rows)


def _params(document: Mapping[str, Any], cpu: Cpu, where: str) -> Mapping[str, Any]:
    params = document.get("params") or {}
    if not isinstance(params, dict):
        raise RecordError(f"{where}: field params: an object was expected")
    if "xen_args" in document or "mode" in document or ("cmdline" in document and not params):
        microcode = document.get("ucode")
        if microcode is None:
            microcode = _QEMU_MICROCODE.get(cpu.vendor, "1")
        return {**_QEMU, "cmdline": document.get("cmdline", ""), "ucode": microcode}
    return params


def hexadecimal(value: object, where: str, digits: int) -> int:
    """A number of at most `digits` hex digits. Raises RecordError."""
    if isinstance(value, str):
        try:
            number = int(value, 16)
        except ValueError:
            number = -1
        if 0 <= number < 1 << digits * 4:
            return number
    raise RecordError(f"{where}: {value!r} is not 1 to {digits} hex digits")


def registers(table: object, where: str) -> dict[int, int]:
    """Model-specific registers, {index: value} in hex. Raises RecordError."""
    if not isinstance(table, dict):
        raise RecordError(f"{where}: an object of hex numbers was expected")
    return {
        hexadecimal(index, where, 8): hexadecimal(value, where, 16)
        for index, value in table.items()
    }
