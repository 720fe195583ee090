"""Calls to one xapi: JSON-RPC where it has that, XML-RPC else.

JSON-RPC is half the bytes of XML-RPC and is decoded in C; old xapis have XML-RPC only. Which one is
spoken is found out by the first call, once for an address.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from attrs import define, field

from . import jsonrpc, xmlrpc
from .errors import AnswerError, ApiFailure, NotSpoken
from .http import Endpoint
from .value import Each, Value, outcome

# With HOST_IS_SLAVE a member then says which certificate its coordinator has
# (create_thumbprint_header in ocaml/xapi/api_server.ml).
_ASK_FOR_THUMBPRINT = {"x-xenapi-request-host-certificate-thumbprint": "sha-256:master"}
_THUMBPRINT = "x-xenapi-response-host-certificate-thumbprint"


@define
class Wire:
    """`protocol`: the module that is spoken, None until the first answer."""

    endpoint: Endpoint
    protocol: ModuleType | None = field(default=None, init=False)

    def call(
        self,
        method: str,
        *parameters: Value,
        each: Each | None = None,
        inside: str = "",
        seconds: float | None = None,
    ) -> Value:
        """The value of a call; with `each`, the members of a map go there one by one instead.

        `inside` names the member of a record that has them, "" for the value itself; what is
        beside them is the value then. Raises XapiError.
        """
        if self.protocol is not None:
            return self._call(self.protocol, method, parameters, each, inside, seconds)
        try:
            value = self._call(jsonrpc, method, parameters, each, inside, seconds)
        except NotSpoken as error:
            return self._older(error, method, parameters, each, inside, seconds)
        except ApiFailure:
            self.protocol = jsonrpc
            raise
        self.protocol = jsonrpc
        return value

    def _older(self, json_error: NotSpoken, *call: Any) -> Value:
        try:
            value = self._call(xmlrpc, *call)
        except NotSpoken as error:
            raise AnswerError(
                f"{self.endpoint.url}: no xapi answers there: neither JSON-RPC ({json_error}) nor "
                f"XML-RPC ({error})"
            ) from error
        except ApiFailure:
            self.protocol = xmlrpc
            raise
        self.protocol = xmlrpc
        return value

    def _call(
        self,
        protocol: Any,
        method: str,
        parameters: tuple[Value, ...],
        each: Each | None,
        inside: str,
        seconds: float | None,
    ) -> Value:
        end = self.endpoint
        who = f"{end.url}, {method}"
        with end.post(
            protocol.PATH,
            protocol.call(method, parameters),
            protocol.CONTENT_TYPE,
            _ASK_FOR_THUMBPRINT,
            end.timeouts.answer if seconds is None else seconds,
        ) as response:
            try:
                answer = protocol.answer(response.chunks, who, each, inside)
            except NotSpoken as error:
                raise NotSpoken(f"{error} but {response.content_type}") from None
            try:
                return outcome(answer, who)
            except ApiFailure as failure:
                failure.thumbprint = response.headers.get(_THUMBPRINT, "")
                raise
