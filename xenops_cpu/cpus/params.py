"""The circumstances of a dump (its `params`) as the options of a derivation.

`cmdline` (Xen's), `ucode` (the revision after Xen's own update), `hvm`, `ept`, `smt`, `sbpb`,
`null_seg_clears_base` (0 or 1), `msrs` {index: value} over the dump's own, and `registers`:
"inert" where unknown registers read 0 and drop writes, as under QEMU.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ..derivation import Options

_SWITCHES = ("ept", "smt", "sbpb", "null_seg_clears_base")


def options_of(
    params: Mapping[str, Any], wished: Options | None = None, *, where: str = "params"
) -> Options:
    """The options that `params` stand for; what the caller wishes wins.

    Raises RecordError, which names the field.
    """
    wished = wished if wished is not None else Options()
    switches: dict[str, Any] = {
        key: _switch(params[key], f"{where}.{key}")
        for key in _SWITCHES
        if params.get(key) is not None and getattr(wished.machine, key) is None
    }
    if params.get("hvm") is not None and not _switch(params["hvm"], f"{where}.hvm"):
        switches.update(hvm=False, hide_unusable=True)
    if params.get("registers") == "inert":
        switches["registers"] = "inert"
    changes: dict[str, Any] = {}
    if switches:
        changes["machine"] = evolve(wished.machine, **switches)
    if params.get("cmdline") is not None:
        changes["cmdline"] = _joined(_text(params["cmdline"], f"{where}.cmdline"), wished.cmdline)
    if params.get("ucode") is not None and wished.microcode is None:
        from .dumps.records import hexadecimal

        changes["microcode"] = hexadecimal(params["ucode"], f"{where}.ucode", 8)
    if params.get("msrs"):
        from .dumps.records import registers

        changes["msrs"] = {**registers(params["msrs"], f"{where}.msrs"), **wished.msrs}
    return evolve(wished, **changes)


def _text(value: object, where: str) -> str:
    if isinstance(value, str):
        return value
    from .dumps.records import RecordError

    raise RecordError(f"{where}: {value!r} is not text")


def _joined(own: str, wished: str) -> str:
    """What the caller wishes comes last, so that it wins."""
    return f"{own} {wished}" if own and wished else own or wished


def _switch(value: object, where: str) -> bool:
    if value in (0, 1):
        return bool(value)
    from .dumps.records import RecordError

    raise RecordError(f"{where}: {value!r} is neither 0 nor 1")
