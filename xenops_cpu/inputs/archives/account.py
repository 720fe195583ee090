"""What an archive may cost: bytes counted as they come out, whatever it says of itself."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import define, field, frozen

from ..value import InputError

MIB = 1024 * 1024

# Logs compress twentyfold, rarely a hundredfold; a bomb does a thousandfold and more.
MAX_RATIO = 200
FREE = 32 * MIB
# A report of a busy pool has some GiB of logs.
MAX_UNPACKED = 16 * 1024 * MIB
MAX_MEMBERS = 50_000
MAX_DIRECTORY = 16 * MIB
CHUNK = 128 * 1024

Chunks = Iterator[bytes]


class Damaged(InputError):
    """The archive cannot be read on; what came before is good."""


@frozen
class Member:
    """A file of an archive. `chunks` are to be taken before the next member is asked for."""

    name: str
    chunks: Chunks = field(repr=False)

    def read(self, limit: int) -> bytes:
        """The whole file. Raises InputError where it has more than `limit` bytes."""
        data = bytearray()
        for chunk in self.chunks:
            data += chunk
            if len(data) > limit:
                raise InputError(f"{self.name or 'unpacked'}: more than {limit // 1024} KiB")
        return bytes(data)


@define
class Account:
    """What was taken from the file and what came out of it."""

    taken: int = 0
    made: int = 0
    members: int = 0

    def make(self, count: int) -> None:
        self.made += count
        if self.made > FREE + MAX_RATIO * self.taken:
            raise Damaged(
                f"{self.taken} bytes unpack to more than {self.made >> 20} MiB: a bomb, "
                "not a report"
            )
        if self.made > MAX_UNPACKED:
            raise Damaged(f"more than {MAX_UNPACKED >> 30} GiB when unpacked")

    def member(self) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise Damaged(f"more than {MAX_MEMBERS} members")
