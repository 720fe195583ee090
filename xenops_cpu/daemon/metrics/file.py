"""The metrics as a file for node_exporter's textfile collector."""

from __future__ import annotations

import os
from pathlib import Path

from ...errors import Error


class MetricsFileError(Error):
    """The file cannot be written; the text has its name and the reason."""


def write(path: Path, text: str) -> None:
    """Replace `path` by one with `text`, so that nobody ever reads a part of it.

    Everybody may read it: the collector is not root. Raises MetricsFileError.
    """
    # The collector takes every file that ends in .prom, so this one ends otherwise.
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        opened = os.open(
            unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
        )
        with open(opened, "w", encoding="utf-8") as file:
            os.fchmod(opened, 0o644)
            file.write(text)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise MetricsFileError(f"the metrics file {path}: {error.strerror}") from error
