"""A VM as the command vm started, restored or found it: what its words are about."""

from __future__ import annotations

from attrs import frozen

from ..derivation import Derivation
from ..guests.changes import Change
from ..guests.domain import Domain
from ..guests.start import Start
from ..guests.toolstacks import Settings
from ..hosts.host import Host


@frozen
class StartedVm:
    """A VM as it was started or restored. `complaints`: what xl says of cpuid=. `changed`: what it
    has other than in its stream, None where there is none. `running`: how to call one that runs.
    """

    start: Start
    settings: Settings
    toolstack: str
    derivation: Derivation | None
    host: Host
    complaints: tuple[str, ...] = ()
    viridian: int = 0
    changed: tuple[Change, ...] | None = None
    running: str = ""

    @property
    def domain(self) -> Domain:
        return self.start.domain
