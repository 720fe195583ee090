"""Configuration files as xapi's daemons read them (xen-api, ocaml/xapi-idl/lib/xcp_service.ml).

One `key = value` a line. A "#" begins a comment wherever it stands, so no value has one. Blanks
around "=" and at the end do not count; quotes around the whole value are taken away. Of the same
key the last one counts, and the files of the folder come after the main file, by name.
"""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

from ... import files
from ...limits import input_limits
from . import ConfigError

_PAIR = re.compile(r"[ \t]*([^= \t]+)[ \t]*+=[ \t]*+(.*)")


@frozen
class Line:
    """A pair and where it stands; `key` is empty for a line that is none."""

    key: str
    value: str
    where: str


def lines_of(config: Path | None, folder: Path | None) -> list[Line]:
    """The pairs of the main file and of the folder's files, in the order in which they count.

    Neither has to be there. Raises ConfigError for what cannot be read.
    """
    lines = read(config) if config is not None and config.exists() else []
    for path in fragments(folder):
        lines += read(path)
    return lines


def fragments(folder: Path | None) -> list[Path]:
    """The folder's files by name."""
    if folder is None or not folder.is_dir():
        return []
    try:
        return sorted((path for path in folder.iterdir() if path.is_file()), key=lambda p: p.name)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}") from error


def read(path: Path) -> list[Line]:
    """The pairs of one file. Raises ConfigError."""
    try:
        content = files.read(path, input_limits.CONFIGURATION_BYTES)
    except files.FileError as error:
        raise ConfigError(f"{path}: {error.reason}") from error
    lines = []
    for number, line in enumerate(content.split(b"\n"), 1):
        where = f"{path}:{number}"
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise ConfigError(f"{where}: not UTF-8 at byte {error.start}") from error
        text = text.partition("#")[0].rstrip(" \t\r")
        if not text.strip():
            continue
        pair = _PAIR.fullmatch(text)
        if pair is None:
            lines.append(Line("", text.strip(), where))
        else:
            lines.append(Line(pair[1], _unquoted(pair[2]), where))
    return lines


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
