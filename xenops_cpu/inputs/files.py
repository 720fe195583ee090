"""A file by its contents, not by its name: image, archive, database or text."""

from __future__ import annotations

import io
import os
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from .. import files, input_limits
from . import archives, bugtool, suspend, texts, xapi_db
from .archives import Member
from .value import Input, InputError, printable

_HEAD = 4096


def read(path: Path, release: str | None = None) -> Input:
    """A file, or the folder of an unpacked report. Raises InputError."""
    where = printable(str(path), 500)
    if os.path.isdir(path):
        return bugtool.read(bugtool.folder(path), path.name or where, where, release)
    try:
        with files.opened(path, pipes=True, block_devices=True) as file:
            name = printable(path.name)
            if str(path) == files.STDIN:
                name = where = "standard input"
            if file.seekable():
                return _read(file, name, where, release)
            text = files.read_all(file, path, input_limits.TEXT_BYTES)
            return _read(io.BytesIO(text), name, where, release)
    except files.FileError as error:
        raise InputError(f"cannot read {where}: {error.reason}") from error


def _read(file: BinaryIO, name: str, where: str, release: str | None) -> Input:
    head = file.read(_HEAD)
    file.seek(0)
    if not head:
        raise InputError(f"{where}: an empty file")
    if suspend.recognises(head):
        return suspend.read(file, name, where)
    if archives.kind(head[:512]) is not None:
        return _archive(file, name, where, release)
    if xapi_db.recognises(head):
        return _database(
            Member(where, archives.plain(file, archives.Account())), name, where, release
        )
    data = file.read(input_limits.TEXT_BYTES + 1)
    text = files.decoded(data)
    if text is None:
        file.seek(0)
        return suspend.search(file, name, where)
    if len(data) > input_limits.TEXT_BYTES:
        raise InputError(f"{where}: a text of more than {input_limits.TEXT_BYTES >> 20} MiB")
    return texts.as_input(texts.parse(text, name, where, release), name, where, release)


def _archive(file: BinaryIO, name: str, where: str, release: str | None) -> Input:
    """A report, or one compressed text."""
    members = archives.members(file, bugtool.wanted)
    try:
        first = next(members, None)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if first is not None and not first.name:
        try:
            text = files.decoded(first.read(input_limits.TEXT_BYTES))
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        if text is None:
            raise InputError(f"{where}: unpacks to a binary file; unpack it first")
        return texts.as_input(texts.parse(text, name, where, release), name, where, release)

    rest = members if first is None else chain([first], members)
    return bugtool.read(rest, name, where, release)


def _database(member: Member, name: str, where: str, release: str | None) -> Input:
    return bugtool.read([Member("xapi-db.xml", member.chunks)], name, where, release)
