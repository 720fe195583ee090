"""Many CPUs at once: dumps as lines of JSON, and the sets that a Xen release derives from them.

A record has `leaves` [[leaf, subleaf, eax, ebx, ecx, edx], ...] in hex, and may have `id`, `msrs`
{index: value}, `microcode`, `brand` and `params`: `cmdline`, `hvm`, `ucode`, `sbpb`, `smt`, `ept`,
`null_seg_clears_base`, `msrs` (over the record's own). A record of a Xen that was booted in QEMU
has `cmdline` and `ucode` beside the leaves and no `params`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from ..cpuid.cpu import Cpu, CpuError
from ..cpuid.identity import AMD, LeafKey, Registers
from ..derivation import SETS, Derivation, Options, derive
from ..features.release import Release


class RecordError(ValueError):
    """A record that cannot be read; the message names its line and field."""


@frozen
class Record:
    """One dump, ready to be derived. `name`: the record's id, or its line."""

    name: str
    cpu: Cpu
    options: Options


def read_record(text: str, line: int, options: Options | None = None) -> Record:
    """One line of JSON. `options` stand where the record says nothing.

    Raises RecordError.
    """
    where = f"line {line}"
    try:
        record = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordError(f"{where}: not JSON: {error}") from None
    if not isinstance(record, dict):
        raise RecordError(f"{where}: a record is an object, this is a {type(record).__name__}")
    identity = record.get("id")
    name = identity if isinstance(identity, str) else where
    return Record(
        name,
        _cpu(record, where, name),
        _options(record, where, options if options is not None else Options()),
    )


def _cpu(record: Mapping[str, Any], where: str, name: str) -> Cpu:
    try:
        leaves = _leaves(record["leaves"])
    except KeyError:
        raise RecordError(f"{where}: field leaves is missing") from None
    except (TypeError, ValueError):
        leaves = _leaves_slowly(record["leaves"], where)
    microcode = record.get("microcode")
    try:
        return Cpu(
            leaves,
            _registers(record.get("msrs") or {}, f"{where}: field msrs"),
            None if microcode is None else _hex(microcode, f"{where}: field microcode", 8),
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
            _hex(value, place, 8)
    return _leaves(rows)


def _hex(value: object, where: str, digits: int) -> int:
    if isinstance(value, str):
        try:
            number = int(value, 16)
        except ValueError:
            number = -1
        if 0 <= number < 1 << digits * 4:
            return number
    raise RecordError(f"{where}: {value!r} is not 1 to {digits} hex digits")


def _registers(table: object, where: str) -> dict[int, int]:
    if not isinstance(table, dict):
        raise RecordError(f"{where}: an object of hex numbers was expected")
    return {_hex(index, where, 8): _hex(value, where, 16) for index, value in table.items()}


def _options(record: Mapping[str, Any], where: str, given: Options) -> Options:
    """What the record says of its machine; what the caller gives wins."""
    params = record.get("params") or {}
    if not isinstance(params, dict):
        raise RecordError(f"{where}: field params: an object was expected")
    if "xen_args" in record or "mode" in record or ("cmdline" in record and not params):
        return _booted_in_qemu(record, where, given)
    return options_of(params, given, where=f"{where}: field params")


def options_of(
    params: Mapping[str, Any] | None, given: Options | None = None, *, where: str = "params"
) -> Options:
    """The options that a record's `params` stand for; what the caller gives wins.

    Raises RecordError, which names the field.
    """
    given = given if given is not None else Options()
    params = params or {}
    switches: dict[str, Any] = {
        key: _switch(params[key], f"{where}.{key}")
        for key in ("ept", "smt", "sbpb", "null_seg_clears_base")
        if params.get(key) is not None and getattr(given.machine, key) is None
    }
    if params.get("hvm") is not None and not _switch(params["hvm"], f"{where}.hvm"):
        switches.update(hvm=False, hide_unusable=True)
    changes: dict[str, Any] = {}
    if switches:
        changes["machine"] = evolve(given.machine, **switches)
    if params.get("cmdline") is not None:
        changes["cmdline"] = _joined(_text(params["cmdline"], f"{where}.cmdline"), given.cmdline)
    if params.get("ucode") is not None and given.microcode is None:
        changes["microcode"] = _hex(params["ucode"], f"{where}.ucode", 8)
    if params.get("msrs"):
        changes["msrs"] = {**_registers(params["msrs"], f"{where}.msrs"), **given.msrs}
    return evolve(given, **changes)


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    raise RecordError(f"{where}: {value!r} is not text")


def _joined(own: str, given: str) -> str:
    """What the caller gives comes last, so that it wins."""
    return f"{own} {given}" if own and given else own or given


# The microcode revision that QEMU's TCG shows (target/i386/cpu.c): AMD's, and everybody else's.
_QEMU_MICROCODE = {AMD: 0x01000065}


def _booted_in_qemu(record: Mapping[str, Any], where: str, given: Options) -> Options:
    """QEMU's TCG: one CPU, unknown registers read 0 and drop writes, no probe faults."""
    microcode = given.microcode
    if microcode is None and record.get("ucode") is not None:
        microcode = _hex(record["ucode"], f"{where}: field ucode", 8)
    return evolve(
        given,
        cmdline=_joined(_text(record.get("cmdline", ""), f"{where}: field cmdline"), given.cmdline),
        microcode=microcode,
        machine=evolve(
            given.machine, registers="inert", sbpb=True, null_seg_clears_base=True, smt=False
        ),
    )


def _switch(value: object, where: str) -> bool:
    if value in (0, 1):
        return bool(value)
    raise RecordError(f"{where}: {value!r} is neither 0 nor 1")


def simulate(record: Record, release: Release) -> Derivation:
    """Derive one record. Raises CommandLineError, DerivationError."""
    options = record.options
    if options.machine.registers == "inert" and options.microcode is None:
        options = evolve(options, microcode=_QEMU_MICROCODE.get(record.cpu.vendor, 1))
    return derive(record.cpu, release, options)


def simulate_lines(
    lines: Iterable[str], release: Release, options: Options | None = None
) -> Iterator[dict[str, Any]]:
    """A result a record: id, xen and the six sets as lists of 8-digit words (None: no such set).

    A record that cannot be used gives {"line", "error"} instead, and the rest goes on.
    """
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            record = read_record(text, number, options)
            derivation = simulate(record, release)
        except (ValueError, RecursionError) as error:
            message = str(error)
            if not isinstance(error, RecordError):
                message = f"line {number}: {message}"
            yield {"line": number, "error": message}
        else:
            yield as_words(record.name, derivation)


def as_words(name: str, derivation: Derivation) -> dict[str, Any]:
    """A derivation as the result line of `simulate_lines`."""
    result: dict[str, Any] = {"id": name, "xen": derivation.release.name}
    for key in SETS:
        featureset = derivation.featuresets[key]
        result[key] = None if featureset is None else featureset.text(" ").split()
    return result
