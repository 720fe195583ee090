"""When something was read: by the clock, or by the count of changes of xapi's database.

xapi counts every change of its database (the manifest's generation_count). Of two copies of one
pool's database the one with the higher count is the newer, whatever a clock says: the copy that a
member keeps may be as old as the last upgrade.
"""

from typing import NamedTuple


class Moment(NamedTuple):
    """`time`: ISO 8601 in UTC (2026-01-01T09:30:00Z), "" where it is not known. `generation`: of
    the database, 0 where it is not one's.
    """

    time: str = ""
    generation: int = 0

    def newer(self, other: "Moment") -> bool | None:
        """Whether this one is the newer of the two; None where that is not known, or neither is."""
        if self.generation and other.generation and self.generation != other.generation:
            return self.generation > other.generation
        if self.time and other.time and self.time != other.time:
            return self.time > other.time
        return None

    def __str__(self) -> str:
        return self.time or (f"generation {self.generation}" if self.generation else "")


UNKNOWN_MOMENT = Moment()
