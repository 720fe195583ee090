"""Where a service listens, and where one is looked for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .command_line import path

if TYPE_CHECKING:
    from pathlib import Path

# The first of these is xapi's own folder for such sockets.
_PLACES = (
    "/var/lib/xcp/xenops-cpu",
    "$XDG_RUNTIME_DIR/xenops-cpu.sock",
    "/tmp/xenops-cpu.sock",  # noqa: S108
)


def places() -> list[Path]:
    """Where a service listens unless told otherwise, best first."""
    variable = os.environ.get("XENOPS_CPU_SOCKET", "")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")  # an empty one is none, says its specification
    named = [
        place.replace("$XDG_RUNTIME_DIR", runtime)
        for place in _PLACES
        if runtime or "$" not in place
    ]
    return [path(place) for place in (variable, *named) if place]


def to_serve() -> Path:
    """The place that XENOPS_CPU_SOCKET names, else the best that this user may write to."""
    if os.environ.get("XENOPS_CPU_SOCKET"):
        return places()[0]
    for place in places():
        if os.access(place.parent, os.W_OK):
            return place
    return places()[-1]


def to_ask() -> Path | None:
    """The first place where a service of root's or of this user's listens; None if there is none.

    Anybody may put a socket into /tmp, so whose it is matters.
    """
    for place in places():
        try:
            status = place.lstat()
        except OSError:
            continue
        if place.is_socket() and status.st_uid in (0, os.getuid()):
            return place
    return None
