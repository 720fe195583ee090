"""Where hosts and their featuresets come from: Xen, a simulation, a capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ..errors import RemediedError

if TYPE_CHECKING:
    from ..hosts.host import Host

KINDS: Final = (
    "xen, xen-cpuid, simulated, cpu:NAME[+MICROCODE][@RELEASE] (`xenops-cpu cpus` lists them), "
    "example:NAME or recorded:FILE"
)


class SourceError(RemediedError):
    """A source cannot give an answer."""


class Source(Protocol):
    """`name` is what a person gives to --source: xen, xen-cpuid, simulated, ..."""

    @property
    def name(self) -> str: ...

    def read(self) -> Host:
        """Read the host now. Raises SourceError."""
        ...
