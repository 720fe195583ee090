"""A switch that plays what the genuine one said to the genuine service in a recorded conversation.

Its bytes are the genuine switch's; it is a stand-in only in that it does not think.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

from tests import GOLDEN

_OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class PlayedSwitch:
    """Plays the connections `numbers` of the conversation, in the order in which we connect.

    A reply that was never given is held back until the recorded end of the connection, or, where
    the other side ended it, for ever. `unplayed` are recorded requests that have not come.
    """

    def __init__(self, path: Path, conversation: str, numbers: list[int]) -> None:
        recorded = map(json.loads, (GOLDEN / "message_switch.jsonl").read_text().splitlines())
        lines = [line for line in recorded if line["in"].startswith(conversation)]
        self._lines = {n: [line for line in lines if line["conn"] == n] for n in numbers}
        self._numbers = numbers
        self.unplayed = [line for n in numbers for line in self._lines[n] if "target" in line]
        self.faults: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _accept(self) -> None:
        for number in self._numbers:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(connection)
            threading.Thread(target=self._play, args=(connection, number), daemon=True).start()

    def _play(self, connection: socket.socket, number: int) -> None:
        lines = [line for line in self._lines[number] if "target" in line]
        ends = [line["end"] for line in self._lines[number] if "end" in line]
        died = ends[:1] == ["<<"]
        with connection, connection.makefile("rb") as stream:
            while line := stream.readline().decode():
                method, target, _ = line.split(" ")
                length = 0
                while (header := stream.readline().lower().strip()) != b"":
                    if header.startswith(b"content-length:"):
                        length = int(header.partition(b":")[2])
                body = stream.read(length).decode()
                played = self._next(lines, method, target, body)
                if played is None:
                    connection.sendall(_OK)
                elif played["reply"] is not None:
                    connection.sendall(played["reply"].encode())
                elif died:
                    self._wait_for_the_others(number)
                    return
                # A reply that never came while the connection lived: the caller waits.

    def _wait_for_the_others(self, number: int) -> None:
        """Until the other connection of the same login has played what was recorded."""
        other = self._numbers[self._numbers.index(number) ^ 1]
        while any(line["conn"] == other for line in self.unplayed):
            time.sleep(0.01)

    def _next(
        self, lines: list[dict[str, Any]], method: str, target: str, body: str
    ) -> dict[str, Any] | None:
        """The recorded request that this one is; None for one that the genuine service left out."""
        for line in lines:
            if (line["method"], line["target"]) == (method, target):
                lines.remove(line)
                self.unplayed.remove(line)
                if target == "/transfer" and json.loads(body) != json.loads(line["body"]):
                    self.faults.append(f"{target}: {body} is not {line['body']}")
                if target.startswith("/response/") and body != line["body"]:
                    self.faults.append(f"{target}: {body} is not {line['body']}")
                return line
        if not target.startswith(("/list/", "/persistent/")):
            self.faults.append(f"{method} {target} was not recorded")
        return None
