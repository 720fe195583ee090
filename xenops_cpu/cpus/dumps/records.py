"""Records as JSON, one a line or one a file, as `simulate --corpus` reads them (see corpus)."""

from __future__ import annotations

import json

from ..corpus import Record, RecordError, read_record
from .dump import Dump, DumpError

FORMAT = "record"


def recognises(text: str) -> bool:
    return text.lstrip()[:1] == "{"


def parse(text: str, name: str) -> list[Dump]:
    """All records of a text, each taken as it stands. Raises DumpError."""
    lines = [text] if _is_one(text) else text.splitlines()
    try:
        return [
            _dump(read_record(line, number), line)
            for number, line in enumerate(lines, 1)
            if line.strip()
        ]
    except (RecordError, RecursionError) as error:
        raise DumpError(f"{name}, {error}") from error


def _is_one(text: str) -> bool:
    """A single record may be spread over lines."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _dump(record: Record, line: str) -> Dump:
    return Dump(record.name, FORMAT, record.cpu, params=json.loads(line).get("params") or {})
