"""Waiting for what comes soon: no test is about how soon."""

import time
from collections.abc import Callable


def eventually(fact: Callable[[], object], what: str = "it never was so") -> None:
    """Wait until `fact` holds; when it does not within half a minute, fail and say `what`."""
    end = time.monotonic() + 30
    while not fact():
        assert time.monotonic() < end, f"not within 30 s: {what}"
        time.sleep(0.005)
