"""A session with a pool's coordinator: logged in, kept up, and logged out whatever happens.

A member answers HOST_IS_SLAVE with the coordinator's address; that is followed once. The
coordinator's certificate is then held to what the member says of it, where it says so, for the
member's own has been checked; else it is pinned as any other.

A session that has ended in the middle (24 hours idle, xapi restarted, too many of one originator)
is opened anew once, and so is one whose coordinator has become a member.
"""

from __future__ import annotations

import contextlib
from types import TracebackType

from attrs import define, field

from ..errors import InputError
from .credentials import Credentials
from .errors import AnswerError, ApiFailure, XapiError
from .http import Endpoint, Timeouts
from .tls import Trust, parse_fingerprint
from .url import Url
from .value import Each, Value
from .wire import Wire

# xapi ignores the version; it counts sessions by originator (at most 500 of each are kept).
VERSION = "1.0"
ORIGINATOR = "xenops-cpu"
_LOGOUT_SECONDS = 10.0
_ENDED = ("SESSION_INVALID", "HOST_IS_SLAVE")


@define
class Session:
    """A context: inside, `call` works; at its end the session is logged out.

    `url` is what was typed, `coordinator` who answers.
    """

    url: Url
    credentials: Credentials
    trust: Trust = field(factory=Trust)
    timeouts: Timeouts = field(factory=Timeouts)
    coordinator: Url = field(init=False)
    _wire: Wire = field(init=False)
    _reference: str = field(default="", init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self._wire = self._wire_to(self.url)
        self.coordinator = self.url

    def __enter__(self) -> Session:
        self._login()
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.logout()

    @property
    def reference(self) -> str:
        """Of the session itself, as calls about it want it."""
        return self._reference

    def call(
        self,
        method: str,
        *parameters: Value,
        each: Each | None = None,
        inside: str = "",
        seconds: float | None = None,
    ) -> Value:
        """As Wire.call, with the session in front of the parameters. Raises XapiError."""
        for last in (False, True):
            try:
                return self._wire.call(
                    method,
                    self._reference,
                    *parameters,
                    each=each,
                    inside=inside,
                    seconds=seconds,
                )
            except ApiFailure as failure:
                if last or failure.code not in _ENDED:
                    raise
            self._login()
        raise AssertionError  # the second turn returns or raises

    def logout(self) -> None:
        """Best effort: xapi forgets the session after a day if this does not reach it."""
        if not self._reference:
            return
        reference, self._reference = self._reference, ""
        with contextlib.suppress(XapiError):
            self._wire.call("session.logout", reference, seconds=_LOGOUT_SECONDS)

    def _login(self) -> None:
        self._reference = ""
        self._wire = self._wire_to(self.url)
        self.coordinator = self.url
        try:
            self._reference = self._logged_in()
        except ApiFailure as failure:
            if failure.code != "HOST_IS_SLAVE" or not failure.parameters:
                raise
            self._follow(failure)

    def _follow(self, failure: ApiFailure) -> None:
        if self.url.socket is not None:
            raise AnswerError(
                f"{self.url}: this host is a member; ask the coordinator, "
                f"xapi://USER@{failure.parameters[0]}"
            ) from failure
        self.coordinator = self.url.at(failure.parameters[0])
        try:
            vouched = parse_fingerprint(failure.thumbprint) if failure.thumbprint else ""
        except InputError as error:
            raise AnswerError(f"{self.url}, of its coordinator's certificate: {error}") from error
        self._wire = self._wire_to(self.coordinator, vouched)
        try:
            self._reference = self._logged_in()
        except ApiFailure as second:
            if second.code != "HOST_IS_SLAVE":
                raise
            raise AnswerError(
                f"{self.url} says that {self.coordinator} is the coordinator of its pool, and that "
                f"one says {' '.join(second.parameters) or 'another'}: the pool is changing its "
                "coordinator, or has lost it"
            ) from second
        except XapiError as error:
            raise type(error)(f"{error} (the coordinator, says {self.url})") from error

    def _logged_in(self) -> str:
        reference = self._wire.call(
            "session.login_with_password",
            self.credentials.user,
            self.credentials.password,
            VERSION,
            ORIGINATOR,
        )
        if not isinstance(reference, str) or not reference:
            raise AnswerError(f"{self._wire.endpoint.url}: the login gave no session")
        return reference

    def _wire_to(self, url: Url, vouched: str = "") -> Wire:
        return Wire(Endpoint(url, self.trust, self.timeouts, vouched))
