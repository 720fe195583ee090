"""The servers that the benchmark compares with: started with a kind and a socket's path.

echo     a raw echo: reads a request, writes a reply of the service's size; the floor
stdlib   SimpleXMLRPCServer of the standard library, threaded, on a Unix socket
"""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

EXAMPLE = "skylake-server-xen-4.17"
REPLY_FILE_SUFFIX = ".reply"


def echo(path: str) -> None:
    """A thread a connection; every write of the client is answered with the same bytes."""
    reply = Path(path + REPLY_FILE_SUFFIX).read_bytes()
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(512)

    def talk(client: socket.socket) -> None:
        with client:
            while client.recv(65536):
                client.sendall(reply)

    while True:
        client, _ = server.accept()
        threading.Thread(target=talk, args=(client,), daemon=True).start()


def stdlib(path: str) -> None:
    """Answers HOST.get_cpu_info with the same record, as a plain struct."""
    from socketserver import ThreadingMixIn, UnixStreamServer
    from xmlrpc.server import SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

    import attrs

    from xenops_cpu.hosts.cpu_info import cpu_info
    from xenops_cpu.sources.recorded import Example

    class Handler(SimpleXMLRPCRequestHandler):
        protocol_version = "HTTP/1.1"
        rpc_paths = ()  # any
        disable_nagle_algorithm = False  # there is none on a Unix socket

        def log_request(self, code: object = "-", size: object = "-") -> None: ...

        def address_string(self) -> str:
            return "unix"

    class Server(ThreadingMixIn, UnixStreamServer, SimpleXMLRPCDispatcher):
        daemon_threads = True
        request_queue_size = 512

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that has gone is no news here."""

        def __init__(self, path: str) -> None:
            SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
            UnixStreamServer.__init__(self, path, Handler)

    info = attrs.asdict(cpu_info(Example(EXAMPLE).read()))
    server = Server(path)
    server.register_function(
        lambda _params: {"Status": "Success", "Value": info}, "HOST.get_cpu_info"
    )
    server.serve_forever()


if __name__ == "__main__":
    {"echo": echo, "stdlib": stdlib}[sys.argv[1]](sys.argv[2])
