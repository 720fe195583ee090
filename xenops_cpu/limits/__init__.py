"""What strangers may cost: callers of the service (service), files and pipes (input_limits)."""

from __future__ import annotations


def amount(value: float, unit: str) -> str:
    """A limit as people write it: `8 KiB`, `2,000 hosts`."""
    if unit == "bytes":
        for factor, larger in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
            if value >= factor and value % factor == 0:
                return f"{value // factor:,} {larger}"
    return f"{value:,g} {unit}" if value < 1e6 else f"{value:,.0f} {unit}"
