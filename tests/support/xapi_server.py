"""A stand-in for a xapi on the network: real sockets, real TLS, the bytes of the genuine ocaml-rpc.

A genuine xapi needs a Xen host, so this answers in its place. It is a World behind HTTP, with
JSON-RPC at /jsonrpc and XML-RPC everywhere else; a test makes its answers as odd as it likes.
"""

from __future__ import annotations

import json
import socket
import socketserver
import ssl
import threading
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import trustme

from tests.support import xapi_values as values
from tests.support.xapi_world import Refused, World, two_hosts
from xenops_cpu.xapi import tls

# Given the handler, writes an answer of its own and says so.
Odd = Callable[["Handler"], bool]


@cache
def certificate(number: int = 0) -> tuple[ssl.SSLContext, str]:
    """One of several certificates made for this run, and its SHA-256."""
    made = trustme.CA().issue_cert("localhost", "127.0.0.1", common_name=f"xs-{number}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.configure_cert(context)
    pem = made.cert_chain_pems[0].bytes().decode()
    return context, tls.fingerprint(ssl.PEM_cert_to_DER_cert(pem))


class Handler(BaseHTTPRequestHandler):
    """One call. `method` and `parameters` are the call's."""

    protocol_version = "HTTP/1.1"
    method = ""
    parameters: tuple[Any, ...] = ()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        xapi = self.xapi
        as_json = self.path == "/jsonrpc" and xapi.json_version != ""
        if as_json:
            call = json.loads(body)
            assert call["jsonrpc"] == "2.0"
            self.method, self.parameters = call["method"], tuple(call["params"])
        elif self.path == "/jsonrpc":  # this one knows no JSON: it is no XML to it
            self.method = ""
        else:
            parameters, method = xmlrpc.client.loads(body)
            self.method, self.parameters = str(method), parameters
        xapi.calls.append((self.path, self.method))
        if self.path == "/jsonrpc" and not as_json and xapi.json_status:
            self.send_error(xapi.json_status)
            return
        odd = xapi.odd.get(self.method)
        if odd is not None and odd(self):
            return
        self.reply(*self.answer(as_json))

    def answer(self, as_json: bool) -> tuple[bytes, dict[str, str]]:
        """The body as xapi would write it, and headers."""
        xapi = self.xapi
        headers = {"Content-Type": "application/json" if as_json else "text/xml"}
        try:
            value = self._value()
        except Refused as refused:
            failure = refused.description
            asked = self.headers.get("x-xenapi-request-host-certificate-thumbprint")
            if failure[0] == "HOST_IS_SLAVE" and asked == "sha-256:master" and xapi.thumbprint:
                headers["x-xenapi-response-host-certificate-thumbprint"] = xapi.thumbprint
            if as_json:
                return values.json_failure(failure, xapi.json_version), headers
            return values.xml_failure(failure), headers
        if as_json:
            return values.json_success(value, xapi.json_version), headers
        return values.xml_success(value), headers

    def _value(self) -> Any:
        if not self.method:
            raise Refused("INTERNAL_ERROR", "Xmlm.Error")
        if self.xapi.member_of and self.method.startswith("session.login"):
            raise Refused("HOST_IS_SLAVE", self.xapi.member_of)
        return self.xapi.world.call(self.method, self.parameters)

    def reply(self, body: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    @property
    def xapi(self) -> StandIn:
        assert isinstance(self.server, _Server)
        return self.server.stand_in

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nobody reads it."""


class StandIn:
    """What one xapi is and has been asked.

    `json_version`: "1.0", "2.0", or "" for a xapi that has XML-RPC only; `json_status` is then what
    /jsonrpc answers with, 0 for an answer in XML as very old ones gave. `member_of`: the
    coordinator's address, for a member; `thumbprint` what it says of that one's certificate. `odd`:
    by method, answers of a test's own. `context` None: plain HTTP.
    """

    def __init__(self, world: World, context: ssl.SSLContext | None) -> None:
        self.world = world
        self.context = context
        self.json_version = "2.0"
        self.json_status = 404
        self.member_of = ""
        self.thumbprint = ""
        self.odd: dict[str, Odd] = {}
        self.calls: list[tuple[str, str]] = []
        self.sent = 0
        self.address = ""
        self.port = 0

    @property
    def url(self) -> str:
        return f"xapi://reader@{self.address}:{self.port}"

    @property
    def methods(self) -> list[str]:
        return [method for _path, method in self.calls]


class _Server(socketserver.ThreadingMixIn):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 20
    stand_in: StandIn

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what several tests are about."""


class _TlsServer(_Server, socketserver.TCPServer):
    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.stand_in.context is not None:
            # The handshake is the thread's, at its first read.
            connection = self.stand_in.context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address


class _LocalServer(_Server, socketserver.UnixStreamServer):
    """As xapi has it in dom0."""


@contextmanager
def serving(
    world: World | None = None,
    context: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    path: Path | None = None,
    plain: bool = False,
) -> Iterator[StandIn]:
    """A stand-in that answers while the block runs, with TLS, without (`plain`) or at `path`."""
    stand_in = StandIn(world or two_hosts(), None if plain else context or certificate()[0])
    server: _TlsServer | _LocalServer
    if path is not None:
        server = _LocalServer(str(path), Handler)
    else:
        _TlsServer.allow_reuse_address = True
        server = _TlsServer((host, port), Handler)
        stand_in.address, stand_in.port = host, int(server.server_address[1])
    server.stand_in = stand_in
    with server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield stand_in
        finally:
            server.shutdown()


def raw(data: bytes) -> Odd:
    """Answers with just these bytes and closes the connection."""

    def odd(handler: Handler) -> bool:
        handler.wfile.write(data)
        handler.close_connection = True
        return True

    return odd


def http(body: bytes, head: str = "HTTP/1.1 200 OK", **headers: str) -> Odd:
    """Answers with this body; names of headers have _ for -."""
    lines = {"Content-Length": str(len(body)), "Content-Type": "application/json"}
    lines |= {name.replace("_", "-"): text for name, text in headers.items()}
    text = head + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return raw(text.encode() + b"\r\n" + body)


def once(odd: Odd) -> Odd:
    """As `odd` the first time, then as any xapi."""
    left = [odd]

    def one(handler: Handler) -> bool:
        return left.pop()(handler) if left else False

    return one
