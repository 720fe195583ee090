"""A client for a live pool: asks a xapi over the network, or over its socket in dom0.

`read` is all that a caller needs for a pool's records; `watch` of the command line uses `session`
and `events` themselves. docs/live-pool.md says what is sent, what is kept and which role suffices.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .url import recognises

if TYPE_CHECKING:
    from .options import Options
    from .pool import Progress, Records


def read(address: str, options: Options | None = None, progress: Progress | None = None) -> Records:
    """The pool that answers at `address` (xapi://user@host). Raises InputError, XapiError."""
    from . import options as how
    from . import pool

    with how.session(address, options) as session:
        return pool.fetch(session, progress)


__all__ = ["read", "recognises"]
