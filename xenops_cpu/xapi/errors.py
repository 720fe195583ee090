"""What can go wrong between here and a live xapi; each error says who answered what."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Error, InputError

# Codes of xapi-consts/api_errors.ml in plain words; {0}, {1} are the failure's parameters.
_WORDS = {
    "SESSION_AUTHENTICATION_FAILED": "the user or the password is wrong (user {0})",
    "SESSION_AUTHORIZATION_FAILED": "the user {0} is known, but has no role in this pool: "
    "xe subject-add and xe subject-role-add give one (read-only is enough to read)",
    "HOST_STILL_BOOTING": "xapi is still starting there; ask again in a minute",
    "HOST_IS_SLAVE": "it is a member of a pool whose coordinator is {0}",
    "RBAC_PERMISSION_DENIED": "the user's role does not allow {0}",
    "SESSION_INVALID": "the session has ended",
    "MESSAGE_METHOD_UNKNOWN": "this xapi has no method {0}",
    "UUID_INVALID": "there is no {0} with the UUID {1}",
}


def printable(text: str, limit: int = 300) -> str:
    """What the other side wrote, fit for a terminal: one line, no control characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:limit])


class XapiError(Error):
    """Every error of this package but those about what was typed (InputError)."""


class UrlError(InputError):
    """A text that is no address of a xapi; the message says what would be."""


class CredentialsError(InputError):
    """No user or password could be had; the message says where they are looked for."""


class Unreachable(XapiError):
    """Nobody answered, or not in time: it may help to ask again."""


class CertificateError(XapiError):
    """The other side's certificate is not the one that is trusted; nothing was sent to it."""


class AnswerError(XapiError):
    """What came back is no answer of xapi: cut off, too large, of another program."""


class NotSpoken(AnswerError):
    """This address does not speak the protocol that was tried; another may do."""


class ApiFailure(XapiError):
    """xapi's own answer to a call that failed: a code and its parameters.

    `thumbprint`: with HOST_IS_SLAVE, what a member says of its coordinator's certificate, "" where
    it says nothing.
    """

    def __init__(
        self, who: str, code: str, parameters: Sequence[str] = (), thumbprint: str = ""
    ) -> None:
        self.who = who
        self.code = code
        self.parameters = tuple(parameters)
        self.thumbprint = thumbprint
        shown = ", ".join((code, *self.parameters))
        words = _WORDS.get(code)
        if words is not None and words.count("{") <= len(self.parameters):
            shown = f"{words.format(*self.parameters)} ({code})"
        super().__init__(f"{who}: {printable(shown)}")
