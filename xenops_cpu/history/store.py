"""The store: an SQLite file that outlives crashes, full disks and its own corruption.

Rules
1. Every operation opens the file and closes it again: it may have been replaced meanwhile, and
   several services may use it. Writers take turns (BEGIN IMMEDIATE, BUSY_SECONDS at the most).
2. A commit is on the disk when it returns, with the folder's entry of the journal: rollback journal
   with synchronous=EXTRA. Write-ahead logging would need shared memory, and reading would write.
3. The file is checked whenever it is opened for writing (it is small). What is no database, or a
   damaged one, is moved aside to NAME.damaged-TIME, which is said in the log; a new one begins.
   Whoever moves it holds NAME.lock, so that two services do not move each other's new file.
4. A database of another program, or of a newer version of this one, is left alone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from attrs import evolve

from ..hosts import capture
from ..hosts.host import Host
from .damage import lock, move_aside
from .entry import MAX_ENTRIES, Entry, StoreError, entry_of
from .fingerprint import Fingerprint
from .surroundings import Surroundings

log = logging.getLogger(__name__)

APPLICATION_ID = 0x78637075  # "xcpu"
VERSION = 1
BUSY_SECONDS = 2.0

_SCHEMA = f"""
CREATE TABLE captures (digest TEXT PRIMARY KEY, capture BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL,
    digest TEXT NOT NULL REFERENCES captures, first_seen REAL NOT NULL, last_seen REAL NOT NULL,
    program TEXT NOT NULL, xen TEXT NOT NULL, commandline TEXT NOT NULL, microcode TEXT NOT NULL,
    bios TEXT NOT NULL, build TEXT NOT NULL, boot TEXT NOT NULL, changes TEXT NOT NULL,
    causes TEXT NOT NULL);
CREATE INDEX by_source ON entries (source, id);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {VERSION};
"""
_COLUMNS = (
    "id, source, digest, first_seen, last_seen, program, xen, commandline, microcode, bios, build, "
    "boot, changes, causes"
)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def record(
    path: Path, fingerprint: Fingerprint, source: str, now: float, at_least: int = 1
) -> Entry:
    """Keep a fingerprint seen at `now`; where it is the source's last one, only its time.

    A new entry gets an id that is `at_least` so high. On return it is on the disk. Raises
    StoreError.
    """
    for _ in range(2):
        try:
            return _record(path, fingerprint, source, now, at_least)
        except _Damaged as damage:
            problem = str(damage)
        _move_aside(path, problem)
    raise StoreError(f"the history {path} is damaged again and again: {problem}")


def entries(path: Path, source: str | None = None) -> list[Entry]:
    """What is kept, the oldest first, of one source or of all. Raises StoreError."""
    if not path.exists():
        return []
    condition, values = ("WHERE source = ?", [source]) if source is not None else ("", [])
    with _opened(path, writing=False) as database:
        if not _is_ours(database, path):
            return []
        rows = database.execute(
            f"SELECT {_COLUMNS} FROM entries {condition} ORDER BY id",
            values,
        )
        return [_entry(row) for row in rows]


def host_at(path: Path, id: int) -> Host:
    """The host as entry `id` has it. Raises StoreError."""
    with _opened(path, writing=False) as database:
        row = (
            _is_ours(database, path)
            and database.execute(
                "SELECT capture FROM entries JOIN captures USING (digest) WHERE id = ?", [id]
            ).fetchone()
        )
        if not row:
            raise StoreError(f"{path} has no entry {id}")
        return _host(row[0], f"{path}, entry {id}")


class _Damaged(Exception):
    """The file is no database or a damaged one."""


def _record(path: Path, fingerprint: Fingerprint, source: str, now: float, at_least: int) -> Entry:
    with _opened(path, writing=True) as database:
        database.execute("BEGIN IMMEDIATE")
        if not _is_ours(database, path):
            _create(database)
        last = database.execute(
            f"SELECT {_COLUMNS}, capture FROM entries JOIN captures USING (digest) "
            "WHERE source = ? ORDER BY id DESC LIMIT 1",
            [source],
        ).fetchone()
        digest = fingerprint.digest
        if last is not None and last[2] == digest:
            boot = fingerprint.surroundings.boot
            database.execute(
                "UPDATE entries SET last_seen = ?, boot = ? WHERE id = ?", [now, boot, last[0]]
            )
            stored = last[0]
        else:
            before = None if last is None else _before(last, path)
            entry = entry_of(fingerprint, source, now, before, "" if last is None else last[5])
            stored = _insert(database, evolve(entry, id=at_least), fingerprint.host)
        row = database.execute(
            f"SELECT {_COLUMNS} FROM entries WHERE id = ?",
            [stored],
        ).fetchone()
        database.execute("COMMIT")
        return _entry(row)


def _before(row: tuple[object, ...], path: Path) -> Fingerprint | None:
    """The fingerprint of the source's last entry; None where it cannot be read any more."""
    entry, packed = _entry(row[:-1]), row[-1]
    assert isinstance(packed, bytes)
    try:
        return Fingerprint(_host(packed, f"{path}, entry {entry.id}"), entry.surroundings)
    except StoreError as error:
        log.error("%s; what changed since cannot be told", error)
        return None


def _insert(database: sqlite3.Connection, entry: Entry, host: Host) -> int:
    packed = zlib.compress(capture.dump(host).encode(), 9)
    database.execute("INSERT OR REPLACE INTO captures VALUES (?, ?)", [entry.digest, packed])
    around = entry.surroundings
    highest = database.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()[0] or 0
    id = max(highest + 1, entry.id)
    database.execute(
        "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            id, entry.source, entry.digest, entry.first_seen, entry.last_seen, entry.program,
            entry.xen, entry.commandline, around.microcode, around.bios, around.build,
            around.boot, json.dumps(entry.changes), json.dumps(entry.causes),
        ],
    )  # fmt: skip
    if database.execute("DELETE FROM entries WHERE id <= ?", [id - MAX_ENTRIES]).rowcount:
        database.execute("DELETE FROM captures WHERE digest NOT IN (SELECT digest FROM entries)")
    return id


def _entry(row: tuple[object, ...]) -> Entry:
    (id, source, digest, first_seen, last_seen, program, xen, commandline,
     microcode, bios, build, boot, changed, caused) = row  # fmt: skip
    return Entry(
        int(id), str(source), str(digest), float(first_seen), float(last_seen),  # type: ignore[call-overload, arg-type]
        str(program), str(xen), str(commandline),
        Surroundings(str(microcode), str(bios), str(build), str(boot)),
        _sentences(changed), _sentences(caused),
    )  # fmt: skip


def _sentences(text: object) -> tuple[str, ...]:
    try:
        return tuple(str(sentence) for sentence in json.loads(str(text)))
    except (ValueError, TypeError):
        return ("the store's text is damaged here",)


def _host(packed: bytes, where: str) -> Host:
    try:
        return capture.load(zlib.decompress(packed).decode())
    except (zlib.error, ValueError) as error:
        raise StoreError(f"{where}: the capture is damaged: {error}") from error


@contextlib.contextmanager
def _opened(path: Path, writing: bool) -> Iterator[sqlite3.Connection]:
    """A connection, closed afterwards. sqlite3's errors become StoreError, or _Damaged."""
    if path.exists() and not path.is_file():
        raise StoreError(f"the history {path}: it is no file, but a folder, a device or a pipe")
    try:
        if writing and not path.exists():
            path.parent.mkdir(mode=0o755, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        # Reading also opens for writing, where it may: what a crash left has to be rolled back.
        database = sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            if writing:
                database.execute("PRAGMA synchronous = EXTRA")
                problem = database.execute("PRAGMA quick_check(1)").fetchone()[0]
                if problem != "ok":
                    raise _Damaged(problem)
            else:
                # One state of the file for all that is read, whatever others write meanwhile.
                database.execute("BEGIN")
            yield database
        finally:
            database.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED and writing:
            raise _Damaged(str(error)) from error
        raise StoreError(f"the history {path}: {error}") from error
    except OSError as error:
        raise StoreError(f"the history {path}: {error.strerror}") from error


def _is_ours(database: sqlite3.Connection, path: Path) -> bool:
    """Whether the tables are there; False in an empty file. Raises StoreError for another's."""
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    tables = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if application == 0 and tables == 0:
        return False
    if application != APPLICATION_ID:
        raise StoreError(f"the history {path} is a database of another program; it is left alone")
    if version > VERSION:
        raise StoreError(
            f"the history {path} was written by a newer version of this program (its format is "
            f"{version}, here {VERSION} is known); it is left alone"
        )
    return True


def _create(database: sqlite3.Connection) -> None:
    """Within the transaction that is under way, so that there are all tables or none."""
    for statement in _SCHEMA.split(";"):
        if statement.strip():
            database.execute(statement)


def _move_aside(path: Path, problem: str) -> None:
    try:
        with lock(path):
            with contextlib.suppress(_Damaged), _opened(path, writing=True):
                return  # another service has begun a new one meanwhile
            aside = move_aside(path)
    except OSError as error:
        raise StoreError(f"the history {path} is damaged ({problem}): {error.strerror}") from error
    log.error("the history %s is damaged (%s): it is now %s", path, problem, aside)
