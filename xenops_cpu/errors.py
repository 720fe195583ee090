"""The package's own errors: each says what was read, where, and what would be right."""


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
