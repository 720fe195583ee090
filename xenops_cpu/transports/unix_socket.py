"""The path on which a service listens: who may have it, and who may connect to it."""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BACKLOG = 4096
_GROUP_NUMBER = re.compile(r"[0-9]{1,9}")


class SocketError(Exception):
    """The socket cannot be had; the message says why and what to do."""


@contextmanager
def listening(path: Path, mode: int = 0o600, group: str | None = None) -> Iterator[socket.socket]:
    """Listen on `path`; it is gone again afterwards.

    A socket that nobody listens on is replaced. A lock file beside it (`path` + `.lock`) settles
    who comes first when two services start at once; it is gone afterwards as well, also when the
    socket could not be had. Raises SocketError.
    """
    lock = _lock(path)
    try:
        _make_way(path)
        gid = _group_id(group)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _bind(server, path, mode, gid)
            server.listen(BACKLOG)
            status = path.lstat()
            yield server
        finally:
            server.close()
        # Only our own socket: somebody may have put another one in its place.
        now = _lstat(path)
        if now is not None and (now.st_dev, now.st_ino) == (status.st_dev, status.st_ino):
            path.unlink()
    finally:
        # While it is still locked: whoever waits for this very file looks whether it is there.
        with contextlib.suppress(OSError):
            os.unlink(_lock_path(path))
        os.close(lock)


def _lock_path(path: Path) -> str:
    return f"{path}.lock"


def _lock(path: Path) -> int:
    if not path.parent.is_dir():
        raise SocketError(f"no folder {path.parent} for the socket {path}; make it first")
    lock_path = _lock_path(path)
    while True:
        try:
            lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise SocketError(f"cannot lock the socket: {lock_path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise SocketError(f"another service already has the socket {path}") from error
        # The service before this one may have taken it away between the two steps.
        there, ours = _lstat(Path(lock_path)), os.fstat(lock)
        if there is not None and (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            return lock
        os.close(lock)


def _lstat(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _make_way(path: Path) -> None:
    status = _lstat(path)
    if status is None:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise SocketError(f"{path} is there and is no socket; it is left alone")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise SocketError(f"cannot tell whether anybody listens on {path}: {error}") from error
    raise SocketError(f"another service already listens on {path}")


def _group_id(group: str | None) -> int:
    if group is None:
        return -1
    if _GROUP_NUMBER.fullmatch(group):
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):  # the second for a name with NUL or half a surrogate pair
        raise SocketError(f"there is no group {group!r} for the socket") from None


def _bind(server: socket.socket, path: Path, mode: int, gid: int) -> None:
    # Nobody may connect before mode and group are what was asked for.
    before = os.umask(0o777)
    try:
        server.bind(str(path))
    except OSError as error:
        reason = "the path is too long" if "too long" in str(error) else error.strerror
        raise SocketError(f"cannot listen on {path}: {reason}") from error
    finally:
        os.umask(before)
    try:
        if gid != -1:
            os.chown(path, -1, gid)
        path.chmod(mode)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise SocketError(f"cannot set mode and group of {path}: {error.strerror}") from error
