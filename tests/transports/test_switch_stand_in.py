"""The stand-in for the message switch says what the genuine one was recorded to say."""

import contextlib
import json
import re
import socket
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests import GOLDEN
from tests.support.switch import Switch
from tests.support.waiting import eventually

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
        self._sent: Counter[int] = Counter()
        self._answered: Counter[int] = Counter()
        self._ended: set[int] = set()

    def send(self, line: dict[str, Any]) -> None:
        if line["conn"] not in self._sockets:
            self._sockets[line["conn"]] = connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            connection.connect(str(self._path))
        body = line["body"]
        if '"messages":[]' in (line["reply"] or ""):
            body = re.sub(r'(?<="timeout":)"?[\d.]+', _shorter, body)
        head = f"{line['method']} {line['target']} HTTP/1.1\r\ncontent-length: {len(body)}"
        self._sent[line["conn"]] += 1
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
        self._answered[line["conn"]] += 1
        return reply.decode()

    def end(self, number: int) -> None:
        """Send no more; what is still to come is read all the same."""
        self._ended.add(number)
        with contextlib.suppress(OSError):
            self._sockets[number].shutdown(socket.SHUT_WR)

    def is_heard(self, switch: Switch) -> bool:
        """Whether the switch has taken up all but what stands behind an answer that is to come."""
        if len(switch.begun) < len(self._sockets):
            return False
        for number, begun, ended in zip(self._sockets, switch.begun, switch.ended, strict=True):
            waiting = self._sent[number] - self._answered[number]
            if begun < self._answered[number] + min(waiting, 1):
                return False
            if number in self._ended and not waiting and not ended:
                return False
        return True

    def close(self) -> None:
        for connection in self._sockets.values():
            connection.close()


def comparable(reply: str) -> Any:
    """Queues are listed in the order of a hash table, which is nobody's business."""
    head, _, body = reply.partition("\r\n\r\n")
    names = body.startswith('["') and json.loads(body)
    return head, sorted(names) if names else body


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
                eventually(lambda: player.is_heard(switch))

    for line in lines(name):
        answers_until(line["at"])
        if "end" in line:
            if line["end"] == ">>":
                player.end(line["conn"])
        else:
            player.send(line)
            if line["reply"] is not None:
                unanswered.append(line)
        eventually(lambda: player.is_heard(switch))
    answers_until(float("inf"))
    switch.stop()
    player.close()
    assert compared == sum("reply" in line and line["reply"] is not None for line in lines(name))
