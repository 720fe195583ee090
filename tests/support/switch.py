"""A small message switch, written from the rules of the genuine one: a stand-in, because the
genuine one is an OCaml program of xen-api that cannot be had here.

tests/transports/test_switch_stand_in.py holds it to what the genuine switch was recorded to say.

    python -m tests.support.switch SOCKET [STATE]    # serves until it is killed

With STATE it keeps queues and messages that are not acknowledged over a restart, as the genuine one
does with --statedir.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

_ROUTE = re.compile(r"/([^/]*)(?:/([^/]*))?(?:/([^/]*))?(?:/([^/]*))?")
_ERROR = 500, b"Error: Internal Server Error"
_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error"}

Message = tuple[str, Any]


class Switch:
    """Queues behind a Unix socket, each connection on a thread; stop() cuts all of them off."""

    def __init__(self, path: Path, state: Path | None = None) -> None:
        self.path, self._state = path, state
        self.queues: dict[str, dict[int, Message]] = {}
        self._next: dict[str, int] = {}
        self._owners: dict[str, str] = {}  # of transient queues, by token
        self._logins: dict[str, int] = {}
        self._polled: set[str] = set()
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self.log: list[str] = []
        # Of each connection, in the order in which they came: requests that it has taken up (some
        # wait for messages), and whether the caller has ended it.
        self.begun: list[int] = []
        self.ended: list[bool] = []
        self._load()
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _load(self) -> None:
        if self._state is None or not self._state.exists():
            return
        for name, messages in json.loads(self._state.read_text()).items():
            self.queues[name] = {int(id): tuple(message) for id, message in messages.items()}
            self._next[name] = max(self.queues[name], default=-1) + 1

    def _save(self) -> None:
        if self._state is not None:
            unfinished = self._state.with_suffix(".new")
            unfinished.write_text(json.dumps(self.queues))
            unfinished.replace(self._state)

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """End every connection, as a fault would; the switch lives on."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.add(connection)
            arguments = connection, len(self.begun)
            self.begun.append(0)
            self.ended.append(False)
            threading.Thread(target=self._serve, args=arguments, daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        token = ""
        with connection, connection.makefile("rb") as stream, suppress(OSError):
            while line := stream.readline():
                method, target, _ = line.decode().split(" ", 2)
                headers = {}
                while (header := stream.readline().strip()) != b"":
                    name, _, value = header.decode().partition(":")
                    headers[name.lower()] = value.strip()
                body = stream.read(int(headers.get("content-length", 0))).decode()
                if target.startswith("/login/") and target.count("/") == 2:
                    self._logout(token)
                    token = unquote(target[7:])
                    with self._changed:
                        self.begun[number] += 1
                        self._logins[token] = self._logins.get(token, 0) + 1
                    status, answer = 200, b""
                elif not token:
                    self.begun[number] += 1
                    status, answer = 404, b"Please log in."
                else:
                    status, answer = self._answer(method, target, body, token, number)
                self.log.append(f"{method} {target} {status}")
                head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-length: {len(answer)}\r\n"
                connection.sendall(head.encode() + b"\r\n" + answer)
                if headers.get("connection") == "close":
                    break
        self._connections.discard(connection)
        self._logout(token)
        self.ended[number] = True

    def _logout(self, token: str) -> None:
        """A token's transient queues go with its last connection."""
        with self._changed:
            if not token:
                return
            self._logins[token] -= 1
            if not self._logins[token]:
                for name in [name for name, owner in self._owners.items() if owner == token]:
                    self._drop(name)

    def _drop(self, name: str) -> None:
        self.queues.pop(name, None)
        self._next.pop(name, None)
        self._owners.pop(name, None)
        self._polled.discard(name)

    def _answer(
        self, method: str, target: str, body: str, token: str, number: int
    ) -> tuple[int, bytes]:
        try:
            with self._changed:
                self.begun[number] += 1
                answer = self._route(method, target, body, token)
                self._save()
        except (ValueError, TypeError, KeyError, AttributeError):
            return _ERROR
        if answer is None:
            return 404, f"Not found: //localhost{target}".encode()
        return 200, answer

    def _route(self, method: str, target: str, body: str, token: str) -> bytes | None:
        match = _ROUTE.fullmatch(target)
        parts = [] if match is None else [part for part in match.groups() if part is not None]
        if any("/" in unquote(part) for part in parts):
            return None
        match method, [unquote(part) for part in parts]:
            case "GET", ["persistent", name]:
                self._create(name)
                return name.encode()
            case "GET", ["transient", name]:
                self._create(name)
                self._owners.setdefault(name, token)
                return name.encode()
            case "GET", ["destroy", name]:
                self._drop(name)
                return b""
            case "GET", ["list", prefix]:
                return _json([name for name in self.queues if name.startswith(prefix)])
            case "GET", ["list", "alive", prefix]:
                return _json([n for n in self.queues if n in self._polled and n.startswith(prefix)])
            case "GET", ["ack", name, id]:
                self.queues.get(name, {}).pop(int(id), None)
                return b""
            case "POST", ["transfer"]:
                return self._transfer(json.loads(body))
            case "POST", ["request", name, reply]:
                return self._put(name, body, ["Request", reply])
            case "POST", ["response", name, queue, id]:
                return self._put(name, body, ["Response", [queue, int(id)]])
        return None

    def _create(self, name: str) -> None:
        self.queues.setdefault(name, {})
        self._next.setdefault(name, 0)

    def _put(self, name: str, payload: str, kind: Any) -> bytes:
        if name not in self.queues:
            return b"[]"
        id = self._next[name]
        self._next[name] = id + 1
        self.queues[name][id] = payload, kind
        self._changed.notify_all()
        return _json([[name, id]])

    def _transfer(self, wanted: dict[str, Any]) -> bytes:
        after = wanted.get("from", "-1") if "from" in wanted else "-1"
        if not isinstance(after, str):
            raise TypeError
        end = time.monotonic() + float(wanted["timeout"])
        self._polled.update(self.queues.keys() & set(wanted["queues"]))

        def ready() -> list[Any]:
            return [
                [[name, id], {"payload": payload, "kind": kind}]
                for name in wanted["queues"]
                for id, (payload, kind) in sorted(self.queues.get(name, {}).items(), reverse=True)
                if id > int(after)
            ]

        while not (messages := ready()) and (left := end - time.monotonic()) > 0:
            self._changed.wait(left)
        following = str(max((id for (_, id), _ in messages), default=int(after)))
        return _json({"messages": messages, "next": following})


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


if __name__ == "__main__":
    Switch(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    print("ready", flush=True)
    threading.Event().wait()
