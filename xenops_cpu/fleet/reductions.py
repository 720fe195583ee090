"""Reductions as an engine writes them, a JSON object a line, into levels of the same form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .error import FleetError
from .settling import settle

# What settle takes, and which of its values are lists of what.
_LISTS = {"in_all": int, "in_any": int, "releases": str, "assumed": str}
_NUMBERS = ("length", "count")
_NAMES = (*_LISTS, *_NUMBERS)


def settled(line: str) -> dict[str, Any]:
    """The level of a line, with what else stands in it (pool, guest); raises FleetError.

    `release`: whose rules and names; `featureset`: in hex; `features`: the names; `count`: hosts.
    """
    row = _row(line)
    level = settle(**{name: _value(row, name) for name in _NAMES})
    return {
        **{name: value for name, value in row.items() if name not in _NAMES},
        "count": row["count"],
        "release": level.release.name,
        "featureset": str(level.featureset),
        "features": level.names,
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
    kind = _LISTS[name]
    if not isinstance(value, list) or not all(item is None or type(item) is kind for item in value):
        raise FleetError(f'"{name}" is not a list of {"integers" if kind is int else "texts"}')
    return [item for item in value if item is not None] if kind is str else value
