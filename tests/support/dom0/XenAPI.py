"""A stand-in for dom0's XenAPI.py: as much of a session as a plug-in gets, on a socket of a test's.

The genuine one knows one socket, /var/lib/xcp/xapi, which a test may not have.
"""

import http.client
import os
import socket
import xmlrpc.client


class Failure(Exception):
    """An answer with Status Failure."""


class _Connection(http.client.HTTPConnection):
    def connect(self):  # type: ignore[no-untyped-def]
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(os.environ["XENOPS_CPU_COLLECT_ROOT"] + "/var/lib/xcp/xapi")


class _Transport(xmlrpc.client.Transport):
    def make_connection(self, host):  # type: ignore[no-untyped-def]
        return _Connection("localhost")


class _Session:
    def __init__(self, session):  # type: ignore[no-untyped-def]
        self._session = session
        self._server = xmlrpc.client.ServerProxy("http://localhost", transport=_Transport())

    def xenapi_request(self, method, parameters):  # type: ignore[no-untyped-def]
        answer = getattr(self._server, method)(self._session, *parameters)
        if answer["Status"] == "Success":
            return answer["Value"]
        raise Failure(answer["ErrorDescription"])


def xapi_local(session):  # type: ignore[no-untyped-def]
    return _Session(session)  # type: ignore[no-untyped-call]
