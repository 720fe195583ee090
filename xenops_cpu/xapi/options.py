"""How a xapi is asked: where the password may come from, whom to trust, how long to wait."""

from __future__ import annotations

from attrs import field, frozen

from . import url
from .credentials import Places, obtain
from .http import Timeouts
from .session import Session
from .tls import Trust


@frozen
class Options:
    """What holds without any: netrc, variable or terminal; certificates pinned; 10 and 300 s."""

    places: Places = field(factory=Places)
    trust: Trust = field(factory=Trust)
    timeouts: Timeouts = field(factory=Timeouts)


def session(address: str, options: Options | None = None) -> Session:
    """A session with the xapi that `address` names; it logs in as a context.

    Raises UrlError, CredentialsError.
    """
    options = options or Options()
    where = url.parse(address)
    return Session(where, obtain(where, options.places), options.trust, options.timeouts)
