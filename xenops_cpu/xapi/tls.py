"""Whose certificate it is: pinned by fingerprint, as ssh pins the keys of hosts.

xapi's certificates are self-signed unless somebody replaced them, so a chain of authorities proves
nothing here. What is held to is the SHA-256 of the certificate itself, in the form in which
openssl, xe and XenCenter show it (AB:CD:…):

1. --fingerprint: it must be one of these, and nothing else is asked.
2. A member that is trusted may say what its coordinator's certificate is (see session).
3. Otherwise the file of known certificates decides: the first one seen at an address is shown and
   kept, and from then on it must be the same.
4. --insecure: whatever comes is taken, and that is said each time.

The check stands between the handshake and the first byte sent.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

from attrs import field, frozen

from .. import files
from ..errors import InputError
from ..limits import input_limits
from .errors import CertificateError

_PAIRS = 32
_PREFIX = re.compile(r"\s*sha-?256(?:\s+fingerprint)?\s*[:=]\s*", re.IGNORECASE)


def to_stderr(text: str) -> None:
    """A line for a person."""
    print(text, file=sys.stderr, flush=True)


def known_file() -> Path:
    """Of certificates seen before: under $XDG_STATE_HOME, by default ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(state) / "xenops-cpu" / "known_certificates"


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate in DER: 32 pairs of hex digits with colons."""
    return hashlib.sha256(der).digest().hex(":").upper()


def parse_fingerprint(text: str) -> str:
    """The usual form of a SHA-256 fingerprint: as openssl prints it, bare, without colons.

    Raises InputError.
    """
    digits = re.sub(r"[\s:]", "", _PREFIX.sub("", text, count=1))
    if not re.fullmatch(r"[0-9a-fA-F]{64}", digits):
        raise InputError(
            f'"{text[:120]}" is no SHA-256 fingerprint: {_PAIRS} pairs of hex digits, as '
            "openssl x509 -noout -fingerprint -sha256 -in /etc/xensource/xapi-ssl.pem prints them"
        )
    return bytes.fromhex(digits).hex(":").upper()


@frozen
class Trust:
    """Which certificates are taken. `tell` shows a person what is decided on their behalf."""

    fingerprints: frozenset[str] = frozenset()
    insecure: bool = False
    known: Path = field(factory=known_file)
    tell: Callable[[str], None] = to_stderr

    def check(self, address: str, actual: str, vouched: str = "") -> None:
        """Return if the certificate with the fingerprint `actual` is good for `host:port`.

        `vouched`: what a trusted member says it should be, "" for nothing. Raises CertificateError.
        """
        if self.insecure:
            self.tell(
                f"{address}: the certificate is NOT checked (--insecure); whoever answers there "
                f"gets the password; its SHA-256 is {actual}"
            )
        elif self.fingerprints:
            if actual not in self.fingerprints | {vouched}:
                pins = " or ".join(sorted(self.fingerprints))
                raise CertificateError(
                    f"{address}: the certificate is another one than --fingerprint says; nothing "
                    f"was sent\n  wanted {pins}\n  seen   {actual}"
                )
        elif vouched:
            if actual != vouched:
                raise CertificateError(
                    f"{address}: the certificate is not the one that the member of its pool "
                    f"tells; nothing was sent\n  told {vouched}\n  seen {actual}"
                )
        else:
            self._compare(address, actual)

    def _compare(self, address: str, actual: str) -> None:
        lines = self._lines()
        entries = {entry[0]: (number, entry[1]) for number, entry in lines.items()}
        if address not in entries:
            self._keep(address, actual)
            self.tell(
                f"{address}: a certificate not seen before, with SHA-256\n  {actual}\n"
                f"  kept in {self.known}; from now on it must be this one"
            )
            return
        number, kept = entries[address]
        if kept != actual:
            raise CertificateError(
                f"{address}: THE CERTIFICATE HAS CHANGED; nothing was sent. Somebody may stand "
                "between, or the host was installed anew or got another certificate\n"
                f"  known {kept} ({self.known}, line {number})\n  seen  {actual}\n"
                f"If that is right, remove line {number} of {self.known}"
            )

    def _lines(self) -> dict[int, tuple[str, str]]:
        """Address and fingerprint by the number of the line. Raises CertificateError."""
        try:
            content = files.read(self.known, input_limits.KNOWN_CERTIFICATES_BYTES)
        except files.FileError as error:
            if error.errno == errno.ENOENT:
                return {}
            raise CertificateError(str(error)) from error
        lines = {}
        for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            try:
                address, digest = words
                lines[number] = (address, parse_fingerprint(digest))
            except ValueError:
                raise CertificateError(
                    f"{self.known}, line {number}: not an address and a SHA-256 fingerprint; "
                    "remove the line"
                ) from None
        return lines

    def _keep(self, address: str, actual: str) -> None:
        try:
            self.known.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.known, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "w") as opened:
                opened.write(f"{address} {actual}\n")
        except OSError as error:
            raise CertificateError(
                f"{address}: its certificate cannot be kept in {self.known} ({error.strerror}), so "
                f"the next run could not compare; nothing was sent. If {actual} is right, give it "
                "with --fingerprint"
            ) from error


def wrap(plain: socket.socket, host: str) -> ssl.SSLSocket:
    """The handshake; who it is with is for Trust to say. Raises OSError (ssl.SSLError)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the fingerprint is compared instead
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context.wrap_socket(plain, server_hostname=host)


def peer(connection: ssl.SSLSocket) -> str:
    """The fingerprint of the other side's certificate."""
    return fingerprint(connection.getpeercert(binary_form=True) or b"")
