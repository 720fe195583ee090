"""Reductions as an engine writes them, a JSON object a line, into levels of the same form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..pools.words import different_vendors
from .error import FleetError
from .settling import settle

# What settle takes, and which of its values are lists of what.
_WORDS = ("in_all", "in_any")
_NUMBERS = ("length", "count")
_NAMES = (*_WORDS, *_NUMBERS, "releases", "assumed")
_VENDORS = "vendors"


def settled(line: str) -> dict[str, Any]:
    """The level of a line, with what else stands in it (pool, guest); raises FleetError.

    `release`: whose rules and names; `featureset`: in hex; `features`: the names; `count`: hosts;
    `warnings`: of CPUs of several `vendors`, where the line tells them.
    """
    row = _row(line)
    level = settle(**{name: _value(row, name) for name in _NAMES})
    vendors = sorted(_value(row, _VENDORS) or ()) if _VENDORS in row else []
    return {
        **{name: value for name, value in row.items() if name not in _NAMES},
        "count": row["count"],
        "release": level.release.name,
        "featureset": str(level.featureset),
        "features": level.names,
        "warnings": list(filter(None, [different_vendors(vendors)])),
    }


def _row(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise FleetError(f"not JSON ({error})") from error
    if not isinstance(row, dict):
        raise FleetError("not an object of JSON")
    return row


def _value(row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        raise FleetError(f'there is no "{name}"; wanted are {", ".join(_NAMES)}')
    value = row[name]
    if value is None:
        return None
    if name in _NUMBERS:
        if type(value) is not int:
            raise FleetError(f'"{name}" is not an integer')
        return value
    kind = int if name in _WORDS else str
    if not isinstance(value, list) or not all(item is None or type(item) is kind for item in value):
        raise FleetError(f'"{name}" is not a list of {"integers" if kind is int else "texts"}')
    return [item for item in value if item is not None] if kind is str else value
