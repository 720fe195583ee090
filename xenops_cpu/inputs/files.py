"""A file by its contents, not by its name: image, archive, database, log or text."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from .. import files
from ..limits import input_limits
from . import archives, pipes, suspend, texts, xapi_log
from .archives import Member
from .records import database
from .reports import bugtool
from .value import Input, InputError, printable

_HEAD = 4096


def read(path: Path, release: str | None = None) -> Input:
    """A file, or the folder of an unpacked report. Raises InputError."""
    where = printable(str(path), 500)
    if os.path.isdir(path):
        return bugtool.read(bugtool.folder(path), path.name or where, where, release)
    if pipes.recognises(path):
        shown = "standard input" if pipes.means_stdin(str(path)) else where
        return _read(pipes.read(path), shown, shown, release)
    try:
        with files.opened(path, pipes=True, block_devices=True) as file:
            return _read(file, printable(path.name), where, release)
    except files.FileError as error:
        raise InputError(f"cannot read {where}: {error.reason}") from error


def _read(file: BinaryIO, name: str, where: str, release: str | None) -> Input:
    head = file.read(_HEAD)
    file.seek(0)
    if not head:
        raise InputError(f"{where}: there is nothing in it")
    if suspend.recognises(head):
        return suspend.read(file, name, where)
    if archives.kind(head[:512]) is not None:
        return _archive(file, name, where, release)
    if database.recognises(head):
        return _database(
            Member(where, archives.plain(file, archives.Account())), name, where, release
        )
    if xapi_log.recognises(head):
        return _log(archives.plain(file, archives.Account()), name, where)
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
        head = next(first.chunks, b"")
        first = Member("", chain([head], first.chunks))
        if xapi_log.recognises(head[:_HEAD]):
            return _log(first.chunks, name, where)
        try:
            text = files.decoded(first.read(input_limits.TEXT_BYTES))
        except InputError as error:
            raise InputError(f"{where}: {error}") from error
        if text is None:
            raise InputError(f"{where}: unpacks to a binary file; unpack it first")
        return texts.as_input(texts.parse(text, name, where, release), name, where, release)

    entries = members if first is None else chain([first], members)
    return bugtool.read(entries, name, where, release)


def _log(chunks: Iterator[bytes], name: str, where: str) -> Input:
    """A log of any size. Raises InputError where nothing in it is about CPU features."""
    try:
        events = xapi_log.parse(chunks)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    if not events:
        raise InputError(
            f"{where}: a log of xapi's, in which nothing is about CPU features; what is read there "
            "are checks before a migration, changes of sets and failed evacuations"
        )
    return Input(name, "log", events=events)


def _database(member: Member, name: str, where: str, release: str | None) -> Input:
    return bugtool.read([Member("xapi-db.xml", member.chunks)], name, where, release)
