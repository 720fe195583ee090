"""Times as text: UTC, to the second. The only place that reads the wall clock is who records."""

from __future__ import annotations

import time


def text_of(seconds: float) -> str:
    """Seconds since 1970 as 2026-11-26T12:00:00Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
