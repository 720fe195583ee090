"""Addresses of a live xapi: xapi://user@host[:port], or its socket in dom0."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from attrs import evolve, frozen

from .errors import UrlError, printable

SCHEME = "xapi://"
PORT = 443
# xapi's own socket in dom0; only root may open it, and nobody is asked for a password there.
SOCKET = Path("/var/lib/xcp/xapi")
FORMS = f"{SCHEME}USER@HOST[:PORT] or, in dom0, {SOCKET} ({SCHEME}/PATH for another socket)"


@frozen
class Url:
    """`user` is "" where none was typed. `socket` is None but for a local socket (no host then)."""

    host: str
    port: int = PORT
    user: str = ""
    socket: Path | None = None

    @property
    def address(self) -> str:
        """`host:port`, an IPv6 address in brackets; the path of a local socket."""
        if self.socket is not None:
            return str(self.socket)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def __str__(self) -> str:
        """For people: as short as it can be typed."""
        if self.socket is not None:
            return str(self.socket)
        return self.address.removesuffix(f":{PORT}")

    def at(self, host: str) -> Url:
        """The same port and user on another host (a bare name or address). Raises UrlError."""
        return evolve(self, host=_host(host, host))


def recognises(text: str) -> bool:
    """Whether `text` is meant as an address of a xapi."""
    return text.startswith(SCHEME) or text == str(SOCKET)


def parse(text: str) -> Url:
    """What `text` names. Raises UrlError, which does not repeat a password."""
    if text == str(SOCKET):
        return Url("", socket=SOCKET)
    if not text.startswith(SCHEME):
        raise UrlError(f'"{_shown(text)}" is no address of a xapi: {FORMS}')
    if text.startswith(f"{SCHEME}/"):
        return Url("", socket=Path(unquote(text.removeprefix(SCHEME))))
    before, _, _ = text.removeprefix(SCHEME).rpartition("@")
    if ":" in before:
        raise UrlError(
            "a password in an address is seen by every user of this machine (ps shows it): leave "
            f"it out, {SCHEME}USER@HOST; it is asked for, or read from a file, a variable or netrc"
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UrlError(f'"{_shown(text)}": {error}; an address is {FORMS}') from error
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise UrlError(f'"{_shown(text)}": nothing comes after the host; an address is {FORMS}')
    user = unquote(parts.username or "")
    if not user.isprintable():
        raise UrlError(f'"{_shown(text)}": the user\'s name has characters that none has')
    return Url(_host(parts.hostname or "", text), PORT if port is None else port, user)


def _host(host: str, text: str) -> str:
    wrong = not host or not host.isprintable() or any(letter in host for letter in " /@[]\"'\\")
    if wrong or len(host) > 253:
        raise UrlError(
            f'"{_shown(text)}": "{_shown(host)}" is no name of a host; an address is {FORMS}'
        )
    return host


def _shown(text: str) -> str:
    return printable(text, 80)
