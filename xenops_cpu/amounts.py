"""Numbers with their units, for people."""

from __future__ import annotations


def amount(value: float, unit: str) -> str:
    if unit == "bytes":
        for factor, larger in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if value >= factor and value % factor == 0:
                return f"{value // factor:,} {larger}"
    return f"{value:,g} {unit}" if value < 1e6 else f"{value:,.0f} {unit}"
