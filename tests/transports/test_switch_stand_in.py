"""The stand-in for the message switch says what the genuine one was recorded to say."""

import contextlib
import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests import GOLDEN
from tests.support.switch import Switch

FASTER = 10.0  # polls that wait are played in less time than they were recorded in


def lines(name: str) -> list[dict[str, Any]]:
    """The requests of a recorded conversation and the ends of its connections, in order."""
    recorded = map(json.loads, (GOLDEN / "message_switch.jsonl").read_text().splitlines())
    return [line for line in recorded if line["in"].startswith(name)]


def _shorter(match: re.Match[str]) -> str:
    quote = '"' * match[0].startswith('"')
    return f"{quote}{float(match[0].lstrip(quote)) / FASTER}"


class Player:
    """The recorded callers, on real connections."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sockets: dict[int, socket.socket] = {}

    def send(self, line: dict[str, Any]) -> None:
        if line["conn"] not in self._sockets:
            self._sockets[line["conn"]] = connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            connection.connect(str(self._path))
        body = line["body"]
        if '"messages":[]' in (line["reply"] or ""):
            body = re.sub(r'(?<="timeout":)"?[\d.]+', _shorter, body)
        head = f"{line['method']} {line['target']} HTTP/1.1\r\ncontent-length: {len(body)}"
        self._sockets[line["conn"]].sendall(f"{head}\r\n\r\n{body}".encode())

    def receive(self, line: dict[str, Any]) -> str:
        reply = b""
        length = 0
        while b"\r\n\r\n" not in reply or len(reply.partition(b"\r\n\r\n")[2]) < length:
            more = self._sockets[line["conn"]].recv(1)  # the next reply is not ours to take
            assert more, f"the switch closed connection {line['conn']}"
            reply += more
            if found := re.search(rb"content-length: (\d+)\r\n\r\n", reply):
                length = int(found[1])
        return reply.decode()

    def end(self, number: int) -> None:
        """Send no more; what is still to come is read all the same."""
        with contextlib.suppress(OSError):
            self._sockets[number].shutdown(socket.SHUT_WR)

    def close(self) -> None:
        for connection in self._sockets.values():
            connection.close()


def comparable(reply: str) -> Any:
    """Queues are listed in the order of a hash table, which is nobody's business."""
    head, _, body = reply.partition("\r\n\r\n")
    names = body.startswith('["') and json.loads(body)
    return head, sorted(names) if names else body


@pytest.mark.slow
@pytest.mark.parametrize("name", ["01", "02", "03", "04", "07"])
def test_it_speaks_as_the_genuine_switch(tmp_path: Path, name: str) -> None:
    """Every recorded request gets the recorded reply, byte for byte."""
    switch = Switch(tmp_path / "sock")
    player = Player(switch.path)
    unanswered: list[dict[str, Any]] = []
    compared = 0

    def answers_until(moment: float) -> None:
        nonlocal compared
        for line in sorted(unanswered, key=lambda line: int(line["replied"])):
            if line["replied"] < moment:
                unanswered.remove(line)
                assert comparable(player.receive(line)) == comparable(line["reply"]), line
                compared += 1

    for line in lines(name):
        answers_until(line["at"])
        if "end" in line:
            if line["end"] == ">>":
                player.end(line["conn"])
                time.sleep(0.02)  # the switch has seen it
            continue
        player.send(line)
        time.sleep(0.005)
        if line["reply"] is not None:
            unanswered.append(line)
    answers_until(float("inf"))
    switch.stop()
    player.close()
    assert compared == sum("reply" in line and line["reply"] is not None for line in lines(name))
