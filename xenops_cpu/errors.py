"""The package's own errors: each says what was read, where, and what would be right."""


class Error(ValueError):
    """What the package refuses, in a sentence; every error of it is one of these."""


class InputError(Error):
    """A text, file or record that is not what it should be."""
