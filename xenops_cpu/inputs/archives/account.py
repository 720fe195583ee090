"""What an archive may cost: bytes counted as they come out, whatever it says of itself."""

from __future__ import annotations

import time
from collections.abc import Iterator

from attrs import define, field, frozen

from ...limits import amount, input_limits
from ..value import InputError

CHUNK = 128 * 1024

Chunks = Iterator[bytes]


class Damaged(InputError):
    """The archive cannot be read on; what came before is good."""


class OverBudget(Damaged):
    """The archive as a whole costs more than any may. `limit`: its name among input_limits."""

    def __init__(self, limit: str, message: str) -> None:
        super().__init__(message)
        self.limit = limit


@define
class Account:
    """What was taken from the file, what came out of it, and the CPU time since.

    One for all of an archive, with the archives in it. Each method raises OverBudget.
    """

    packed: int = 0
    unpacked: int = 0
    members: int = 0
    started: float = field(factory=lambda: time.process_time())

    def take(self, count: int) -> None:
        """So many bytes of the file; as often as any work is done."""
        self.packed += count
        if time.process_time() - self.started > input_limits.ARCHIVE_SECONDS:
            raise OverBudget(
                "archive_seconds",
                f"more than {input_limits.ARCHIVE_SECONDS:g} s of CPU time to read it",
            )

    def make(self, count: int) -> None:
        """So many bytes came out."""
        self.unpacked += count
        most = input_limits.ARCHIVE_FREE_BYTES + input_limits.ARCHIVE_RATIO * self.packed
        if self.unpacked > most:
            raise OverBudget(
                "archive_ratio",
                f"{self.packed} bytes unpack to more than {self.unpacked >> 20} MiB: a bomb, "
                "not a report",
            )
        if self.unpacked > input_limits.ARCHIVE_BYTES:
            size = amount(input_limits.ARCHIVE_BYTES, "bytes")
            raise OverBudget("archive_bytes", f"more than {size} when unpacked")

    def member(self) -> None:
        """One more file, folder, link or header."""
        self.members += 1
        self.take(0)
        if self.members > input_limits.ARCHIVE_MEMBERS:
            raise OverBudget("archive_members", f"more than {input_limits.ARCHIVE_MEMBERS} members")


@frozen
class Member:
    """A file of an archive. `chunks` are to be taken before the next member is asked for; what is
    made of them is the archive's `account`.
    """

    name: str
    chunks: Chunks = field(repr=False)
    account: Account = field(factory=Account, eq=False, repr=False)

    def read(self, limit: int) -> bytes:
        """The whole file. Raises InputError where it has more than `limit` bytes."""
        data = bytearray()
        for chunk in self.chunks:
            data += chunk
            if len(data) > limit:
                raise InputError(f"{self.name or 'unpacked'}: more than {limit // 1024} KiB")
        return bytes(data)
