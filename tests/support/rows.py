"""Rows of a fleet, reduced by hand: what the SQL says, in Python."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import and_, or_
from typing import Any

from xenops_cpu.fleet.row import WORD_COLUMNS, Row


def reduction(rows: Iterable[Row], guest: str) -> dict[str, Any]:
    """The row of fleet/queries.py for one pool and guest type, by its names."""
    chosen: list[dict[str, Any]] = [r for r in rows if (r["guest"], r["kind"]) == (guest, "boot")]
    having = [row for row in chosen if row["length"] > 0]
    columns = [[row[name] for row in having] for name in WORD_COLUMNS]
    return {
        "in_all": [reduce(and_, column) if column else None for column in columns],
        "in_any": [reduce(or_, column) if column else None for column in columns],
        "length": max((row["length"] for row in chosen), default=None),
        "count": len(having),
        "releases": sorted({row["release"] for row in chosen if row["certain"]}),
        "assumed": sorted({row["release"] for row in chosen if not row["certain"]}),
        "vendors": sorted({row["vendor"] for row in having if row["vendor"]}),
    }
