"""A damaged file is put out of the way, not thrown away: somebody may want to look at it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

MAX_DAMAGED = 3


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """One process at a time may move `path`; the lock is a file beside it. Raises OSError."""
    opened = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)


def move_aside(path: Path) -> Path:
    """To NAME.damaged-TIME; of those the newest MAX_DAMAGED stay. Raises OSError."""
    aside = Path(f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    # The journal first: left beside a new file it would be rolled back into that.
    with contextlib.suppress(FileNotFoundError):
        Path(f"{path}-journal").rename(f"{aside}-journal")
    path.rename(aside)
    for old in sorted(path.parent.glob(f"{path.name}.damaged-*Z"))[:-MAX_DAMAGED]:
        old.unlink()
        Path(f"{old}-journal").unlink(missing_ok=True)
    return aside
