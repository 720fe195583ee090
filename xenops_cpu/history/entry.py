"""One entry of the history: a fingerprint, when it was seen, and what it changed."""

from __future__ import annotations

from attrs import frozen

from ..errors import Error
from ..version import __version__
from .causes import causes
from .fingerprint import Fingerprint, differences
from .surroundings import Surroundings

# The oldest go beyond these: a host that changes from minute to minute must not fill the disk.
MAX_ENTRIES = 1000


class StoreError(Error):
    """The store cannot be used now; the text has the file and the reason."""


@frozen
class Entry:
    """One fingerprint of one source and the time in which it was seen, in seconds since 1970.

    `changes` and `causes` are sentences against the entry before it; the first has none. `id` 0:
    not stored yet.
    """

    id: int
    source: str
    digest: str
    first_seen: float
    last_seen: float
    program: str
    xen: str
    commandline: str
    surroundings: Surroundings
    changes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


def entry_of(
    fingerprint: Fingerprint, source: str, now: float, before: Fingerprint | None, program: str
) -> Entry:
    """The entry for a fingerprint that follows `before`, which `program` had recorded."""
    host = fingerprint.host
    changed: tuple[str, ...] = ()
    caused: tuple[str, ...] = ()
    if before is not None:
        changed = tuple(differences(before, fingerprint))
        caused = causes(before, fingerprint, (program, __version__))
    return Entry(
        id=0,
        source=source,
        digest=fingerprint.digest,
        first_seen=now,
        last_seen=now,
        program=__version__,
        xen=host.xen.version,
        commandline=host.xen.commandline,
        surroundings=fingerprint.surroundings,
        changes=changed,
        causes=caused,
    )
