"""Which models and microcode revisions Xen treats how (data/derivation, sources named there)."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, NamedTuple

from .. import data_files


class Threshold(NamedTuple):
    """`microcode`: the first revision that will do. `steppings`: None for all that no row names."""

    model: int
    steppings: frozenset[int] | None
    microcode: int


@cache
def _table(name: str) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(data_files.read_text(f"derivation/{name}.json"))
    return table


@cache
def intel_models(name: str) -> frozenset[int]:
    """Models of Intel family 6 that the list `name` has."""
    return frozenset(int(model, 16) for model in _table("intel")[name].split())


@cache
def intel_thresholds(name: str) -> tuple[Threshold, ...]:
    """The rows `model steppings microcode` of the list `name`."""
    return tuple(_threshold(row) for row in _table("intel")[name])


def _threshold(row: str) -> Threshold:
    model, steppings, microcode = row.split()
    listed = None if steppings in "*?" else frozenset(map(int, steppings.split(",")))
    return Threshold(int(model, 16), listed, int(microcode, 16))


def needed_microcode(rows: tuple[Threshold, ...], model: int, stepping: int) -> int | None:
    """The revision that rows ask of this CPU; a row with its stepping wins over one without."""
    revision = None
    for row in rows:
        if row.model == model:
            if row.steppings is None:
                revision = row.microcode
            elif stepping in row.steppings:
                return row.microcode
    return revision


@cache
def legacy_ssbd_bit(family: int) -> int | None:
    """The bit of MSR LS_CFG (c0011020) that disables speculative store bypass."""
    bit: int | None = _table("amd")["legacy_ssbd"].get(f"{family:x}")
    return bit


@cache
def verw_clear_from(microcode: int) -> int | None:
    """The first revision of this patch line (all but the last two digits) whose VERW scrubs."""
    for text in _table("amd")["verw_clear"]:
        if int(text, 16) >> 8 == microcode >> 8:
            return int(text, 16)
    return None
