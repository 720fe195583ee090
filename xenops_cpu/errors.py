"""The package's own errors: each says what was read, where, and what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Error(ValueError):
    """What the package refuses, in a sentence; every error of it is one of these."""


class RemediedError(Error):
    """Something cannot be had. `remedy` says what a person can do about it, "" where nothing."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


class InputError(Error):
    """A text, file or record that is not what it should be."""


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

    @classmethod
    def of_system(cls, path: Path | str, error: OSError, doing: str = "read") -> FileError:
        """The error that the system's own stands for."""
        return cls(path, error.strerror or str(error), errno=error.errno or 0, doing=doing)
