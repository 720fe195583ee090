"""Writing: whole or not at all.

A reader never sees half a file, and a full disk costs nobody what was there before: the text is
written beside the old file, synced, and put in its place by its name. The new file has the old
one's mode, owner, group and extended attributes; where that cannot be, nothing is written. A link
stays a link: what it points to is replaced. What is no plain file (a pipe, a device, /dev/stdout)
is written to as it is.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from ..errors import FileError

if TYPE_CHECKING:
    from pathlib import Path

_MOST_LINKS = 40  # as the kernel
# What file systems without hard links answer.
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


def write(path: Path | str, text: str) -> None:
    """Put `text` into the file, in the place of what is there. Raises FileError."""
    with writing(path) as file:
        file.write(_encoded(text))


@contextlib.contextmanager
def writing(path: Path | str) -> Iterator[BinaryIO]:
    """A file to write to piece by piece, put into its place when the context is left without an
    error. Raises FileError.
    """
    from pathlib import Path  # reading does without

    try:
        target = _target(Path(path))
        with open(path, "wb") if target is None else _replacing(target) as file:
            yield file
    except OSError as error:
        raise FileError.of_system(path, error, "write") from error


def create(path: Path | str, text: str) -> None:
    """Put `text` into a new file. Raises FileError, with EEXIST where there is one of that name."""
    from pathlib import Path

    target = Path(path)
    try:
        with _beside(target, 0o666) as (file, beside):
            file.write(_encoded(text))
            _finish(file)
            _name(beside, target)
        _sync(target.parent)
    except OSError as error:
        raise FileError.of_system(path, error, "write") from error


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


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
        if type(path)(os.path.realpath(target.parent)).is_relative_to("/proc"):
            return None
        if not target.is_symlink():
            return target
        target = target.parent / os.readlink(target)
    return target


@contextlib.contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    try:
        before: os.stat_result | None = target.stat()
    except FileNotFoundError:
        before = None
    with _beside(target, 0o666 if before is None else 0o600) as (file, beside):
        yield file
        if before is not None:
            _keep(file.fileno(), target, before)
        _finish(file)
        os.replace(beside, target)
    _sync(target.parent)


@contextlib.contextmanager
def _beside(target: Path, mode: int) -> Iterator[tuple[BinaryIO, Path]]:
    """A file in the folder of `target`, to be given its name; gone afterwards if not."""
    beside = target.parent / f".xenops-cpu-{os.urandom(8).hex()}"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(fd, "wb") as file:
            yield file, beside
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


def _finish(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _name(beside: Path, target: Path) -> None:
    """Give a file its name, which nothing else may have. Raises OSError."""
    try:
        os.link(beside, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from error
        os.rename(beside, target)


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
