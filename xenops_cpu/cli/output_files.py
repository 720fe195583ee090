"""Files that commands write: whole or not at all.

A reader never sees half a file, and a full disk costs nobody what was there before: the text is
written beside the old file, synced, and put in its place by its name. The new file has the old
one's mode, owner, group and extended attributes; where that cannot be, nothing is written. A link
stays a link: what it points to is replaced. What is no plain file (a pipe, a device, /dev/stdout)
is written to as it is.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from . import Failure

_MOST_LINKS = 40  # as the kernel


def write_file(path: Path, text: str) -> None:
    """Put `text` into the file. Raises Failure, which names the file and says why."""
    with writing(path) as file:
        file.write(text.encode("utf-8", "surrogateescape"))


@contextlib.contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, piece by piece, that is put into its place when the context is left
    without an error. Raises Failure, which names the file and says why.
    """
    try:
        target = _target(path)
        with open(path, "wb") if target is None else _replacement(target) as file:
            yield file
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror}") from error


def _target(path: Path) -> Path | None:
    """The plain file to replace, there or not there yet; None for what is written to as it is."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
    except FileNotFoundError:
        pass  # a new file, or a link to one
    target = path
    for _ in range(_MOST_LINKS):
        # An open file by its number: it is the file that counts, not its name.
        if Path(os.path.realpath(target.parent)).is_relative_to("/proc"):
            return None
        if not target.is_symlink():
            return target
        target = target.parent / os.readlink(target)
    return target


@contextlib.contextmanager
def _replacement(target: Path) -> Iterator[BinaryIO]:
    try:
        before: os.stat_result | None = target.stat()
    except FileNotFoundError:
        before = None
    beside = target.parent / f".xenops-cpu-{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(beside, flags, 0o666 if before is None else 0o600)
    try:
        with open(fd, "wb") as file:
            yield file
            file.flush()
            if before is not None:
                _keep(fd, target, before)
            os.fsync(fd)
        os.replace(beside, target)
    except BaseException:
        beside.unlink()
        raise
    _sync(target.parent)


def _keep(fd: int, target: Path, before: os.stat_result) -> None:
    """Owner, group, mode and extended attributes of the file that was there."""
    own = os.fstat(fd)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(fd, before.st_uid, before.st_gid)
        except PermissionError as error:
            raise PermissionError(
                error.errno, f"it belongs to user {before.st_uid}, which could not be kept"
            ) from error
    os.fchmod(fd, stat.S_IMODE(before.st_mode))
    with contextlib.suppress(OSError):  # a file system without them
        for name in os.listxattr(target):
            os.setxattr(fd, name, os.getxattr(target, name))


def _sync(folder: Path) -> None:
    """The name as well; a file system that cannot do that has done its best."""
    with contextlib.suppress(OSError):
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
