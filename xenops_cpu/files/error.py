"""What cannot be read or written, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


class FileError(InputError):
    """`path` cannot be read or written; `reason` says why, without the path. `errno`: the system's
    number for that, 0 where it is this package that refuses.
    """

    def __init__(
        self, path: Path | str, reason: str, *, errno: int = 0, doing: str = "read"
    ) -> None:
        super().__init__(f"cannot {doing} {path}: {reason}")
        self.path = path
        self.reason = reason
        self.errno = errno


def of_system(path: Path | str, error: OSError, doing: str = "read") -> FileError:
    """The error that the system's own stands for."""
    return FileError(path, error.strerror or str(error), errno=error.errno or 0, doing=doing)
