"""What the tests of the daemon as a process share."""

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.daemon.test_daemon import Daemon
from tests.support.hosts import evolve, example, names
from xenops_cpu.hosts.capture import dump
from xenops_cpu.hosts.host import Host

EXAMPLE = ("--source", "example:epyc-xen-4.17")


Start = Callable[..., Daemon]


class Changing:
    """A capture that is served and replaced."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "host.json"
        self.put(example())

    @property
    def option(self) -> tuple[str, str]:
        return "--source", f"recorded:{self._path}"

    def put(self, host: Host) -> None:
        unfinished = self._path.with_suffix(".new")
        unfinished.write_text(dump(host))
        unfinished.replace(self._path)

    def lose(self, *features: str) -> None:
        sets = example().featuresets
        without = sets.hvm_default - names(" ".join(features))
        self.put(evolve(example(), featuresets=evolve(sets, hvm_default=without)))


def get(path: Path, page: str) -> tuple[str, str]:
    """Content-Type and body of a page, over the socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(path))
        client.sendall(f"GET {page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        reply = b""
        while more := client.recv(65536):
            reply += more
    head, _, body = reply.decode().partition("\r\n\r\n")
    kind = re.search(r"content-type: (.*)", head)
    assert kind is not None
    return kind[1].strip(), body


def call(path: Path, method: str, **params: Any) -> Any:
    """The result of any method, in JSON."""
    body = {"method": method, "params": [{"debug_info": "test", **params}], "id": 1}
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(path))
        data = json.dumps(body).encode()
        client.sendall(b"POST / HTTP/1.0\r\ncontent-length: %d\r\n\r\n%s" % (len(data), data))
        reply = b""
        while more := client.recv(65536):
            reply += more
    answer = json.loads(reply.partition(b"\r\n\r\n")[2])
    assert answer["error"] is None, answer
    return answer["result"]
