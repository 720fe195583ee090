"""User and password for a xapi: from a file, a variable, netrc or the terminal.

Never from the command line, which every user of the machine can read. Nothing here shows a
password: not in a repr, not in an error.
"""

from __future__ import annotations

import getpass
import netrc
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from .. import files
from ..limits import input_limits
from .errors import CredentialsError
from .url import Url

VARIABLE = "XENOPS_CPU_PASSWORD"
ROOT = "root"


@frozen
class Credentials:
    """A user and a password, which is not shown."""

    user: str
    password: str = field(repr=False)


@frozen
class Places:
    """Where a password may come from, besides the variable.

    `netrc` None: .netrc in the home folder, where there is one. `ask`: whether a person at a
    terminal is asked in the end.
    """

    password_file: Path | None = None
    netrc: Path | None = None
    ask: bool = True


def obtain(url: Url, places: Places) -> Credentials:
    """The first that is there: the file, XENOPS_CPU_PASSWORD, netrc, the terminal.

    A local socket needs none. Without a user in the address netrc's is taken, else root. Raises
    CredentialsError.
    """
    if url.socket is not None:
        return Credentials(url.user or ROOT, "")
    if places.password_file is not None:
        return Credentials(url.user or ROOT, _first_line(places.password_file))
    if password := os.environ.get(VARIABLE, ""):
        return Credentials(url.user or ROOT, password)
    entry = _of_netrc(url, places.netrc)
    if entry is not None:
        return entry
    user = url.user or ROOT
    if places.ask and _has_terminal():
        return Credentials(user, _asked(user, url))
    raise CredentialsError(
        f"no password for {user} on {url}: give --password-file FILE, set {VARIABLE}, or have "
        f'a line "machine {url.host} login {user} password …" in ~/.netrc'
        + (" (nobody can be asked: there is no terminal)" if places.ask else "")
    )


def _first_line(path: Path) -> str:
    text = _private_text(path, "--password-file")
    password = text.split("\n", 1)[0].rstrip("\r")
    if not password:
        raise CredentialsError(f"--password-file {path}: its first line is empty")
    return password


def _private_text(path: Path, kind: str) -> str:
    """The text of a file that nobody else may read; a pipe is nobody else's."""
    try:
        with files.opened(path, pipes=True) as file:
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
                raise CredentialsError(
                    f"{kind} {path}: others may read it (mode {status.st_mode & 0o777:o}); "
                    f"chmod 600 {path}"
                )
            content = files.read_all(file, path, input_limits.PASSWORD_BYTES)
    except files.FileError as error:
        raise CredentialsError(f"{kind} {path}: {error.reason}") from error
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CredentialsError(f"{kind} {path}: not UTF-8 text") from None


def _of_netrc(url: Url, path: Path | None) -> Credentials | None:
    """The entry of the host; "default" entries are not for a xapi."""
    place = path or Path(os.path.expanduser("~/.netrc"))
    if path is None and not place.exists():
        return None
    text = _private_text(place, "netrc")
    try:
        entries = _entries(text)
    except netrc.NetrcParseError as error:
        # The error's own words may hold a part of a password.
        raise CredentialsError(f"netrc {place}: line {error.lineno} is no netrc") from None
    login, _, password = entries.get(url.host, ("", "", ""))
    if not password or (url.user and login and login != url.user):
        return None
    return Credentials(url.user or login or ROOT, password)


def _entries(text: str) -> Mapping[str, tuple[str, str | None, str | None]]:
    """The module netrc reads files alone: this one is in memory, and it closes it.

    Raises NetrcParseError.
    """
    fd = os.memfd_create("netrc", os.MFD_CLOEXEC)
    with os.fdopen(os.dup(fd), "w", encoding="utf-8") as file:
        file.write(text)
    os.lseek(fd, 0, os.SEEK_SET)
    return netrc.netrc(fd).hosts  # type: ignore[arg-type]


def _has_terminal() -> bool:
    try:
        os.close(files.device("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def _asked(user: str, url: Url) -> str:
    try:
        password = getpass.getpass(f"password of {user} on {url}: ", stream=sys.stderr)
    except (EOFError, getpass.GetPassWarning):
        password = ""
    if not password:
        raise CredentialsError(f"no password for {user} on {url} was typed")
    return password
