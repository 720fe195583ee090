"""Where featuresets come from. A source reads one host; what it cannot read is a SourceError."""

from __future__ import annotations

from typing import Protocol

from ..hosts.host import Host


class SourceError(Exception):
    """A source cannot give an answer. `remedy` says what a person can do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class Source(Protocol):
    """`name` is what a person gives to --source: xen, simulated, recorded:FILE."""

    @property
    def name(self) -> str: ...

    def read(self) -> Host:
        """Read the host now. Raises SourceError."""
        ...
